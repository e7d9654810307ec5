use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::service::{Builder, RECORDED, TestService};

/// An authority with a certificate of its own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for `localhost` and its key, in PEM.
    fn issue(&self) -> (rcgen::Certificate, KeyPair) {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("signed"), key)
    }
}

struct Files {
    folder: TempDir,
}

impl Files {
    fn new(authority: &Authority) -> Self {
        let files = Self { folder: tempfile::tempdir().expect("a folder") };
        files.put(authority);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, authority: &Authority) {
        let (certificate, key) = authority.issue();
        for (name, text) in [("key.pem", key.serialize_pem()), ("certificate.pem", certificate.pem())] {
            std::fs::write(self.path("new"), text).expect("written");
            std::fs::rename(self.path("new"), self.path(name)).expect("renamed");
        }
    }

    fn service(&self) -> Builder {
        TestService::builder()
            .with("server.tls.certificate", &self.path("certificate.pem").to_string_lossy())
            .with("server.tls.key", &self.path("key.pem").to_string_lossy())
            .with("server.tls.reload_interval", "20ms")
    }
}

fn client(authority: &Authority, alpn: &[&str]) -> ClientConfig {
    let config = trusting(authority).with_no_client_auth();
    with_alpn(config, alpn)
}

fn with_alpn(mut config: ClientConfig, alpn: &[&str]) -> ClientConfig {
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn trusting(authority: &Authority) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.expect("versions").with_root_certificates(roots)
}

async fn connect(service: &TestService, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(service.address()).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn request(path: &str) -> Request<Full<Bytes>> {
    let body = if path == "/predict" { RECORDED } else { "" };
    let method = if path == "/predict" { "POST" } else { "GET" };
    let request =
        Request::builder().method(method).uri(format!("https://localhost{path}")).header("host", "localhost");
    request.body(Full::new(Bytes::from_static(body.as_bytes()))).expect("a request")
}

/// Status, headers and body over HTTP/1.1.
async fn ask(stream: TlsStream<TcpStream>, path: &str) -> (u16, hyper::HeaderMap, Bytes) {
    let (mut client, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let (parts, body) = client.send_request(request(path)).await.expect("an answer").into_parts();
    (parts.status.as_u16(), parts.headers, body.collect().await.expect("a body").to_bytes())
}

#[tokio::test]
async fn both_protocols_by_alpn() {
    let authority = Authority::new();
    let service = Files::new(&authority).service().start().await;
    for alpn in [&["http/1.1"][..], &[]] {
        let stream = connect(&service, client(&authority, alpn)).await.expect("a handshake");
        let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(chosen, alpn.first().map(|name| name.as_bytes().to_vec()));
        assert_eq!(ask(stream, "/predict").await.0, 200);
    }
    let stream = connect(&service, client(&authority, &["h2", "http/1.1"])).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let stream = TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    for _ in 0..3 {
        let answer = sender.send_request(request("/predict")).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2));
    }
}

#[tokio::test]
async fn the_page_has_its_headers_and_plain_http_has_no_hsts() {
    let authority = Authority::new();
    let service = Files::new(&authority).service().start().await;
    let stream = connect(&service, client(&authority, &[])).await.expect("a handshake");
    let (status, headers, _) = ask(stream, "/").await;
    assert_eq!(status, 200);
    assert_eq!(headers["strict-transport-security"], "max-age=31536000");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let policy = headers["content-security-policy"].to_str().expect("ASCII");
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let plain = TestService::start().await.get("/").send().await.expect("an answer");
    assert!(!plain.headers().contains_key("strict-transport-security"));
    assert_eq!(plain.headers()["x-content-type-options"], "nosniff");
    // Who speaks no TLS hears nothing.
    assert!(service.get("/").send().await.is_err());
}

#[tokio::test]
async fn tls_1_2_and_1_3() {
    let authority = Authority::new();
    let service = Files::new(&authority).service().start().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.der().clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]);
        let config = builder.expect("a version").with_root_certificates(roots).with_no_client_auth();
        let stream = connect(&service, config).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        assert_eq!(ask(stream, "/livez").await.0, 200);
    }
}

#[tokio::test]
async fn a_client_needs_a_certificate_where_authorities_are_named() {
    let (authority, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let files = Files::new(&authority);
    std::fs::write(files.path("clients.pem"), clients.certificate.pem()).expect("written");
    let service = files.service().with("server.tls.client_ca", &files.path("clients.pem").to_string_lossy());
    let service = service.start().await;
    let with = |issuer: &Authority| {
        let (certificate, key) = issuer.issue();
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        trusting(&authority).with_client_auth_cert(chain, key).expect("fits")
    };
    let stream = connect(&service, with(&clients)).await.expect("a handshake");
    assert_eq!(ask(stream, "/livez").await.0, 200);
    for config in [with(&strangers), client(&authority, &[])] {
        // With TLS 1.3 the client hears of it when it reads.
        let Ok(stream) = connect(&service, config).await else { continue };
        let (mut client, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("not yet");
        tokio::spawn(connection);
        assert!(client.send_request(request("/livez")).await.is_err());
    }
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_bad_one_is_not() {
    let (old, new) = (Authority::new(), Authority::new());
    let files = Files::new(&old);
    let service = files.service().start().await;
    let kept = connect(&service, client(&old, &[])).await.expect("a handshake");
    std::fs::write(files.path("certificate.pem"), "nonsense").expect("written");
    tokio::time::sleep(Duration::from_millis(100)).await;
    connect(&service, client(&old, &[])).await.expect("the old one");
    files.put(&new);
    let renewed = async {
        while connect(&service, client(&new, &[])).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed).await.expect("the new one");
    assert!(connect(&service, client(&old, &[])).await.is_err());
    // A connection goes on with what it began with.
    assert_eq!(ask(kept, "/livez").await.0, 200);
}

/// The program's own health check believes the certificate that it is configured with, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_check_speaks_tls() {
    let authority = Authority::new();
    let (files, others) = (Files::new(&authority), Files::new(&authority));
    let service = files.service().start().await;
    for (files, expected) in [(&files, 0), (&others, 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = crate::cli::imba(&folder);
        command
            .arg("healthcheck")
            .env("IMBA__SERVER__LISTEN", service.address())
            .env("IMBA__SERVER__TLS__CERTIFICATE", files.path("certificate.pem"))
            .env("IMBA__SERVER__TLS__KEY", files.path("key.pem"));
        let ran = tokio::task::spawn_blocking(move || crate::cli::run(&mut command)).await.expect("no panic");
        assert_eq!(ran.0, expected, "{}", ran.2);
    }
}

#[tokio::test]
async fn files_that_do_not_fit_stop_the_start() {
    let authority = Authority::new();
    let files = Files::new(&authority);
    let other = Files::new(&authority);
    let certificate = files.path("certificate.pem").to_string_lossy().into_owned();
    let key = files.path("key.pem").to_string_lossy().into_owned();
    for (name, path, what) in [
        ("server.tls.certificate", key.as_str(), "server.tls.certificate: "),
        ("server.tls.key", certificate.as_str(), "server.tls.key: "),
        ("server.tls.key", &*other.path("key.pem").to_string_lossy(), "server.tls.certificate: "),
        ("server.tls.client_ca", "/nowhere", "server.tls.client_ca: "),
    ] {
        let config = files.service().with(name, path).config().server.tls.expect("TLS");
        let error = imba::server::Tls::open(&config).err().expect("refused").to_string();
        assert!(error.starts_with(what), "{error}");
    }
}
