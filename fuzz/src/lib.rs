//! The ground floor of the service alone, as links to its own files: what reads a stranger's bytes needs neither a runtime
//! nor the clients of AWS, and builds in a minute without them.

#[allow(dead_code, reason = "the service uses the rest")]
pub mod access;
pub mod api;
#[allow(dead_code, reason = "the service uses the rest")]
pub mod cause;
#[allow(dead_code, reason = "the service uses the rest")]
pub mod config;
#[allow(dead_code, reason = "the service uses the rest")]
mod media;

pub mod formats;
pub mod row;

#[allow(dead_code, reason = "the service uses the rest")]
mod telemetry {
    pub(super) mod metrics;
}

use row::{RowLimits, Schema};

/// The types of a request or an answer, as headers name them.
pub mod types {
    use crate::media;

    /// Checks that `text` is read as a content type without a panic, and again as the same after it is printed.
    pub fn content_type(text: &str) {
        if let Some(found) = media::MediaType::parse(text) {
            assert_eq!(found.essence, found.essence.to_ascii_lowercase());
            let again = media::MediaType::parse(&found.essence).expect("a type without parameters");
            assert_eq!(again.essence, found.essence);
            if let Some(charset) = found.parameter("charset") {
                let _ = media::is_utf8(charset);
            }
        }
    }

    /// Checks that `text` is read as an `Accept` header, and that its weights are weights.
    pub fn accept(text: &str) {
        let ranges: Vec<_> = media::ranges(text).collect();
        for essences in [&["text/plain", "text/csv"][..], &["application/json"], &[]] {
            let quality = media::quality(&ranges, essences);
            assert!((0.0..=1.0).contains(&quality), "{quality}");
        }
    }
}

/// Three inputs, one of them with categories.
#[must_use]
pub fn schema() -> Schema {
    let categories = ["red", "a,\"b\""].map(str::to_owned);
    let names = ["orders", "7", "colour"].map(str::to_owned);
    Schema::new(names.to_vec()).with_categories(vec![None, None, Some(categories.to_vec())])
}

/// What a request may hold.
#[must_use]
pub fn limits(all_or_nothing: bool) -> RowLimits {
    RowLimits { rows: 300, all_or_nothing }
}
