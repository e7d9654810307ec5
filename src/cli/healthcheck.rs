//! `imba healthcheck`: one request to the service that this configuration describes.

mod pinned;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{CommandError, ConfigArgs, block_on};
use crate::cause::chain;
use crate::config::Tls;

const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Args)]
pub(super) struct HealthcheckArgs {
    /// Check that the service is ready for requests (/readyz), not just alive (/livez).
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn healthcheck(args: &HealthcheckArgs) -> Result<(), CommandError> {
    let server = args.config.load()?.server;
    // The admin listener is plain HTTP.
    let tls = server.tls.as_ref().filter(|_| server.admin_listen.is_none());
    let address = reachable(server.admin_listen.unwrap_or(server.listen));
    let scheme = if tls.is_some() { "https" } else { "http" };
    let path = if args.ready { "/readyz" } else { "/livez" };
    let answer = block_on(async { timeout(PATIENCE, status(address, tls, path)).await })?;
    match answer {
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(status)) => {
            Err(CommandError::of(format_args!("{scheme}://{address}{path}"), status.to_string()))
        }
        Ok(Err(error)) => {
            let what = format!("{}; is imba running, and is server.listen the same?", chain(&*error));
            Err(CommandError::of(format_args!("{scheme}://{address}{path}"), what))
        }
        Err(_) => Err(CommandError::of(
            format_args!("{scheme}://{address}{path}"),
            format!("no answer within {PATIENCE:?}"),
        )),
    }
}

/// A service that listens on all interfaces is reached on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, listen.port())
}

async fn status(
    address: SocketAddr,
    tls: Option<&Tls>,
    path: &str,
) -> Result<hyper::StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    match tls {
        Some(tls) => ask(pinned::secure(tls, stream).await?, address, path).await,
        None => ask(stream, address, path).await,
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    path: &str,
) -> Result<hyper::StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let (mut client, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", address.to_string()).body(Empty::<&[u8]>::new())?;
    Ok(client.send_request(request).await?.status())
}
