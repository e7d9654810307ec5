//! The names that a service on a loopback address answers to.
//!
//! A web page may have its own name point to 127.0.0.1 once it is loaded (DNS rebinding); to the browser, what is served there is then
//! the page's own. The name in the request is still the page's.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::Request;
use axum::http::header;

use crate::api::fault::{Code, Fault};
use crate::row::excerpt;

/// Names in lower case, beside localhost and addresses written as numbers, which no page can have.
pub(in crate::api) struct Hosts(Vec<String>);

impl Hosts {
    /// These names.
    pub(in crate::api) fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// That `request` asks for one of them, if it says for which.
    pub(super) fn check(&self, request: &Request) -> Result<(), Fault> {
        let named = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
        let asked = request.uri().authority().map(http::uri::Authority::as_str);
        match named.into_iter().chain(asked).find(|host| !self.holds(host)) {
            None => Ok(()),
            Some(other) => {
                let other = excerpt(other);
                Err(Fault::new(
                    Code::Misdirected,
                    format!(
                        "the request is for {other:?}, which is not a name of this service (server.hosts)"
                    ),
                ))
            }
        }
    }

    fn holds(&self, authority: &str) -> bool {
        if let Some(rest) = authority.strip_prefix('[') {
            let end = |(address, port): (&str, &str)| {
                address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.starts_with(':'))
            };
            return rest.split_once(']').is_some_and(end);
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.strip_suffix('.').unwrap_or(host);
        host.parse::<IpAddr>().is_ok()
            || host.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|name| host.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_localhost_and_the_configured_names() {
        let hosts = Hosts::new(vec!["imba.test".to_owned()]);
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "192.0.2.1:80",
            "[::1]",
            "[::1]:8080",
            "localhost",
            "LocalHost:8080",
            "localhost.:8080",
            "imba.test",
            "IMBA.test:1",
        ] {
            assert!(hosts.holds(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil-localhost",
            "a@127.0.0.1",
            "imba.test.evil.example",
            "[::1].evil.example]",
            "[evil]",
            "2130706433.example",
        ] {
            assert!(!hosts.holds(host), "{host}");
        }
    }
}
