//! What a request carries that tells who asks.

use http::{HeaderMap, HeaderName, header};

use crate::access::{Denied, key, sigv4};
use crate::api::name;

const API_KEY: HeaderName = name("x-api-key");

/// One of these.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presented<'h> {
    /// Nothing at all.
    Nothing,
    /// A key.
    Key(&'h str),
    /// A token.
    Token(&'h str),
    /// A signature, in the words of AWS.
    Signature,
}

impl<'h> Presented<'h> {
    /// What `headers` carry. Two things that tell who asks are none: nobody shall have to know which one counts.
    pub(super) fn of(headers: &'h HeaderMap, takes_tokens: bool) -> Result<Self, Denied> {
        let key = one(headers, &API_KEY)?;
        let authorization = one(headers, &header::AUTHORIZATION)?;
        match (key, authorization) {
            (None, None) => Ok(Self::Nothing),
            (Some(key), None) if !key.is_empty() => Ok(Self::Key(key)),
            (Some(_), None) => Err(Denied::Malformed("x-api-key is empty")),
            (Some(_), Some(_)) => Err(Denied::Malformed("there are both x-api-key and authorization")),
            (None, Some(authorization)) => Self::of_authorization(authorization, takes_tokens),
        }
    }

    fn of_authorization(text: &'h str, takes_tokens: bool) -> Result<Self, Denied> {
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme == sigv4::SCHEME {
            return Ok(Self::Signature);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Denied::Malformed(
                "the scheme of authorization is neither Bearer nor AWS4-HMAC-SHA256",
            ));
        }
        let credential = rest.trim();
        // RFC 6750, 2.1.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if credential.is_empty() || !credential.bytes().all(is_token) {
            return Err(Denied::Malformed("authorization holds no bearer token"));
        }
        let is_signed = takes_tokens && !credential.starts_with(key::PREFIX) && credential.contains('.');
        Ok(if is_signed { Self::Token(credential) } else { Self::Key(credential) })
    }
}

/// The one value of a header.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Denied> {
    let mut all = headers.get_all(name).iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Denied::Malformed("a header that tells who asks is there twice"));
    }
    value.to_str().map(|text| Some(text.trim())).map_err(|_| Denied::Malformed("it is not visible ASCII"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn headers_of_every_kind() {
        let headers = |lines: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                let name = HeaderName::try_from(*name).unwrap();
                headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            headers
        };
        for (lines, expected) in [
            (&[][..], Some(Presented::Nothing)),
            (&[("x-api-key", "imba_x")], Some(Presented::Key("imba_x"))),
            (&[("x-api-key", " any text ")], Some(Presented::Key("any text"))),
            (&[("authorization", "Bearer imba_x")], Some(Presented::Key("imba_x"))),
            (&[("authorization", "bearer   imba_x.y")], Some(Presented::Key("imba_x.y"))),
            (&[("authorization", "BEARER a.b.c")], Some(Presented::Token("a.b.c"))),
            (&[("authorization", "Bearer abc")], Some(Presented::Key("abc"))),
            (&[("authorization", "AWS4-HMAC-SHA256 whatever")], Some(Presented::Signature)),
            (&[("x-api-key", "")], None),
            (&[("authorization", "")], None),
            (&[("authorization", "Bearer")], None),
            (&[("authorization", "Bearer ")], None),
            (&[("authorization", "Bearer a b")], None),
            (&[("authorization", "Bearer a,b")], None),
            (&[("authorization", "Bearer\ta")], None),
            (&[("authorization", "Basic YWJjOmRlZg==")], None),
            (&[("authorization", "aws4-hmac-sha256 x")], None),
            (&[("authorization", "Negotiate")], None),
            (&[("authorization", "Bearer é")], None),
            (&[("x-api-key", "é")], None),
            (&[("x-api-key", "a"), ("x-api-key", "a")], None),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer a")], None),
            (&[("x-api-key", "a"), ("authorization", "Bearer a")], None),
        ] {
            assert_eq!(Presented::of(&headers(lines), true).ok(), expected, "{lines:?}");
        }
        let token = headers(&[("authorization", "Bearer a.b.c")]);
        assert_eq!(Presented::of(&token, false), Ok(Presented::Key("a.b.c")));
    }
}
