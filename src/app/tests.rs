//! What every request pays for, whatever its route.

use axum::body::Body;
use axum::extract::Request;
use tower::Service;

use super::*;
use crate::config::source::{Origin, Raw, Settings};

/// Largest future of a request, in bytes: hyper moves it where it polls it, so that every byte is copied for every answer.
/// An encoder's state in it, or a body's, would take as much again.
const LARGEST: usize = 1024;

#[tokio::test]
async fn the_future_of_a_request_is_small() {
    let mut settings = Settings::defaults();
    settings.set("features.kind", Raw::Text("none".to_owned()), Origin::BuiltIn);
    let config = Config::resolve(&settings).expect("a configuration");
    let app = App::build(&config, None).await.expect("the demo");
    let mut edge = edge(&app.state, &app.config, Face::Whole);
    let request = Request::post("/predict").body(Body::from("1,2")).expect("a request");
    let size = size_of_val(&edge.call(request));
    assert!(size <= LARGEST, "{size} bytes");
}
