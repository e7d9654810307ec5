//! SageMaker and DynamoDB on loopback, as fast as they can be: an endpoint that answers 0.5 for every row, and a table that
//! holds one and the same row for every pair. Both answer after the given time and check nothing. The stub with faults is the
//! tests' own, `tests/it/aws_stub.rs`.
//!
//! `cargo run --release --example aws_stub -- 127.0.0.1:8090 5ms`

use std::error::Error;
use std::future::pending;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use imba::config::Config;
use imba::config::source::Settings;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const ROW: &str = "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(time)) = (arguments.next(), arguments.next()) else {
        return Err("usage: aws_stub ADDRESS TIME".into());
    };
    let time = humantime::parse_duration(&time)?;
    let pause = move || async move {
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    };
    let invoke = move |rows: Bytes| async move {
        pause().await;
        "0.5\n".repeat(rows.split(|byte| *byte == b'\n').count())
    };
    let call = move |headers: HeaderMap, body: Bytes| async move {
        pause().await;
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        answer(target, &serde_json::from_slice(&body).unwrap_or_default()).to_string()
    };
    let router = Router::new().route("/", post(call)).route("/endpoints/{name}/invocations", post(invoke));
    let config = Config::resolve(&Settings::defaults())?;
    imba::server::serve(TcpListener::bind(address).await?, router, &config.server, pending(), || {}).await;
    Ok(())
}

fn answer(target: &str, request: &Value) -> Value {
    match target.rsplit('.').next() {
        Some("DescribeTable") => json!({"Table": {
            "TableName": "imba",
            "TableStatus": "ACTIVE",
            "KeySchema": [
                {"AttributeName": "user_id", "KeyType": "HASH"},
                {"AttributeName": "product_id", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "user_id", "AttributeType": "S"},
                {"AttributeName": "product_id", "AttributeType": "S"},
            ],
        }}),
        Some("GetItem") => json!({"Item": item(&request["Key"])}),
        _ => {
            let keys =
                request["RequestItems"]["imba"]["Keys"].as_array().map(Vec::as_slice).unwrap_or_default();
            json!({"Responses": {"imba": keys.iter().map(item).collect::<Vec<_>>()}})
        }
    }
}

fn item(key: &Value) -> Value {
    json!({"user_id": key["user_id"], "product_id": key["product_id"], "feature": {"S": ROW}})
}
