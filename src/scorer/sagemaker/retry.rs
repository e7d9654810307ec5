//! Which errors of `InvokeEndpoint` are worth another attempt, beyond those that the SDK knows.

use aws_sdk_sagemakerruntime::config::interceptors::InterceptorContext;
use aws_sdk_sagemakerruntime::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_sagemakerruntime::operation::invoke_endpoint::InvokeEndpointError;

/// A model that is being loaded, a failed dependency of SageMaker's (status 530), and a throttle without a word: status 400
/// with neither code nor message.
#[derive(Debug)]
pub(super) struct NotYetReady;

impl ClassifyRetry for NotYetReady {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(|error| error.as_operation_error())
            .and_then(|error| error.downcast_ref::<InvokeEndpointError>());
        let status = context.response().map(|response| response.status().as_u16());
        match error {
            Some(
                InvokeEndpointError::ModelNotReadyException(_)
                | InvokeEndpointError::InternalDependencyException(_),
            ) => RetryAction::server_error(),
            Some(other)
                if status == Some(400)
                    && other.meta().code().is_none()
                    && other.meta().message().is_none() =>
            {
                RetryAction::throttling_error()
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "not yet ready"
    }
}
