use std::fmt;

/// How a model was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// JSON text, since 1.0.
    Json,
    /// UBJSON, since 1.6.
    Ubjson,
    /// The binary format of 0.4 to 3.0, deprecated since; 0.4 can write it as base64 text.
    Binary,
    /// A pickle of Python, also as joblib, dill or cloudpickle write it.
    Pickle,
    /// What R's `saveRDS` and `save` write.
    Rds,
    /// `model.tar.gz`, with one model or an ensemble.
    Archive,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Json => "JSON",
            Format::Ubjson => "UBJSON",
            Format::Binary => "binary",
            Format::Pickle => "pickle",
            Format::Rds => "RDS",
            Format::Archive => "archive",
        })
    }
}
