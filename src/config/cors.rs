//! `[cors]`: which pages may call.

use std::time::Duration;

use http::Uri;

use super::reader::Reader;

/// `[cors]`
#[derive(Debug, Clone)]
pub struct Cors {
    /// `cors.origins`
    pub origins: Origins,
    /// `cors.max_age`
    pub max_age: Duration,
    /// `cors.credentials`
    pub credentials: bool,
    /// `cors.private_network`
    pub private_network: bool,
}

/// `cors.origins`, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// `["*"]`
    Any,
    /// These; empty for none.
    Only(Vec<OriginPattern>),
}

/// An origin, or all of a domain's subdomains, as browsers spell origins (RFC 6454): in lower case, without a default port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginPattern {
    /// `https://shop.example.com`
    Exact(String),
    /// `https://*.example.com`: one name or several in place of the star.
    Subdomains {
        /// `https://`
        before: String,
        /// `.example.com`
        after: String,
    },
}

impl OriginPattern {
    /// Whether a browser's `Origin` header is of this pattern.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == origin,
            Self::Subdomains { before, after } => origin
                .strip_prefix(before.as_str())
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(|name| {
                    !name.is_empty()
                        && name
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
                }),
        }
    }
}

pub(super) fn cors(reader: &mut Reader<'_>) -> Cors {
    let origins = origins(reader);
    let credentials = reader.flag("cors.credentials");
    if credentials && origins == Origins::Any {
        let what = "browsers send credentials to origins that are named alone: cors.origins is [\"*\"]";
        reader.mistake("cors.credentials", what.to_owned());
    }
    Cors {
        origins,
        max_age: reader.duration("cors.max_age"),
        credentials,
        private_network: reader.flag("cors.private_network"),
    }
}

/// `["*"]` alone means any; every other entry must be a scheme and an authority, as a browser sends it.
fn origins(reader: &mut Reader<'_>) -> Origins {
    const KEY: &str = "cors.origins";
    let list = reader.list(KEY);
    if list == ["*"] {
        return Origins::Any;
    }
    let mut patterns = Vec::with_capacity(list.len());
    for origin in &list {
        match pattern(origin) {
            Some(pattern) => patterns.push(pattern),
            None if origin == "*" => reader.mistake(KEY, "\"*\" stands alone or not at all".to_owned()),
            None => reader.mistake(
                KEY,
                format!(
                    "{origin:?} is not an origin: expected scheme and host, like \"https://shop.example.com\" or \"https://*.example.com\""
                ),
            ),
        }
    }
    Origins::Only(patterns)
}

fn pattern(text: &str) -> Option<OriginPattern> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    // A URL's last slash is its path, and the empty path is no part of an origin.
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (star, authority) = match authority.strip_prefix("*.") {
        Some(domain) => (true, domain),
        None => (false, authority),
    };
    let uri: Uri = format!("{scheme}://{authority}").parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty() && !host.contains('*'))?;
    let is_plain = authority.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@,".contains(&byte));
    let port = match (scheme, uri.port_u16()) {
        ("http", Some(80)) | ("https", Some(443)) | ("http" | "https", None) => String::new(),
        ("http" | "https", Some(port)) => format!(":{port}"),
        _ => return None,
    };
    // To the parser, a port that is not a number is no port.
    let has_port = !authority.ends_with(']') && authority.rsplit_once(':').is_some();
    if !is_plain || has_port && uri.port_u16().is_none() {
        return None;
    }
    Some(if star {
        OriginPattern::Subdomains { before: format!("{scheme}://"), after: format!(".{host}{port}") }
    } else {
        OriginPattern::Exact(format!("{scheme}://{host}{port}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_as_browsers_spell_them() {
        for (text, origin) in [
            ("https://shop.example.com", "https://shop.example.com"),
            ("HTTPS://Shop.Example.com:443/", "https://shop.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(pattern(text), Some(OriginPattern::Exact(origin.to_owned())), "{text}");
        }
        for text in [
            "",
            "*",
            "https://",
            "https://shop.example?x",
            "https://shop.example/path",
            "https://a@b",
            "https://*",
            "https://a.*.com",
            "ftp://a",
            "shop.example.com",
            "https://a:b",
            "https://a, https://b",
            "https://a#b",
        ] {
            assert_eq!(pattern(text), None, "{text}");
        }
    }

    #[test]
    fn subdomains() {
        let pattern = pattern("https://*.example.com").unwrap();
        for origin in ["https://shop.example.com", "https://a.b.example.com"] {
            assert!(pattern.matches(origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "http://shop.example.com",
            "https://shop.example.com:444",
            "https://.example.com",
            "https://evil.com/.example.com",
            "https://shop.example.com.evil.com",
            "https://x@evil.com#.example.com",
        ] {
            assert!(!pattern.matches(origin), "{origin}");
        }
    }
}
