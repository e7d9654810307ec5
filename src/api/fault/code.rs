//! The table of faults: code to word, HTTP status, gRPC status, title and retry.

use std::time::Duration;

use axum::http::StatusCode;
use serde::{Serialize, Serializer};

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
    /// There is no such model, or no such version of it.
    UnknownModel,
    /// The service has no feature store.
    NoStore,
    /// The route has other methods.
    MethodNotAllowed,
    /// Nothing that `Accept` names can be given.
    NotAcceptable,
    /// Nobody is known by what the request carries.
    Unauthenticated,
    /// The caller may not do that.
    Forbidden,
    /// More requests at once than the caller's plan allows.
    RateLimited,
    /// More requests in a period than the caller's plan allows.
    QuotaExceeded,
    /// A name that the service does not answer to.
    Misdirected,
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
    /// It is not allowed to the caller.
    PermissionDenied = 7,
    /// A limit is reached.
    ResourceExhausted = 8,
    /// It is not done here.
    Unimplemented = 12,
    /// The service's own mistake.
    Internal = 13,
    /// A later try may succeed.
    Unavailable = 14,
    /// Nobody is known as the caller.
    Unauthenticated = 16,
}

impl Code {
    /// The table.
    #[expect(clippy::too_many_lines, reason = "one table, a line per variant")]
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
            Self::UnknownModel => {
                ("unknown_model", Status::NOT_FOUND, Grpc::NotFound, "There is no such model")
            }
            Self::NoStore => {
                ("no_store", Status::NOT_FOUND, Grpc::Unimplemented, "This service has no feature store")
            }
            Self::MethodNotAllowed => (
                "method_not_allowed",
                Status::METHOD_NOT_ALLOWED,
                Grpc::Unimplemented,
                "The route does not allow this method",
            ),
            Self::NotAcceptable => (
                "not_acceptable",
                Status::NOT_ACCEPTABLE,
                Grpc::InvalidArgument,
                "None of the accepted types is available",
            ),
            Self::Unauthenticated => {
                ("unauthenticated", Status::UNAUTHORIZED, Grpc::Unauthenticated, "The caller is not known")
            }
            Self::Forbidden => {
                ("forbidden", Status::FORBIDDEN, Grpc::PermissionDenied, "The caller may not do this")
            }
            Self::RateLimited => (
                "rate_limited",
                Status::TOO_MANY_REQUESTS,
                Grpc::ResourceExhausted,
                "The caller asks too fast",
            ),
            Self::QuotaExceeded => (
                "quota_exceeded",
                Status::TOO_MANY_REQUESTS,
                Grpc::ResourceExhausted,
                "The caller's quota is used up",
            ),
            Self::Misdirected => (
                "misdirected",
                Status::MISDIRECTED_REQUEST,
                Grpc::InvalidArgument,
                "The service does not answer to this name",
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
                "The content type is not supported",
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
                "The model rejected the rows",
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
