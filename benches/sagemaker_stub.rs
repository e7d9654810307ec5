//! An endpoint on loopback that answers 0.5 for every row, after the given time, and checks nothing.
//!
//! `cargo run --release --example sagemaker_stub -- 127.0.0.1:8090 5ms`

use std::error::Error;
use std::future::pending;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use imba::config::Config;
use imba::config::source::Settings;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(time)) = (arguments.next(), arguments.next()) else {
        return Err("usage: sagemaker_stub ADDRESS TIME".into());
    };
    let time = humantime::parse_duration(&time)?;
    let invoke = move |rows: Bytes| async move {
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        "0.5\n".repeat(rows.split(|byte| *byte == b'\n').count())
    };
    let router = Router::new().route("/endpoints/{name}/invocations", post(invoke));
    let config = Config::resolve(&Settings::defaults())?;
    imba::server::serve(TcpListener::bind(address).await?, router, &config.server, pending(), || {}).await;
    Ok(())
}
