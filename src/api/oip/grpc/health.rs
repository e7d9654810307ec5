//! The standard health service, `grpc.health.v1.Health`: what `/readyz` says, asked for or watched.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use tonic::Status;
use tonic::codegen::tokio_stream::Stream;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::Service;

use crate::api::state::ApiState;

/// The services that have a health: all of them, and the one that infers. It is the same for both.
const SERVICES: [&str; 2] = ["", "inference.GRPCInferenceService"];
/// How often a watcher's news are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// Largest request: it holds a name.
const LARGEST: usize = 4096;

/// Both methods of the service.
pub(in crate::api) async fn health(State(state): State<ApiState>, request: Request) -> Response {
    let mut server = HealthServer::new(HealthOf(state)).max_decoding_message_size(LARGEST);
    let Ok(response) = server.call(request).await;
    response.map(Body::new)
}

struct HealthOf(ApiState);

#[async_trait]
impl Health for HealthOf {
    async fn check(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        check_service(request.get_ref())?;
        Ok(tonic::Response::new(status_of(&self.0).await))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    /// The status now, and each other one; the last is that the service stops.
    async fn watch(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        check_service(request.get_ref())?;
        let state = self.0.clone();
        let (news, watched) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            let mut last = None;
            loop {
                let is_last = state.readiness.is_draining();
                let status = status_of(&state).await;
                if last.replace(status) != Some(status) && news.send(Ok(status)).await.is_err() || is_last {
                    return;
                }
                tokio::select! {
                    () = news.closed() => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
        Ok(tonic::Response::new(Box::pin(Watched(watched))))
    }
}

/// A channel as a stream.
struct Watched(tokio::sync::mpsc::Receiver<Result<HealthCheckResponse, Status>>);

impl Stream for Watched {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

fn check_service(request: &HealthCheckRequest) -> Result<(), Status> {
    if SERVICES.contains(&request.service.as_str()) {
        return Ok(());
    }
    Err(Status::not_found(format!("there is no such service; expected {:?} or \"\"", SERVICES[1])))
}

async fn status_of(state: &ApiState) -> HealthCheckResponse {
    let is_ready = state.readiness.check().await.is_ok();
    let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status as i32 }
}
