//! The longest time of a request.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::api::fault::{Code, Fault};

/// `answer`, or a fault when `deadline` passes first: the request is dropped with everything it waits for.
pub(in crate::api) async fn deadline(
    deadline: Duration,
    answer: impl Future<Output = Result<Response, Infallible>>,
) -> Result<Response, Infallible> {
    timeout(deadline, answer).await.unwrap_or_else(|_| {
        let fault = Fault::new(Code::Deadline, format!("no answer within {deadline:?} (server.deadline)"));
        Ok(fault.into_response())
    })
}
