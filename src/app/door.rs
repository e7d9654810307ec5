//! What stands before the routes: access control, the certificate, the watch over their files.

use std::sync::Arc;

use tokio::net::TcpListener;
use tracing::warn;

use super::files::FilesWatcher;
use super::{StartError, jwks};
use crate::access::Access;
use crate::cause::chain;
use crate::config::access::JwksPlace;
use crate::config::{self, Config};
use crate::server::{self, Tls};
use crate::telemetry::metrics::AccessMetrics;

/// Who may ask, as `config` says; `None` for everybody.
pub(super) async fn open_access(
    config: &Config,
    metrics: AccessMetrics,
) -> Result<Option<Arc<Access>>, StartError> {
    if !config.access.is_on() {
        if !config.access.plans.is_empty() {
            warn!(
                "access.plans: they are for callers, and nobody is told apart: see access.keys and access.anonymous"
            );
        }
        return Ok(None);
    }
    let jwt = config.access.jwt.as_ref();
    let access = Access::open(&config.access, jwt.map(|jwt| jwks::source(&jwt.jwks)), metrics)?;
    // An issuer that is down now may be back in a minute; a missing file will not.
    if !access.fetch_keys().await
        && let Some(JwksPlace::File(path)) = jwt.map(|jwt| &jwt.jwks)
    {
        return Err(StartError::Jwks { path: path.clone() });
    }
    Ok(Some(Arc::new(access)))
}

/// What is configured of TLS.
pub(super) fn open_tls(server: &config::Server) -> Result<Option<Tls>, StartError> {
    Ok(server.tls.as_ref().map(Tls::open).transpose()?)
}

/// The watches over the files of callers and of TLS.
pub(super) fn watchers(
    config: &Config,
    access: Option<&Arc<Access>>,
    tls: Option<&Tls>,
) -> Vec<FilesWatcher> {
    let mut watchers = Vec::new();
    if let Some(access) = access {
        let (files, access) = (access.files(), Arc::clone(access));
        let reload = move || access.reload().map_err(|error| chain(&error));
        watchers.push(FilesWatcher::new("keys of callers", files, config.access.reload_interval, reload));
    }
    if let (Some(tls), Some(settings)) = (tls, &config.server.tls) {
        let (files, tls) = (tls.files(), tls.clone());
        let reload = move || tls.reload().map_err(|error| chain(&error));
        watchers.push(FilesWatcher::new("TLS files", files, settings.reload_interval, reload));
    }
    watchers
}

/// Binds `server.admin_listen`, if it is set.
///
/// # Errors
/// The address is in use, not local, or not permitted.
pub fn listen_admin(server: &config::Server) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = server.admin_listen else { return Ok(None) };
    if !address.ip().is_loopback() {
        warn!("server.admin_listen: {address}: metrics are served there in plain HTTP to whoever reaches it");
    }
    server::bind(address).map(Some).map_err(|source| StartError::ListenAdmin { address, source })
}
