//! The peer of `/predict/pair` before a table: the same HTTP server, a handler that makes one plain `GetItem` per request
//! with a shared client, and answers with the row as it is. It checks nothing and scores nothing.
//!
//! `cargo run --release --example plain_dynamodb -- 127.0.0.1:8081 http://127.0.0.1:8090`

use std::error::Error;
use std::future::pending;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
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
        return Err("usage: plain_dynamodb ADDRESS URL".into());
    };
    let mut settings = Settings::defaults();
    settings.set("aws.endpoint_url", Raw::Text(url), Origin::Env("the command line".to_owned()));
    let config = Config::resolve(&settings)?;
    let client = Client::new(&imba::upstream::aws::sdk_config(&config.aws).await?);
    let router = Router::new().route("/predict/pair", post(pair)).with_state(client);
    imba::server::serve(TcpListener::bind(address).await?, router, &config.server, pending(), || {}).await;
    Ok(())
}

async fn pair(State(client): State<Client>, pair: String) -> Result<String, StatusCode> {
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
