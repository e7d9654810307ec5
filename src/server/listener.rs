//! Where connections come from.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{debug, warn};

use crate::telemetry::access_log::ClientAddress;

/// Connections that are made but not yet accepted. The kernel may allow fewer (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// What accepts connections, of any kind of byte stream.
pub trait Listener {
    /// What a connection reads and writes.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and where it comes from. Dropped before it completes, it loses none.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, ClientAddress)>> + Send;

    /// From now on no connections are made, except for those being made.
    fn refuse_newcomers(&self);
}

/// Listens on `address`.
///
/// # Errors
/// It is taken, not ours, or not allowed.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // An address that connections of a process before us are still on.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, ClientAddress)> {
        let (stream, address) = TcpListener::accept(self).await?;
        // Answers are small and written whole: waiting for more to send would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            debug!("TCP_NODELAY could not be set: {error}");
        }
        Ok((stream, ClientAddress(address.to_string().into())))
    }

    fn refuse_newcomers(&self) {
        if let Err(error) = drop_handshakes(self) {
            warn!("drain: new connections cannot be refused before the listener closes: {error}");
        }
    }
}

/// From now on the kernel makes no new connections for `listener`: it drops their first packet, the SYN, and lets all others
/// pass, so that handshakes under way are finished. Closing the listener alone would reset what nobody has accepted yet.
#[cfg(target_os = "linux")]
fn drop_handshakes(listener: &TcpListener) -> io::Result<()> {
    use socket2::{SockFilter, SockRef};
    // Classic BPF over the TCP header (linux/filter.h): byte 13 holds the flags, SYN is 2; returning 0 drops the packet.
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(0x30, 0, 0, 13),
        SockFilter::new(0x45, 0, 1, 2),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ])
}

#[cfg(not(target_os = "linux"))]
fn drop_handshakes(_: &TcpListener) -> io::Result<()> {
    Ok(())
}
