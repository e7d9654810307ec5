//! TLS between a listener and HTTP: a stream that shakes hands when it is first read.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Listener;
use crate::config;
use crate::telemetry::access_log::ClientAddress;

/// A file cannot be used for TLS. The text names its key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It holds nothing of the kind.
    #[error("{key}: {}: {what}", path.display())]
    File {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Certificate and key, or the authorities, do not fit.
    #[error("server.tls.certificate: {}: {what}", path.display())]
    Unfit {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// The certificate in force, and how many may shake hands at once.
#[derive(Clone)]
pub struct Tls {
    config: config::Tls,
    server: Arc<ArcSwap<ServerConfig>>,
    handshakes: Arc<Handshakes>,
}

impl Tls {
    /// What `config` says.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn open(config: &config::Tls) -> Result<Self, TlsError> {
        let server = Arc::new(ArcSwap::from(load(config)?));
        let handshakes = Arc::new(Handshakes { most: config.handshakes, under_way: Mutex::default() });
        Ok(Self { config: config.clone(), server, handshakes })
    }

    /// Reads the files again, for new connections.
    ///
    /// # Errors
    /// One of them cannot be used; then all stays as it is.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.server.store(load(&self.config)?);
        Ok(())
    }

    /// The files that [`Self::reload`] reads.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let Self { config: config::Tls { certificate, key, client_ca, .. }, .. } = self;
        [certificate, key].into_iter().chain(client_ca).cloned().collect()
    }

    fn accept<T>(&self, stream: T) -> Secured<T>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(self.server.load_full());
        let (handshakes, patience) = (Arc::clone(&self.handshakes), self.config.handshake_timeout);
        Secured::Greeting(Box::pin(greet(acceptor, stream, handshakes, patience)))
    }
}

/// The handshakes under way, the oldest first. A newcomer never waits for those of others, who may be in no hurry.
struct Handshakes {
    most: usize,
    under_way: Mutex<VecDeque<Arc<Notify>>>,
}

/// One of them, until it is dropped.
struct Handshake {
    all: Arc<Handshakes>,
    makes_room: Arc<Notify>,
}

impl Handshakes {
    /// Begins one. Where there are as many as may be, the oldest makes room.
    fn begin(self: Arc<Self>) -> Handshake {
        let makes_room = Arc::<Notify>::default();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() >= self.most
            && let Some(oldest) = under_way.pop_front()
        {
            oldest.notify_one();
        }
        under_way.push_back(Arc::clone(&makes_room));
        drop(under_way);
        Handshake { all: self, makes_room }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = self.all.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|other| !Arc::ptr_eq(other, &self.makes_room));
    }
}

/// A handshake within `patience`.
async fn greet<T: AsyncRead + AsyncWrite + Unpin>(
    acceptor: TlsAcceptor,
    stream: T,
    handshakes: Arc<Handshakes>,
    patience: Duration,
) -> io::Result<TlsStream<T>> {
    let handshake = handshakes.begin();
    let greeted = async {
        tokio::select! {
            biased;
            stream = acceptor.accept(stream) => stream,
            () = handshake.makes_room.notified() => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "others wait to shake hands (server.tls.handshakes)"))
            }
        }
    };
    timeout(patience, greeted).await.unwrap_or_else(|_| {
        let what = format!("no handshake within {patience:?} (server.tls.handshake_timeout)");
        Err(io::Error::new(io::ErrorKind::TimedOut, what))
    })
}

/// The certificate chain, its key and the authorities of clients, as rustls takes them.
fn load(config: &config::Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let unfit = |error: &dyn std::fmt::Display| TlsError::Unfit {
        path: config.certificate.clone(),
        what: error.to_string(),
    };
    let chain = certificates("server.tls.certificate", &config.certificate)?;
    let wrong = |what: String| TlsError::File { key: "server.tls.key", path: config.key.clone(), what };
    let key = fs::read(&config.key).map_err(|error| wrong(error.to_string()))?;
    let key =
        PrivateKeyDer::from_pem_slice(&key).map_err(|error| wrong(format!("no private key: {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(&error))?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates("server.tls.client_ca", path)? {
                roots.add(authority).map_err(|error| TlsError::File {
                    key: "server.tls.client_ca",
                    path: path.clone(),
                    what: error.to_string(),
                })?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(|error| unfit(&error))?)
        }
    };
    let mut server = builder.with_single_cert(chain, key).map_err(|error| unfit(&error))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |what: String| TlsError::File { key, path: path.to_owned(), what };
    let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong("no certificate in PEM".to_owned())),
        Err(error) => Err(wrong(format!("no certificate in PEM: {error}"))),
    }
}

/// A listener whose connections may be secured.
pub struct MaybeTls<L> {
    /// What accepts them.
    pub listener: L,
    /// What secures them; `None` for plain ones.
    pub tls: Option<Tls>,
}

impl<L: Listener + Sync> Listener for MaybeTls<L> {
    type Stream = Secured<L::Stream>;

    async fn accept(&self) -> io::Result<(Self::Stream, ClientAddress)> {
        let (stream, client) = self.listener.accept().await?;
        Ok(match &self.tls {
            Some(tls) => (tls.accept(stream), client),
            None => (Secured::Plain(stream), client),
        })
    }

    fn refuse_newcomers(&self) {
        self.listener.refuse_newcomers();
    }
}

type Greeting<T> = Pin<Box<dyn Future<Output = io::Result<TlsStream<T>>> + Send>>;

/// A stream that is secured, or is not to be.
pub enum Secured<T> {
    /// As it came.
    Plain(T),
    /// Its handshake is under way.
    Greeting(Greeting<T>),
    /// Secured.
    Tls(Box<TlsStream<T>>),
}

impl<T: AsyncRead + AsyncWrite + Unpin> Secured<T> {
    /// Goes on with the handshake, if it is not over.
    fn poll_greeted(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Greeting(greeting) = self {
            let stream = ready!(greeting.as_mut().poll(context))?;
            *self = Self::Tls(Box::new(stream));
        }
        Poll::Ready(Ok(()))
    }
}

/// Does `$call` with what bytes go through.
macro_rules! through {
    ($self:ident, $context:ident, $stream:ident => $call:expr) => {{
        let this = $self.get_mut();
        ready!(this.poll_greeted($context))?;
        match this {
            Self::Plain($stream) => $call,
            Self::Tls($stream) => $call,
            Self::Greeting(_) => Poll::Pending,
        }
    }};
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        through!(self, context, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        through!(self, context, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        through!(self, context, stream => Pin::new(stream).poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            // Records are joined before they are encrypted.
            Self::Greeting(_) | Self::Tls(_) => true,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        through!(self, context, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        through!(self, context, stream => Pin::new(stream).poll_shutdown(context))
    }
}
