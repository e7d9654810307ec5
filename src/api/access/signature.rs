//! A request that is signed: its body is read first, as the signature is of it too.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;

use super::Refusal;
use crate::access::sigv4::SignedRequest;
use crate::access::{Access, Caller};
use crate::api::address::Asked;
use crate::api::body::{RequestBody, read_as_sent};
use crate::api::state::ApiState;

/// Keeps the room that a body takes for as long as the request lives.
#[derive(Clone)]
struct Held(#[expect(dead_code, reason = "it is there to be dropped")] Arc<RequestBody>);

/// Whose signature it is, and the request with its body again.
pub(super) async fn verify(
    state: ApiState,
    access: Arc<Access>,
    request: Request,
) -> (Result<Arc<Caller>, Refusal>, Request) {
    let (mut parts, body) = request.into_parts();
    let body = match read_as_sent(&state, body).await {
        Ok(body) => body,
        Err(fault) => return (Err(Refusal::Fault(fault)), Request::from_parts(parts, Body::empty())),
    };
    let uri = parts.extensions.get::<Asked>().map_or(&parts.uri, |asked| &asked.0);
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(http::uri::Authority::as_str).or(host).unwrap_or("localhost");
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let headers =
        parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let caller = access.by_signature(&SignedRequest {
        method: parts.method.as_str(),
        uri: format!("http://{host}{path}"),
        headers: headers.collect(),
        authorization: authorization.unwrap_or_default(),
        body: &body.bytes,
    });
    let bytes = body.bytes.clone();
    parts.extensions.insert(Held(Arc::new(body)));
    (caller.map_err(Refusal::Denied), Request::from_parts(parts, Body::from(bytes)))
}
