//! What can go wrong, whatever protocol a request came by: one table.
//!
//! A handler returns a [`Fault`]; it travels as a response extension outwards, where the request's protocol words it
//! ([`Render`](super::layers::Render)) and its cause is logged once ([`Observe`](super::layers::Observe)).

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};

use crate::cause::{Cause, cause};
use crate::features::StoreError;
use crate::inference::InferenceError;
use crate::row::{RowError, RowErrorKind};
use crate::scorer::ScoreError;
use crate::upstream::UpstreamError;

/// The stable word for a kind of fault, which programs may branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body cannot be read.
    Malformed,
    /// A part of the address, or a header, is wrong.
    WrongParameter,
    /// Nothing is stored for a pair.
    UnknownPair,
    /// Nothing is stored for a user.
    UnknownUser,
    /// There is no such route.
    UnknownRoute,
    /// The service has no feature store.
    NoStore,
    /// The route has other methods.
    MethodNotAllowed,
    /// Nothing that `Accept` names can be given.
    NotAcceptable,
    /// More bytes than `server.body_limit`.
    BodyTooLarge,
    /// A content type, charset or coding that is not read.
    UnsupportedMediaType,
    /// A row has too many or too few columns.
    WrongWidth,
    /// A name is unknown, repeated or absent.
    WrongName,
    /// A value is not of its type.
    WrongValue,
    /// Something else stands where a row should.
    WrongRow,
    /// More rows than a request may have, or than the scorer takes.
    RowsTooLarge,
    /// The model's own word about the rows.
    ModelRefused,
    /// A stored row cannot be read.
    UnreadableRow,
    /// A bug, or a broken part of our own.
    Internal,
    /// An upstream failed or answered nonsense.
    UpstreamFailed,
    /// The service is not set up for this.
    Unsupported,
    /// A part of the service does not answer now.
    Unavailable,
    /// Too much waits already.
    Overloaded,
    /// Not ready, or about to stop.
    NotReady,
    /// The request ran out of time.
    Deadline,
}

/// A line of the table.
struct Entry {
    word: &'static str,
    status: StatusCode,
    grpc: GrpcCode,
    title: &'static str,
}

/// The status codes of gRPC that faults have (<https://grpc.io/docs/guides/status-codes>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum GrpcCode {
    /// The caller's mistake, whatever the state of the service.
    InvalidArgument = 3,
    /// It took too long.
    DeadlineExceeded = 4,
    /// What was asked for is not there.
    NotFound = 5,
    /// A limit is reached.
    ResourceExhausted = 8,
    /// It is not done here.
    Unimplemented = 12,
    /// The service's own mistake.
    Internal = 13,
    /// A later try may succeed.
    Unavailable = 14,
}

impl Code {
    /// The table.
    const fn entry(self) -> Entry {
        use GrpcCode as Grpc;
        use StatusCode as Status;
        let (word, status, grpc, title) = match self {
            Self::Malformed => {
                ("malformed", Status::BAD_REQUEST, Grpc::InvalidArgument, "The request body cannot be read")
            }
            Self::WrongParameter => {
                ("wrong_parameter", Status::BAD_REQUEST, Grpc::InvalidArgument, "A parameter is wrong")
            }
            Self::UnknownPair => (
                "unknown_pair",
                Status::NOT_FOUND,
                Grpc::NotFound,
                "No features are stored for this user and product",
            ),
            Self::UnknownUser => {
                ("unknown_user", Status::NOT_FOUND, Grpc::NotFound, "No features are stored for this user")
            }
            Self::UnknownRoute => {
                ("unknown_route", Status::NOT_FOUND, Grpc::Unimplemented, "There is no such route")
            }
            Self::NoStore => {
                ("no_store", Status::NOT_FOUND, Grpc::Unimplemented, "This service has no feature store")
            }
            Self::MethodNotAllowed => (
                "method_not_allowed",
                Status::METHOD_NOT_ALLOWED,
                Grpc::Unimplemented,
                "The route does not take this method",
            ),
            Self::NotAcceptable => (
                "not_acceptable",
                Status::NOT_ACCEPTABLE,
                Grpc::InvalidArgument,
                "None of the accepted types can be given",
            ),
            Self::BodyTooLarge => (
                "body_too_large",
                Status::PAYLOAD_TOO_LARGE,
                Grpc::ResourceExhausted,
                "The request body is too large",
            ),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                Status::UNSUPPORTED_MEDIA_TYPE,
                Grpc::InvalidArgument,
                "The content type is not understood",
            ),
            Self::WrongWidth => (
                "wrong_width",
                Status::UNPROCESSABLE_ENTITY,
                Grpc::InvalidArgument,
                "A row has the wrong number of columns",
            ),
            Self::WrongName => (
                "wrong_name",
                Status::UNPROCESSABLE_ENTITY,
                Grpc::InvalidArgument,
                "A row or header has a wrong name",
            ),
            Self::WrongValue => (
                "wrong_value",
                Status::UNPROCESSABLE_ENTITY,
                Grpc::InvalidArgument,
                "A value has the wrong type",
            ),
            Self::WrongRow => (
                "wrong_row",
                Status::UNPROCESSABLE_ENTITY,
                Grpc::InvalidArgument,
                "A row has the wrong shape",
            ),
            Self::RowsTooLarge => (
                "rows_too_large",
                Status::PAYLOAD_TOO_LARGE,
                Grpc::ResourceExhausted,
                "There are too many rows",
            ),
            Self::ModelRefused => (
                "model_refused",
                Status::UNPROCESSABLE_ENTITY,
                Grpc::InvalidArgument,
                "The model does not take the rows",
            ),
            Self::UnreadableRow => (
                "unreadable_row",
                Status::INTERNAL_SERVER_ERROR,
                Grpc::Internal,
                "A stored row cannot be read",
            ),
            Self::Internal => {
                ("internal", Status::INTERNAL_SERVER_ERROR, Grpc::Internal, "The service failed")
            }
            Self::UpstreamFailed => (
                "upstream_failed",
                Status::BAD_GATEWAY,
                Grpc::Unavailable,
                "A service behind this one failed",
            ),
            Self::Unsupported => (
                "unsupported",
                Status::NOT_IMPLEMENTED,
                Grpc::Unimplemented,
                "This service is not set up to do that",
            ),
            Self::Unavailable => (
                "unavailable",
                Status::SERVICE_UNAVAILABLE,
                Grpc::Unavailable,
                "A part of the service is unavailable",
            ),
            Self::Overloaded => (
                "overloaded",
                Status::SERVICE_UNAVAILABLE,
                Grpc::Unavailable,
                "Too many requests are waiting",
            ),
            Self::NotReady => {
                ("not_ready", Status::SERVICE_UNAVAILABLE, Grpc::Unavailable, "The service is not ready")
            }
            Self::Deadline => {
                ("deadline", Status::GATEWAY_TIMEOUT, Grpc::DeadlineExceeded, "The request took too long")
            }
        };
        Entry { word, status, grpc, title }
    }

    /// The word itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.entry().word
    }

    /// A few words for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.entry().title
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.entry().status
    }

    /// The gRPC status.
    #[must_use]
    pub const fn grpc(self) -> GrpcCode {
        self.entry().grpc
    }

    /// Time after which another try is worth it, where nothing better is known; `None` where none is.
    #[must_use]
    pub fn retry_after(self) -> Option<Duration> {
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(1))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

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
                StoreError::Rejected(_) => (Code::Internal, "the feature store did not take a row".into()),
                StoreError::Upstream(upstream) => (upstream.into(), said()),
            },
            InferenceError::Score(score) => match score {
                ScoreError::NotFinite { .. } => {
                    (Code::Internal, "the model gave a number that is not a score".into())
                }
                ScoreError::Rejected(_) => (Code::Internal, "the model did not take the rows".into()),
                ScoreError::TooLarge { .. } => (Code::RowsTooLarge, said()),
                // The model's own 4xx is about what it was sent, which is what the caller sent.
                ScoreError::Refused { status: 400..=423, .. } => (Code::ModelRefused, said()),
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
            UpstreamError::Refused { .. } | UpstreamError::Failed { .. } | UpstreamError::Garbled(_) => {
                Self::UpstreamFailed
            }
        }
    }
}
