//! The peer of `/predict` before an endpoint and of `/predict/pair` before a table: the same HTTP server, handlers that make
//! one plain SDK call per request with a shared client. They answer with the score's text, and with the row as it is; they
//! check nothing and score nothing.
//!
//! `cargo run --release --example plain_aws -- 127.0.0.1:8081 http://127.0.0.1:8090`

use std::error::Error;
use std::future::pending;

use aws_sdk_dynamodb::types::AttributeValue;
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
        return Err("usage: plain_aws ADDRESS URL".into());
    };
    let mut settings = Settings::defaults();
    settings.set("aws.endpoint_url", Raw::Text(url), Origin::Env("the command line".to_owned()));
    let config = Config::resolve(&settings)?;
    let sdk = imba::upstream::aws::sdk_config(&config.aws).await?;
    let endpoint = Router::new()
        .route("/predict", post(predict))
        .with_state(aws_sdk_sagemakerruntime::Client::new(&sdk));
    let table =
        Router::new().route("/predict/pair", post(pair)).with_state(aws_sdk_dynamodb::Client::new(&sdk));
    let router = endpoint.merge(table);
    imba::server::serve(TcpListener::bind(address).await?, router, &config.server, pending(), || {}).await;
    Ok(())
}

async fn predict(
    State(client): State<aws_sdk_sagemakerruntime::Client>,
    row: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let call = client.invoke_endpoint().endpoint_name("imba").content_type("text/csv").body(Blob::new(row));
    let answer = call.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(answer.body.map(Blob::into_inner).unwrap_or_default())
}

async fn pair(State(client): State<aws_sdk_dynamodb::Client>, pair: String) -> Result<String, StatusCode> {
    let (user, product) = pair.split_once(',').ok_or(StatusCode::BAD_REQUEST)?;
    let call = client
        .get_item()
        .table_name("imba")
        .key("user_id", AttributeValue::S(user.to_owned()))
        .key("product_id", AttributeValue::S(product.to_owned()));
    let item = call.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?.item;
    let row = item.and_then(|mut item| item.remove("feature")).ok_or(StatusCode::NOT_FOUND)?;
    row.as_s().cloned().map_err(|_| StatusCode::BAD_GATEWAY)
}
