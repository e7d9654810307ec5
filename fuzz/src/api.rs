//! Who asks, by the headers and the body of a request.

mod presented;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::access::jwks::JwksSource;
use crate::access::sigv4::SignedRequest;
use crate::access::{Access, Caller, Denied};
use crate::cause::Cause;
use crate::config::Config;
use crate::config::source::{Origin, Raw, Settings};
use crate::telemetry::metrics::AccessMetrics;
use presented::Presented;

const fn name(lower_case: &'static str) -> HeaderName {
    HeaderName::from_static(lower_case)
}

/// Headers, one per line, and after an empty line the body. Lines that are no headers are skipped.
#[must_use]
pub fn request(bytes: &[u8]) -> (HeaderMap, &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + 2..]));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    (headers, body)
}

/// Whose request it is, by what it presents.
///
/// # Errors
/// Nobody's.
pub async fn caller(access: &Access, headers: &HeaderMap, body: &[u8]) -> Result<Arc<Caller>, Denied> {
    match Presented::of(headers, access.takes_tokens())? {
        Presented::Nothing => Err(Denied::Missing),
        Presented::Key(key) => access.by_key(key),
        Presented::Token(token) => access.by_token(token).await,
        Presented::Signature => {
            let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
            access.by_signature(&SignedRequest {
                method: "POST",
                uri: format!("http://localhost{}", value("path").unwrap_or("/")),
                headers: headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect(),
                authorization: value("authorization").unwrap_or_default(),
                body,
            })
        }
    }
}

struct Keys(&'static str);

#[async_trait::async_trait]
impl JwksSource for Keys {
    async fn fetch(&self) -> Result<Vec<u8>, Cause> {
        Ok(format!("{{\"keys\":[{}]}}", self.0).into_bytes())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

/// A door with one caller of each kind: `settings` of `[access]`, and the public key that tokens are signed by.
///
/// # Panics
/// They do not fit together.
pub async fn door(settings: &[(&str, &str)], jwk: &'static str) -> Access {
    let mut all = Settings::defaults();
    for (key, value) in settings {
        all.set(*key, Raw::Text((*value).to_owned()), Origin::Flag("test"));
    }
    let config = Config::resolve(&all).expect("a good configuration");
    let access = Access::open(&config.access, Some(Arc::new(Keys(jwk))), AccessMetrics::default());
    let access = access.expect("good files");
    access.fetch_keys().await.expect("a key");
    access
}
