//! Where the public keys of tokens come from: a file, or an address.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::access::jwks::{JwksSource, LARGEST};
use crate::cause::{Cause, cause};
use crate::config::access::JwksPlace;

/// Time for a whole fetch.
const PATIENCE: Duration = Duration::from_secs(5);

/// The place that the configuration names.
pub(super) fn source(place: &JwksPlace) -> Arc<dyn JwksSource> {
    match place {
        JwksPlace::File(path) => Arc::new(JwksFile(path.clone())),
        JwksPlace::Url(url) => Arc::new(JwksUrl(url.clone())),
    }
}

struct JwksFile(PathBuf);

#[async_trait]
impl JwksSource for JwksFile {
    async fn fetch(&self) -> Result<Vec<u8>, Cause> {
        let path = self.0.clone();
        let read = tokio::task::spawn_blocking(move || {
            use std::io::Read;
            let mut document = Vec::new();
            let file = std::fs::File::open(path)?;
            file.take(LARGEST as u64 + 1).read_to_end(&mut document).map(|_| document)
        });
        read.await.map_err(cause)?.map_err(cause)
    }

    fn location(&self) -> String {
        self.0.display().to_string()
    }
}

struct JwksUrl(String);

#[async_trait]
impl JwksSource for JwksUrl {
    async fn fetch(&self) -> Result<Vec<u8>, Cause> {
        match timeout(PATIENCE, get(&self.0)).await {
            Ok(document) => document,
            Err(_) => Err(cause(format!("no answer within {PATIENCE:?}"))),
        }
    }

    fn location(&self) -> String {
        self.0.clone()
    }
}

/// The body of a 200 response; redirects are not followed.
async fn get(url: &str) -> Result<Vec<u8>, Cause> {
    let uri: hyper::Uri = url.parse().map_err(cause)?;
    let host = uri.host().ok_or_else(|| cause("it has no host"))?.to_owned();
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream = TcpStream::connect((bare.as_str(), port)).await.map_err(cause)?;
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let authority = uri.authority().map_or(host.as_str(), http::uri::Authority::as_str);
    let request = Request::get(path).header("host", authority).header("accept", "application/json");
    let request = request.body(Empty::<Bytes>::new()).map_err(cause)?;
    if !is_tls {
        return ask(stream, request).await;
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(cause)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(bare).map_err(cause)?;
    ask(TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(cause)?, request).await
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<Vec<u8>, Cause> {
    let (mut client, connection) = handshake(TokioIo::new(stream)).await.map_err(cause)?;
    tokio::spawn(connection);
    let answer = client.send_request(request).await.map_err(cause)?;
    if answer.status() != hyper::StatusCode::OK {
        return Err(cause(format!("the answer is {}", answer.status())));
    }
    let body = Limited::new(answer.into_body(), LARGEST).collect().await.map_err(cause)?;
    Ok(body.to_bytes().to_vec())
}
