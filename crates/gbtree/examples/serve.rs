//! A model behind HTTP, in thirty lines of axum: `cargo run --example serve -- MODEL`, then
//! `curl 127.0.0.1:8000/predict -d '[{"a": 0.5, "b": 2.4}]' -H 'content-type: application/json'`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use gbtree::{Model, PredictError};

type Row = HashMap<String, f32>;

async fn predict(
    State(model): State<Arc<Model>>,
    Json(rows): Json<Vec<Row>>,
) -> Result<Json<Vec<f32>>, (StatusCode, String)> {
    let scores = || -> Result<Vec<f32>, PredictError> {
        let mut batch = Vec::new();
        for row in &rows {
            batch.extend(model.row(row.iter().map(|(name, value)| (name.as_str(), *value)))?);
        }
        model.predict_vec(&batch)
    };
    scores().map(Json).map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: serve MODEL")?;
    let model = Arc::new(Model::from_bytes(&std::fs::read(path)?)?);
    let app = Router::new().route("/predict", post(predict)).with_state(model);
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8000").await?, app).await?;
    Ok(())
}
