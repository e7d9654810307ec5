use crate::Format;

/// Why a byte string was not loaded as a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are something else: a model dump, another library's model, an unrelated file.
    #[error("not an XGBoost model: {0}")]
    NotAModel(String),
    /// The bytes announce a model of this format but break its rules.
    #[error("damaged {format} model: {at}: {what}")]
    Malformed {
        /// The format the file was read as.
        format: Format,
        /// Where: a field path, a tree and node, or a byte offset.
        at: String,
        /// What was found there, and what was expected.
        what: String,
    },
    /// A well-formed model of a kind that has no defined evaluation here.
    #[error("unsupported model: {0}")]
    Unsupported(String),
    /// Decoding would take more memory than [`Limits::decoded`](crate::Limits::decoded) allows.
    #[error("the model needs more than the allowed {limit} bytes when decoded")]
    TooLarge {
        /// The limit that was in force, in bytes.
        limit: usize,
    },
}

#[cfg(feature = "archive")]
impl LoadError {
    /// The same error, told of one member of an ensemble.
    pub(crate) fn in_member(self, index: usize) -> Self {
        match self {
            LoadError::NotAModel(what) => LoadError::NotAModel(format!("member {index}: {what}")),
            LoadError::Malformed { format, at, what } => {
                LoadError::Malformed { format, at: format!("member {index}, {at}"), what }
            }
            LoadError::Unsupported(what) => LoadError::Unsupported(format!("member {index}: {what}")),
            limit @ LoadError::TooLarge { .. } => limit,
        }
    }
}

/// A call whose buffers do not fit the model, or that asks for something this model does not have.
///
/// Nothing is written to the output when a call fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The rows are not a whole number of feature vectors.
    #[error("the batch holds {len} values, which is not a multiple of the model's {features} features")]
    Rows {
        /// Values in the batch.
        len: usize,
        /// Features of the model.
        features: usize,
    },
    /// The output buffer has the wrong length.
    #[error("the output buffer holds {len} numbers, but {rows} rows need {expected}")]
    Output {
        /// Length of the buffer.
        len: usize,
        /// Rows in the batch.
        rows: usize,
        /// The length that was needed.
        expected: usize,
    },
    /// A range of boosting iterations that the model does not have.
    #[error("iterations {begin}..{end} are not within the model's 0..{available}")]
    Iterations {
        /// First iteration asked for.
        begin: usize,
        /// One past the last iteration asked for.
        end: usize,
        /// Iterations in the model.
        available: usize,
    },
    /// An output that is not defined for this kind of model.
    #[error("{0}")]
    Undefined(&'static str),
    /// A feature that the model does not have.
    #[error("the model has no feature {0:?}")]
    UnknownFeature(String),
    /// Sparse rows that contradict themselves or the model.
    #[error("sparse row {row}: {what}")]
    Sparse {
        /// The row, counted from 0.
        row: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The margins to start from are not one per row and output.
    #[error("{len} base margins were given, but {rows} rows of {margins} margins need {}", rows * margins)]
    BaseMargin {
        /// Numbers given.
        len: usize,
        /// Rows in the batch.
        rows: usize,
        /// Margins per row.
        margins: usize,
    },
}
