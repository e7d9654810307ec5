//! The limit that `/predict` is measured against: the same server, one bare handler that reads the body and answers a
//! constant; no layers, no decoding, no model.
//!
//! `cargo run --release --example bare -- 127.0.0.1:8081`

use std::error::Error;
use std::future::pending;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use imba::config::Config;
use imba::config::source::Settings;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: bare ADDRESS")?;
    let config = Config::resolve(&Settings::defaults())?;
    let router = Router::new().route(
        "/predict",
        post(|body: Bytes| async move {
            std::hint::black_box(body);
            "0.0034796935506165028"
        }),
    );
    imba::server::serve(TcpListener::bind(address).await?, router, &config.server, pending(), || {}).await;
    Ok(())
}
