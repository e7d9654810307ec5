//! TLS over pipes in memory: handshakes that take too long, or are too many, and the end of connections.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::config;
use crate::server::{MaybeTls, Tls};

struct Secure {
    running: Running,
    client: Arc<ClientConfig>,
}

fn start_tls(handshakes: usize) -> Secure {
    let folder = tempfile::tempdir().expect("a folder");
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, cert.pem()).expect("written");
    std::fs::write(&key, signing_key.serialize_pem()).expect("written");
    let handshake_timeout = seconds(10);
    let (client_ca, reload_interval) = (None, None);
    let tls = Tls::open(&config::Tls {
        certificate,
        key,
        client_ca,
        handshake_timeout,
        handshakes,
        reload_interval,
    })
    .expect("fits");
    let mut config = Config::resolve(&Settings::defaults()).expect("the defaults").server;
    config.ready_delay = Duration::ZERO;
    let running = serve_pipes(config, |listener| MaybeTls { listener, tls: Some(tls) });
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Secure { running, client: Arc::new(client) }
}

impl Secure {
    async fn connect(&self) -> std::io::Result<TlsStream<DuplexStream>> {
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::clone(&self.client)).connect(name, self.running.connect()).await
    }

    async fn connect_h2(&self) -> SendRequest<Empty<Bytes>> {
        let stream = TokioIo::new(self.connect().await.expect("a handshake"));
        let (client, connection) = http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        client
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_is_waited_for() {
    let secure = start_tls(10);
    // Nothing, the begin of a hello, plain HTTP.
    about(10, time_to_close(&mut secure.running.connect()).await);
    let mut stream = secure.running.connect();
    stream.write_all(&[22, 3, 1, 0]).await.expect("sent");
    about(10, time_to_close(&mut stream).await);
    let mut stream = secure.running.connect();
    stream.write_all(GET).await.expect("sent");
    assert!(time_to_close(&mut stream).await < seconds(1), "no hello at all");
    // One that is slow and in time.
    let name = ServerName::try_from("localhost").expect("a name");
    let (stream, connector) = (secure.running.connect(), TlsConnector::from(Arc::clone(&secure.client)));
    sleep(seconds(9)).await;
    connector.connect(name, stream).await.expect("in time");
}

#[tokio::test(start_paused = true)]
async fn the_oldest_handshake_makes_room() {
    let secure = start_tls(2);
    let started = Instant::now();
    let mut silent: Vec<_> = (0..3).map(|_| secure.running.connect()).collect();
    // Two may be silent for as long as it takes, the third one closes the first.
    assert!(time_to_close(&mut silent.remove(0)).await < seconds(1));
    // However many are silent, whoever is not gets through at once.
    for _ in 0..5 {
        silent.push(secure.running.connect());
        secure.connect().await.expect("a handshake");
    }
    assert!(started.elapsed() < seconds(1), "{:?}", started.elapsed());
    let last = silent.last_mut().expect("a silent one");
    about(10, time_to_close(last).await);
    // Those that are over take no room.
    let mut silent = [secure.running.connect(), secure.running.connect()];
    about(10, time_to_close(&mut silent[0]).await);
}

/// What runs is finished, and the client is told to go elsewhere.
#[tokio::test(start_paused = true)]
async fn a_drain_says_goaway_over_tls() {
    let mut secure = start_tls(10);
    let mut client = secure.connect_h2().await;
    let slow = tokio::spawn(client.send_request(get("/slow")));
    sleep(seconds(1)).await;
    secure.running.stop();
    let answer = slow.await.expect("no panic").expect("an answer after the stop");
    assert_eq!(answer.collect().await.expect("a body").to_bytes(), "slow");
    assert!(client.send_request(get("/")).await.is_err(), "told to go away");
    secure.running.served.await.expect("drained");
}

/// One of HTTP/1.1 is closed with an alert, so that nobody takes the end for a cut.
#[tokio::test(start_paused = true)]
async fn a_drain_ends_http1_over_tls_cleanly() {
    let mut secure = start_tls(10);
    Arc::make_mut(&mut secure.client).alpn_protocols.clear();
    let mut stream = secure.connect().await.expect("a handshake");
    stream.write_all(&GET.replace_path("/slow")).await.expect("sent");
    sleep(seconds(1)).await;
    secure.running.stop();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("ended by close_notify");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK") && answer.ends_with(b"slow"));
    secure.running.served.await.expect("drained");
}

/// A connection that has said nothing is no reason to wait.
#[tokio::test(start_paused = true)]
async fn a_handshake_under_way_does_not_hold_up_the_drain() {
    let mut secure = start_tls(10);
    let _silent = secure.running.connect();
    sleep(seconds(1)).await;
    secure.running.stop();
    let started = Instant::now();
    secure.running.served.await.expect("drained");
    assert!(started.elapsed() < seconds(2), "{:?}", started.elapsed());
}
