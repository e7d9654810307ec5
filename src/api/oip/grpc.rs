//! Version 2 over gRPC: the service, reflection and the standard health service.

mod frame;
mod health;
mod infer;
mod messages;
mod reflection;

use std::collections::HashMap;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::time::timeout;
use tonic::Status;

use self::frame::{GRPC, decode, patience, receive, reply};
use self::messages::{
    ModelMetadataResponse, NamedModel, Nothing, ServerMetadataResponse, TensorMetadata, Yes,
};
use super::describe::{self, EXTENSIONS, PLATFORM, SERVER, SERVER_VERSION};
use crate::api::fault::{Code, Fault};
use crate::api::kserve::check_model;
use crate::api::layers::Rendered;
use crate::api::state::ApiState;

pub(in crate::api) use health::health;
pub(in crate::api) use reflection::reflection;

/// A fault as a status in the answer's headers.
pub(in crate::api) fn render(fault: &Fault, _request_id: &str) -> Rendered {
    let status = Status::new((fault.code.grpc() as i32).into(), fault.detail.clone());
    let mut rendered = Rendered::new(GRPC, Vec::new());
    status.add_header(&mut rendered.headers).expect("a status of text is a header: this is a bug");
    // Of those that speak no gRPC the status of HTTP is read.
    rendered.status = match fault.code {
        Code::UnsupportedMediaType => None,
        _ => Some(StatusCode::OK),
    };
    rendered
}

/// `ServerLive`
pub(in crate::api) async fn server_live(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let gzip = receive_nothing(&state, request).await?;
    Ok(reply(&Yes { yes: true }, gzip))
}

/// `ServerReady`
pub(in crate::api) async fn server_ready(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let gzip = receive_nothing(&state, request).await?;
    Ok(reply(&Yes { yes: state.readiness.check().await.is_ok() }, gzip))
}

/// `ModelReady`
pub(in crate::api) async fn model_ready(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let gzip = receive_of_model(&state, request).await?;
    Ok(reply(&Yes { yes: state.readiness.check().await.is_ok() }, gzip))
}

/// `ServerMetadata`
pub(in crate::api) async fn server_metadata(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let gzip = receive_nothing(&state, request).await?;
    let metadata = ServerMetadataResponse {
        name: SERVER.to_owned(),
        version: SERVER_VERSION.to_owned(),
        extensions: EXTENSIONS.map(str::to_owned).into(),
    };
    Ok(reply(&metadata, gzip))
}

/// `ModelMetadata`
pub(in crate::api) async fn model_metadata(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let gzip = receive_of_model(&state, request).await?;
    let model = describe::describe(&state);
    let described = |tensors: Vec<describe::Described>| {
        tensors.into_iter().map(|tensor| TensorMetadata {
            name: tensor.name.to_owned(),
            datatype: tensor.datatype.to_owned(),
            shape: tensor.shape,
        })
    };
    let names = serde_json::Value::from(model.feature_names).to_string();
    let metadata = ModelMetadataResponse {
        name: state.model_name.clone(),
        versions: vec![model.version],
        platform: PLATFORM.to_owned(),
        inputs: described(model.inputs).collect(),
        outputs: described(model.outputs).collect(),
        properties: HashMap::from([("feature_names".to_owned(), names)]),
    };
    Ok(reply(&metadata, gzip))
}

/// `ModelInfer`
pub(in crate::api) async fn model_infer(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let patience = patience(request.headers())?;
    let call = async {
        let received = receive(&state, request).await?;
        infer::infer(&state, received).await
    };
    match patience {
        Some(patience) => timeout(patience, call).await.unwrap_or_else(|_| {
            Err(Fault::new(Code::Deadline, format!("no answer within {patience:?} (grpc-timeout)")))
        }),
        None => call.await,
    }
}

/// Whether a call of a message without members came in gzip.
async fn receive_nothing(state: &ApiState, request: Request) -> Result<bool, Fault> {
    let call = receive(state, request).await?;
    decode::<Nothing>(call.message.bytes)?;
    Ok(call.gzip)
}

/// The same of one for our model.
async fn receive_of_model(state: &ApiState, request: Request) -> Result<bool, Fault> {
    let call = receive(state, request).await?;
    let NamedModel { name, version } = decode(call.message.bytes)?;
    check_model(state, &name, infer::given(&version))?;
    Ok(call.gzip)
}
