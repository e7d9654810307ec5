//! What stands before the routes: access control, the certificate, the watch over their files.

use std::future::ready;
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
    if let Err(error) = access.fetch_keys().await {
        // An issuer that is down now may be back in a minute; a file that is not there will not.
        if jwt.is_some_and(|jwt| matches!(jwt.jwks, JwksPlace::File(_))) {
            return Err(error.into());
        }
        warn!("{error}; tokens are refused until its keys are there");
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
        let (files, every) = (access.files(), config.access.reload_interval);
        let known = Arc::clone(access);
        let reload = move || ready(known.reload().map_err(|error| chain(&error)));
        watchers.push(FilesWatcher::new("keys of callers", files, every, reload));
        if let Some(jwt) = &config.access.jwt {
            // Those of an address are fetched anew now and then, but a signal is heard here too.
            let files = match &jwt.jwks {
                JwksPlace::File(path) => vec![path.clone()],
                JwksPlace::Url(_) => Vec::new(),
            };
            let known = Arc::clone(access);
            let reload = move || {
                let known = Arc::clone(&known);
                async move { known.fetch_keys().await.map_err(|error| chain(&error)) }
            };
            watchers.push(FilesWatcher::new("keys of tokens", files, every, reload));
        }
    }
    if let (Some(tls), Some(settings)) = (tls, &config.server.tls) {
        let (files, tls) = (tls.files(), tls.clone());
        let reload = move || ready(tls.reload().map_err(|error| chain(&error)));
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
