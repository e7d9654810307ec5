//! Reflection: what services there are and how their messages look, for clients without a `.proto`.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tonic_reflection::server::Builder;
use tower::ServiceExt;

/// `open_inference.proto`, compiled.
const DESCRIPTORS: &[u8] = include_bytes!("open_inference.desc");
/// Largest request: it holds a name.
const LARGEST: usize = 4096;

/// Both versions of the service; most clients know the older one.
static SERVICES: LazyLock<Router> = LazyLock::new(|| {
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let v1 = builder().build_v1().expect("descriptors that were compiled: this is a bug");
    let v1alpha = builder().build_v1alpha().expect("descriptors that were compiled: this is a bug");
    Router::new()
        .route_service("/grpc.reflection.v1.ServerReflection/{method}", v1.max_decoding_message_size(LARGEST))
        .route_service(
            "/grpc.reflection.v1alpha.ServerReflection/{method}",
            v1alpha.max_decoding_message_size(LARGEST),
        )
});

/// The method of either version.
pub(in crate::api) async fn reflection(request: Request) -> Response {
    let Ok(response) = SERVICES.clone().oneshot(request).await;
    response
}
