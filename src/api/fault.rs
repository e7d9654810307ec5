//! What can go wrong, whatever protocol a request came by: one table.
//!
//! A handler returns a [`Fault`]; it travels as a response extension outwards, where the request's protocol words it
//! and its cause is logged once (`layers::Envelope`).

mod code;

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::admission::Overloaded;
use crate::cause::{Cause, cause};
use crate::features::StoreError;
use crate::inference::InferenceError;
use crate::readiness::NotReady;
use crate::row::{RowError, RowErrorKind};
use crate::scorer::ScoreError;
use crate::upstream::UpstreamError;

pub use code::{Code, GrpcCode};

/// One thing that went wrong with a request or a row of it.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// What happened, for the public.
    pub detail: Cow<'static, str>,
    /// 1-based, when it is of one row.
    pub row: Option<usize>,
    /// The column's name, when it is of one value.
    pub column: Option<String>,
    /// Time after which another try is worth it.
    pub retry_after: Option<Duration>,
    /// What is behind it, for the log alone.
    pub cause: Option<Cause>,
}

impl Fault {
    /// A fault of the whole request.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            row: None,
            column: None,
            retry_after: code.retry_after(),
            cause: None,
        }
    }

    /// The same fault with what is behind it.
    #[must_use]
    pub fn caused_by(mut self, error: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(cause(error));
        self
    }

    /// Whole seconds to wait before another try, rounded up: too early is too early.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|time| time.as_secs() + u64::from(time.subsec_nanos() > 0))
    }
}

/// Without a body: the request's protocol words it further out.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.code.status();
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Overloaded> for Fault {
    fn from(error: Overloaded) -> Self {
        let what = format!("{error} (server.queue_rows)");
        Self { retry_after: Some(error.retry_after), ..Self::new(Code::Overloaded, what) }
    }
}

impl From<NotReady> for Fault {
    fn from(error: NotReady) -> Self {
        Self::new(Code::NotReady, error.to_string()).caused_by(error)
    }
}

impl From<RowErrorKind> for Code {
    fn from(kind: RowErrorKind) -> Self {
        match kind {
            RowErrorKind::Malformed => Self::Malformed,
            RowErrorKind::Width => Self::WrongWidth,
            RowErrorKind::Name => Self::WrongName,
            RowErrorKind::Value => Self::WrongValue,
            RowErrorKind::Shape => Self::WrongRow,
            RowErrorKind::UnknownPair => Self::UnknownPair,
            RowErrorKind::Unreadable => Self::UnreadableRow,
            RowErrorKind::TooManyRows => Self::RowsTooLarge,
        }
    }
}

impl From<RowError> for Fault {
    fn from(RowError { kind, detail, column }: RowError) -> Self {
        Self { column, ..Self::new(kind.into(), detail) }
    }
}

impl From<InferenceError> for Fault {
    fn from(error: InferenceError) -> Self {
        let said = || Cow::from(error.to_string());
        let (code, detail): (_, Cow<'static, str>) = match &error {
            InferenceError::Row { row, error: bad } => {
                return Self {
                    row: Some(*row),
                    column: bad.column.clone(),
                    ..Self::new(bad.kind.into(), said())
                };
            }
            InferenceError::Store(store) => match store {
                StoreError::Unavailable(_) => {
                    (Code::Unavailable, "the feature store is unavailable; try again".into())
                }
                StoreError::Corrupt(_) => {
                    (Code::UnreadableRow, "the feature store holds a row that cannot be read".into())
                }
                StoreError::Rejected(_) => (Code::Internal, "the feature store rejected a row".into()),
                StoreError::Upstream(upstream) => (upstream.into(), said()),
            },
            InferenceError::Score(score) => match score {
                ScoreError::NotFinite { .. } => {
                    (Code::Internal, "the model gave a number that is not a score".into())
                }
                ScoreError::Rejected(_) => (Code::Internal, "the model rejected the rows".into()),
                ScoreError::TooLarge { .. } => (Code::RowsTooLarge, said()),
                // The model's own 4xx is about what it was sent, which is what the caller sent.
                ScoreError::Refused { reason: Some(_), .. } => (Code::ModelRefused, said()),
                ScoreError::Refused { .. } => (Code::UpstreamFailed, said()),
                ScoreError::Unexplained(_) => return Self::new(Code::Unsupported, said()),
                ScoreError::Upstream(upstream) => (upstream.into(), said()),
            },
            InferenceError::UnreadableProduct(_) => return Self::new(Code::UnreadableRow, said()),
            InferenceError::UnknownUser(_) => return Self::new(Code::UnknownUser, said()),
            InferenceError::NoStore => return Self::new(Code::NoStore, said()),
            InferenceError::NoUserIndex | InferenceError::Unranked { .. } | InferenceError::Unexplained => {
                return Self::new(Code::Unsupported, said());
            }
        };
        let mut fault = Self::new(code, detail);
        if let Some(UpstreamError::Open { pause }) = error.upstream() {
            fault.retry_after = Some(*pause);
        }
        fault.caused_by(error)
    }
}

impl From<&UpstreamError> for Code {
    fn from(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::Unavailable(_) | UpstreamError::Throttled(_) | UpstreamError::Open { .. } => {
                Self::Unavailable
            }
            UpstreamError::Overloaded => Self::Overloaded,
            UpstreamError::TimedOut(_) => Self::Deadline,
            UpstreamError::Refused { .. }
            | UpstreamError::Expired { .. }
            | UpstreamError::Failed { .. }
            | UpstreamError::Garbled { .. } => Self::UpstreamFailed,
        }
    }
}
