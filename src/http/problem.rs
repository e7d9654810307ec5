//! What can go wrong, and what the client is told: one table from code to status and title (RFC 9457).
//!
//! A handler returns a [`Problem`]; it travels as a response extension to [`observe`](super::observe), which knows the
//! request's id, words the body and logs the cause once.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};

use crate::features::StoreError;
use crate::inference::InferenceError;
use crate::rows::{Mistake, RowError};
use crate::scorer::ScoreError;
use crate::upstream::UpstreamError;

/// The stable word for a kind of problem, which programs may branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Malformed,
    WrongParameter,
    UnknownPair,
    UnknownUser,
    UnknownRoute,
    MethodNotAllowed,
    NotAcceptable,
    BodyTooLarge,
    UnsupportedMediaType,
    WrongWidth,
    WrongName,
    WrongValue,
    WrongRow,
    RowsTooLarge,
    ModelRefused,
    Internal,
    UpstreamFailed,
    Unsupported,
    Unavailable,
    Overloaded,
    NotReady,
    Deadline,
}

impl Code {
    /// The table: word, status, title.
    const fn entry(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as Status;
        match self {
            Self::Malformed => ("malformed", Status::BAD_REQUEST, "The request body cannot be read"),
            Self::WrongParameter => {
                ("wrong_parameter", Status::BAD_REQUEST, "A parameter of the address is wrong")
            }
            Self::UnknownPair => {
                ("unknown_pair", Status::NOT_FOUND, "No features are stored for this user and product")
            }
            Self::UnknownUser => ("unknown_user", Status::NOT_FOUND, "No features are stored for this user"),
            Self::UnknownRoute => ("unknown_route", Status::NOT_FOUND, "There is no such route"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", Status::METHOD_NOT_ALLOWED, "The route does not take this method")
            }
            Self::NotAcceptable => {
                ("not_acceptable", Status::NOT_ACCEPTABLE, "None of the accepted types can be given")
            }
            Self::BodyTooLarge => {
                ("body_too_large", Status::PAYLOAD_TOO_LARGE, "The request body is too large")
            }
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                Status::UNSUPPORTED_MEDIA_TYPE,
                "The content type is not understood",
            ),
            Self::WrongWidth => {
                ("wrong_width", Status::UNPROCESSABLE_ENTITY, "A row has the wrong number of columns")
            }
            Self::WrongName => {
                ("wrong_name", Status::UNPROCESSABLE_ENTITY, "A row or header has a wrong name")
            }
            Self::WrongValue => ("wrong_value", Status::UNPROCESSABLE_ENTITY, "A value has the wrong type"),
            Self::WrongRow => ("wrong_row", Status::UNPROCESSABLE_ENTITY, "A row is not a row"),
            Self::RowsTooLarge => {
                ("rows_too_large", Status::PAYLOAD_TOO_LARGE, "The rows are more than the scorer takes")
            }
            Self::ModelRefused => {
                ("model_refused", Status::UNPROCESSABLE_ENTITY, "The model does not take the rows")
            }
            Self::Internal => ("internal", Status::INTERNAL_SERVER_ERROR, "The service failed"),
            Self::UpstreamFailed => {
                ("upstream_failed", Status::BAD_GATEWAY, "A service behind this one failed")
            }
            Self::Unsupported => {
                ("unsupported", Status::NOT_IMPLEMENTED, "This service is not set up to do that")
            }
            Self::Unavailable => {
                ("unavailable", Status::SERVICE_UNAVAILABLE, "A part of the service is unavailable")
            }
            Self::Overloaded => ("overloaded", Status::SERVICE_UNAVAILABLE, "Too many requests are waiting"),
            Self::NotReady => ("not_ready", Status::SERVICE_UNAVAILABLE, "The service is not ready"),
            Self::Deadline => ("deadline", Status::GATEWAY_TIMEOUT, "The request took too long"),
        }
    }

    /// The word itself.
    pub(super) const fn word(self) -> &'static str {
        self.entry().0
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Seconds after which a 503 is worth another try, unless it says otherwise.
const RETRY_AFTER: u64 = 1;

/// One thing that went wrong with a request or a row of it.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) detail: Cow<'static, str>,
    /// 1-based, when the problem is of one row.
    pub(super) row: Option<usize>,
    /// The column's name, when it is of one value.
    pub(super) column: Option<String>,
    /// Time after which another try may succeed, when it is known.
    pub(super) retry_after: Option<Duration>,
    /// For the log, never for the client.
    pub(super) cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    pub(super) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), row: None, column: None, retry_after: None, cause: None }
    }

    /// The same problem as that of the 1-based `row` of a request.
    pub(super) fn at_row(mut self, row: usize) -> Self {
        self.detail = format!("row {row}: {}", self.detail).into();
        self.row = Some(row);
        self
    }

    pub(super) fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.code.entry().1
    }

    /// The RFC 9457 document.
    pub(super) fn document(&self, request_id: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: Code,
            request_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            row: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            column: Option<&'a str>,
        }
        let (word, status, title) = self.code.entry();
        let document = Document {
            r#type: format!("urn:imba:problem:{word}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id,
            row: self.row,
            column: self.column.as_deref(),
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            // Whole seconds, rounded up: too early is too early.
            let seconds = self
                .retry_after
                .map_or(RETRY_AFTER, |time| time.as_secs() + u64::from(time.subsec_nanos() > 0));
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<RowError> for Problem {
    fn from(error: RowError) -> Self {
        let code = match error.mistake {
            Mistake::Malformed => Code::Malformed,
            Mistake::Width => Code::WrongWidth,
            Mistake::Name => Code::WrongName,
            Mistake::Value => Code::WrongValue,
            Mistake::NotARow => Code::WrongRow,
        };
        Self { column: error.column, ..Self::new(code, error.detail) }
    }
}

impl From<InferenceError> for Problem {
    fn from(error: InferenceError) -> Self {
        let words = || Cow::from(error.to_string());
        let (code, detail): (_, Cow<'static, str>) = match &error {
            InferenceError::Store(store) => match store.root() {
                StoreError::Unavailable(_) => {
                    (Code::Unavailable, "the feature store is unavailable; try again".into())
                }
                StoreError::Corrupt(_) => {
                    (Code::Internal, "the feature store holds a row that cannot be read".into())
                }
                StoreError::Rejected(_) => (Code::Internal, "the feature store did not take a row".into()),
                StoreError::Upstream(upstream) => (of_upstream(upstream), words()),
                StoreError::Shared(_) => unreachable!("a root is not shared"),
            },
            InferenceError::Score(score) => match score.root() {
                ScoreError::Unavailable(_) => {
                    (Code::Unavailable, "the scorer is unavailable; try again".into())
                }
                ScoreError::NotFinite { .. } => {
                    (Code::Internal, "the model gave a number that is not a score".into())
                }
                ScoreError::Rejected(_) => (Code::Internal, "the model did not take the rows".into()),
                ScoreError::TooLarge { .. } => (Code::RowsTooLarge, words()),
                // The model's own 4xx is about what it was sent, which is what the caller sent.
                ScoreError::Refused { status: 400..=423, .. } => (Code::ModelRefused, words()),
                ScoreError::Refused { .. } => (Code::UpstreamFailed, words()),
                ScoreError::Unexplained(_) => return Self::new(Code::Unsupported, error.to_string()),
                ScoreError::Upstream(upstream) => (of_upstream(upstream), words()),
                ScoreError::Shared(_) => unreachable!("a root is not shared"),
            },
            InferenceError::Unranked { .. } => return Self::new(Code::Unsupported, error.to_string()),
        };
        let retry_after = error.retry_after();
        Self { retry_after, ..Self::new(code, detail) }.caused_by(error)
    }
}

fn of_upstream(error: &UpstreamError) -> Code {
    match error {
        UpstreamError::Unavailable(_) | UpstreamError::Throttled(_) | UpstreamError::Open { .. } => {
            Code::Unavailable
        }
        UpstreamError::Overloaded => Code::Overloaded,
        UpstreamError::TimedOut(_) => Code::Deadline,
        UpstreamError::Refused { .. } | UpstreamError::Failed { .. } => Code::UpstreamFailed,
    }
}

/// What a panic in a handler becomes; the panic hook has logged it.
pub(super) fn from_panic(_: Box<dyn Any + Send>) -> Response {
    Problem::new(Code::Internal, "the service failed while answering; the failure is logged").into_response()
}

/// What an exchange becomes that is cut at its `deadline`.
pub(super) fn deadline(deadline: Duration) -> Response {
    Problem::new(Code::Deadline, format!("no answer within {deadline:?} (server.deadline)")).into_response()
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "see the Allow header for the methods that this route takes")
}
