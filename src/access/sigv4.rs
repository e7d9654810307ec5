//! Signatures of AWS, version 4 (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>): what the signature of a request
//! should be is computed as its client did, and compared.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use subtle::ConstantTimeEq;

use super::key::{digest, hex};
use super::keys::Signers;
use super::{Caller, Denied};

/// How far the client's clock may differ.
const SKEW: Duration = Duration::from_mins(15);
/// What boto3 and the SDKs sign calls of the Runtime API for.
const SERVICE: &str = "sagemaker";
/// The scheme in `Authorization`.
pub const SCHEME: &str = "AWS4-HMAC-SHA256";
/// The header with the time of the signature.
const DATE: &str = "x-amz-date";

/// The header with the hash of the body, which not all clients send.
const PAYLOAD: &str = "x-amz-content-sha256";

/// A request as it was signed.
pub struct SignedRequest<'r> {
    /// The method.
    pub method: &'r str,
    /// The address, as the client wrote it: scheme, host, path and query.
    pub uri: String,
    /// All headers, names in lower case.
    pub headers: Vec<(&'r str, &'r str)>,
    /// The value of `Authorization`.
    pub authorization: &'r str,
    /// The whole body, as it was sent.
    pub body: &'r [u8],
}

/// What `Authorization` says.
struct Authorization<'a> {
    id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

/// Whose signature it is.
pub(super) fn caller(
    signers: &Signers,
    request: &SignedRequest<'_>,
    now: SystemTime,
) -> Result<Arc<Caller>, Denied> {
    let malformed = Denied::Signature("it cannot be read");
    let authorization = parse(request.authorization).ok_or(malformed)?;
    let date = |name: &&(&str, &str)| name.0 == DATE;
    let (_, date) = request.headers.iter().find(date).ok_or(Denied::Signature("there is no x-amz-date"))?;
    let time = time(date).filter(|_| date.starts_with(authorization.day)).ok_or(malformed)?;
    let skew = now.duration_since(time).unwrap_or_else(|early| early.duration());
    if skew > SKEW {
        return Err(Denied::Signature("it was made more than 15 minutes from now"));
    }
    if authorization.service != SERVICE {
        return Err(Denied::Signature("it is for another service than sagemaker"));
    }
    let declared = request.headers.iter().find(|(name, _)| *name == PAYLOAD);
    if declared.is_some_and(|(_, hash)| !hash.eq_ignore_ascii_case(&hex(&digest(request.body)))) {
        return Err(Denied::Signature("x-amz-content-sha256 is not the hash of the body"));
    }
    if !authorization.signed.contains(&"host") || !authorization.signed.contains(&DATE) {
        return Err(Denied::Signature("it does not cover host and x-amz-date"));
    }
    // A stranger's signature is computed too, with a secret that nobody has, so that its answer takes as long.
    let signer = signers.get(authorization.id);
    let secret = signer.map_or("a secret of nobody", |signer| signer.secret.as_str());
    let expected = signature(request, &authorization, secret, time).ok_or(malformed)?;
    let is_right = bool::from(expected.as_bytes().ct_eq(authorization.signature.as_bytes()));
    match signer {
        Some(signer) if is_right => Ok(Arc::clone(&signer.caller)),
        _ => Err(Denied::Signature("it is not that of the request by a known access key")),
    }
}

/// The signature of `request` by `secret`, over the headers that were signed.
fn signature(
    request: &SignedRequest<'_>,
    authorization: &Authorization<'_>,
    secret: &str,
    time: SystemTime,
) -> Option<String> {
    let identity = Credentials::new(authorization.id, secret, None, None, "imba").into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(authorization.region)
        .name(SERVICE)
        .time(time)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let signed = request.headers.iter().copied();
    // The date is added when the signature is made.
    let signed = signed.filter(|(name, _)| *name != DATE && authorization.signed.contains(name));
    let body = SignableBody::Bytes(request.body);
    let signable = SignableRequest::new(request.method, request.uri.as_str(), signed, body).ok()?;
    Some(sign(signable, &parameters).ok()?.into_parts().1)
}

/// `AWS4-HMAC-SHA256 Credential=ID/20261126/eu-west-1/sagemaker/aws4_request, SignedHeaders=host;x-amz-date, Signature=…`
fn parse(text: &str) -> Option<Authorization<'_>> {
    let (mut credential, mut signed, mut signature) = (None, None, None);
    for part in text.strip_prefix(SCHEME)?.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed,
            "Signature" => &mut signature,
            _ => return None,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let mut credential = credential?.split('/');
    let mut next = || credential.next().filter(|part| !part.is_empty());
    let (id, day, region, service, end) = (next()?, next()?, next()?, next()?, next()?);
    let is_whole = credential.next().is_none() && end == "aws4_request" && day.len() == 8;
    let signed: Vec<&str> = signed?.split(';').collect();
    is_whole.then_some(Authorization { id, day, region, service, signed, signature: signature? })
}

/// `20261126T014540Z`
fn time(text: &str) -> Option<SystemTime> {
    let is_plain = text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !is_plain {
        return None;
    }
    let part = |from: usize, to: usize| &text[from..to];
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(9, 11), part(11, 13), part(13, 15));
    humantime::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::keys::Signer;
    use crate::access::scope::Scopes;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const ID: &str = "AKIDEXAMPLE";
    const DATE_OF_TEST: &str = "20261126T014540Z";

    fn signers() -> Signers {
        let caller =
            Caller { kind: "sigv4", name: ID.into(), scopes: Scopes::USUAL, plan: None, meter: None };
        Signers::from([(ID.to_owned(), Signer { secret: SECRET.to_owned(), caller: Arc::new(caller) })])
    }

    fn now() -> SystemTime {
        time(DATE_OF_TEST).unwrap()
    }

    /// A request as botocore signs one, and what of it to change after that.
    fn ask(change: impl FnOnce(&mut SignedRequest<'static>), at: SystemTime) -> Result<Arc<Caller>, Denied> {
        let mut request = SignedRequest {
            method: "POST",
            uri: "http://127.0.0.1:8080/endpoints/imba/invocations".to_owned(),
            headers: vec![
                ("host", "127.0.0.1:8080"),
                ("content-type", "text/csv"),
                ("user-agent", "Boto3/1.40"),
                (DATE, DATE_OF_TEST),
            ],
            authorization: "",
            body: b"1,2,3",
        };
        let signed = vec!["content-type", "host", DATE];
        let authorization = Authorization {
            id: ID,
            day: "20261126",
            region: "eu-west-1",
            service: SERVICE,
            signed,
            signature: "",
        };
        let signature = signature(&request, &authorization, SECRET, now()).unwrap();
        let text = format!(
            "{SCHEME} Credential={ID}/20261126/eu-west-1/sagemaker/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        );
        request.authorization = text.leak();
        change(&mut request);
        caller(&signers(), &request, at)
    }

    #[test]
    fn the_caller_is_who_signed_it() {
        assert_eq!(&*ask(|_| {}, now()).unwrap().name, ID);
        // What proxies change is not signed.
        assert!(ask(|request| request.headers.push(("x-forwarded-for", "1.2.3.4")), now()).is_ok());
    }

    /// botocore 1.44.8 signed this one.
    #[test]
    fn botocore_signs_alike() {
        let signature = "2c11e95b22db59076c111d64271a1fc863e2509d156f7191ac27eb0bd6935f92";
        let authorization = format!(
            "{SCHEME} Credential={ID}/20261126/eu-west-1/sagemaker/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amzn-sagemaker-custom-attributes, Signature={signature}"
        );
        let request = SignedRequest {
            method: "POST",
            uri: "http://127.0.0.1:8080/endpoints/imba/invocations?b=2&a=x%20y".to_owned(),
            headers: vec![
                ("content-type", "text/csv"),
                ("x-amzn-sagemaker-custom-attributes", "a  b"),
                (DATE, DATE_OF_TEST),
                ("host", "127.0.0.1:8080"),
                ("content-length", "5"),
            ],
            authorization: &authorization,
            body: b"1,2,3",
        };
        assert_eq!(&*caller(&signers(), &request, now()).unwrap().name, ID);
    }

    #[test]
    fn whatever_was_signed_cannot_be_changed() {
        type Change = fn(&mut SignedRequest<'static>);
        let changes: [Change; 10] = [
            |request| request.body = b"1,2,4",
            |request| request.body = b"",
            |request| request.method = "PUT",
            |request| request.uri.push_str("?x=1"),
            |request| request.uri = request.uri.replace("imba", "other"),
            |request| request.headers[0].1 = "127.0.0.1:8081",
            |request| request.headers[1].1 = "application/json",
            |request| request.headers[3].1 = "20261126T014541Z",
            |request| request.authorization = request.authorization.replace(ID, "AKIDOTHER").leak(),
            |request| request.authorization = request.authorization.replace("eu-west-1", "us-east-1").leak(),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            assert!(ask(change, now()).is_err(), "change {at}");
        }
    }

    #[test]
    fn a_hash_of_the_payload_is_one_of_the_body() {
        let with = |hash: &str| {
            let hash: &'static str = hash.to_owned().leak();
            ask(|request| request.headers.push((PAYLOAD, hash)), now()).map(|_| ())
        };
        assert_eq!(with(&hex(&digest(b"1,2,3"))), Ok(()));
        for wrong in
            [hex(&digest(b"1,2,4")).as_str(), "UNSIGNED-PAYLOAD", "", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]
        {
            assert_eq!(
                with(wrong),
                Err(Denied::Signature("x-amz-content-sha256 is not the hash of the body"))
            );
        }
    }

    #[test]
    fn another_service_is_told() {
        let other = |request: &mut SignedRequest<'static>| {
            request.authorization = request.authorization.replace("/sagemaker/", "/s3/").leak();
        };
        assert_eq!(
            ask(other, now()).map(|_| ()),
            Err(Denied::Signature("it is for another service than sagemaker"))
        );
    }

    #[test]
    fn fifteen_minutes() {
        for (seconds, is_late) in [(0, false), (900, false), (901, true), (86_400, true)] {
            let time = Duration::from_secs(seconds);
            assert_eq!(ask(|_| {}, now() + time).is_err(), is_late);
            assert_eq!(ask(|_| {}, now() - time).is_err(), is_late);
        }
    }

    #[test]
    fn strange_authorizations() {
        for text in [
            "",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 ",
            "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=",
            "AWS4-HMAC-SHA256 Credential=a/20261126/r/sagemaker/aws4_request, Signature=x",
            "AWS4-HMAC-SHA256 Credential=a/20261126/r/sagemaker/aws4_request/x, SignedHeaders=host, Signature=x",
            "AWS4-HMAC-SHA256 Credential=a/2026/r/sagemaker/aws4_request, SignedHeaders=host, Signature=x",
            "AWS4-HMAC-SHA256 Credential=a/20261126/r/sagemaker/aws4_request, SignedHeaders=host, Signature=x, Signature=y",
            "AWS4-HMAC-SHA256 Other=a",
            "Bearer x",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
        for text in ["", "20261126T014540", "20261126t014540Z", "2026112éT14540Z", "20261341T014540Z"] {
            assert!(time(text).is_none(), "{text}");
        }
        let only_date = |request: &mut SignedRequest<'static>| {
            request.authorization = request.authorization.replace("content-type;host;", "").leak();
        };
        assert!(ask(only_date, now()).is_err());
        let undated = |request: &mut SignedRequest<'static>| request.headers.truncate(3);
        assert!(ask(undated, now()).is_err());
    }
}
