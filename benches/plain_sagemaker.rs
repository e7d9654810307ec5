//! The peer of `/predict` before an endpoint: the same HTTP server, a handler that makes one plain SDK call per request with
//! a shared client, and answers with its text. It checks nothing, neither the row nor the score.
//!
//! `cargo run --release --example plain_sagemaker -- 127.0.0.1:8081 http://127.0.0.1:8090`

use std::error::Error;
use std::future::pending;

use aws_sdk_sagemakerruntime::Client;
use aws_sdk_sagemakerruntime::primitives::Blob;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use imba::config::Config;
use imba::config::source::{Origin, Raw, Settings};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: plain_sagemaker ADDRESS URL".into());
    };
    let mut settings = Settings::defaults();
    settings.set("aws.endpoint_url", Raw::Text(url), Origin::Env("the command line".to_owned()));
    let config = Config::resolve(&settings)?;
    let client = Client::new(&imba::upstream::aws::sdk_config(&config.aws).await?);
    let router = Router::new().route("/predict", post(predict)).with_state(client);
    imba::server::serve(TcpListener::bind(address).await?, router, &config.server, pending(), || {}).await;
    Ok(())
}

async fn predict(State(client): State<Client>, row: Bytes) -> Result<Vec<u8>, StatusCode> {
    let call = client.invoke_endpoint().endpoint_name("imba").content_type("text/csv").body(Blob::new(row));
    let answer = call.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(answer.body.map(Blob::into_inner).unwrap_or_default())
}
