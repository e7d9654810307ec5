//! What stands around the routes: TLS, the host names that are answered, and the cache of answers.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Reader;

/// `[server.tls]`
#[derive(Debug, Clone)]
pub struct Tls {
    /// `server.tls.certificate`
    pub certificate: PathBuf,
    /// `server.tls.key`
    pub key: PathBuf,
    /// `server.tls.client_ca`
    pub client_ca: Option<PathBuf>,
    /// `server.tls.handshake_timeout`
    pub handshake_timeout: Duration,
    /// `server.tls.handshakes`
    pub handshakes: usize,
    /// `server.tls.reload_interval`; `None` for `"off"`
    pub reload_interval: Option<Duration>,
}

/// `[answers]`: the cache of answers.
#[derive(Debug, Clone, Copy)]
pub struct Answers {
    /// `answers.cache_ttl`
    pub ttl: Duration,
    /// `answers.cache_size`, in bytes
    pub size: usize,
    /// `answers.cache_explain`
    pub explain: bool,
    /// `answers.bypass` is `"admin"`: a caller without that scope cannot ask for a fresh answer.
    pub bypass_is_for_admins: bool,
}

pub(super) fn tls(reader: &mut Reader<'_>) -> Option<Tls> {
    let certificate = reader.optional("server.tls.certificate");
    let key = reader.optional("server.tls.key");
    let client_ca = reader.optional("server.tls.client_ca").map(PathBuf::from);
    let handshake_timeout = reader.duration("server.tls.handshake_timeout");
    let handshakes = reader.count("server.tls.handshakes");
    let reload_interval = reader.interval("server.tls.reload_interval");
    let half = match (&certificate, &key) {
        (Some(_), None) => Some(("server.tls.key", "is empty: the certificate needs its key")),
        (None, Some(_)) => Some(("server.tls.certificate", "is empty: the key needs its certificate")),
        (None, None) if client_ca.is_some() => {
            Some(("server.tls.certificate", "is empty: server.tls.client_ca is for a server with TLS"))
        }
        _ => None,
    };
    if let Some((key, what)) = half {
        reader.mistake(key, what.to_owned());
    }
    let (certificate, key) = (certificate?.into(), key?.into());
    Some(Tls { certificate, key, client_ca, handshake_timeout, handshakes, reload_interval })
}

/// `server.base_path`, without a slash at its end.
pub(super) fn base_path(reader: &mut Reader<'_>) -> String {
    const KEY: &str = "server.base_path";
    let path = reader.optional(KEY).unwrap_or_default();
    let path = path.trim_end_matches('/');
    let is_plain = path.split('/').skip(1).all(|part| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte))
            && part != "."
            && part != ".."
    });
    if !path.is_empty() && (!path.starts_with('/') || !is_plain) {
        reader.mistake(KEY, format!("expected a path like \"/prod\", found {path:?}"));
    }
    path.to_owned()
}

/// `server.hosts`, in lower case.
pub(super) fn hosts(reader: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "server.hosts";
    let hosts: Vec<String> = reader.list(KEY).iter().map(|host| host.to_ascii_lowercase()).collect();
    for host in &hosts {
        let is_host = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !is_host {
            reader.mistake(KEY, format!("expected host names without port, found {host:?}"));
        }
    }
    hosts
}

/// `None` when `answers.cache_ttl` is `"off"`.
pub(super) fn answers(reader: &mut Reader<'_>) -> Option<Answers> {
    let ttl = reader.interval("answers.cache_ttl");
    let size = reader.size("answers.cache_size");
    let explain = reader.flag("answers.cache_explain");
    let bypass_is_for_admins = reader.choice("answers.bypass", &[("anyone", false), ("admin", true)]);
    Some(Answers { ttl: ttl?, size, explain, bypass_is_for_admins })
}
