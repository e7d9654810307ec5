//! What travels in a model file beside the model: its threshold, and a card that says where it comes from.
//!
//! Both are XGBoost attributes, written by the training package: `imba.threshold`, a number as text, and `imba.card`, a JSON
//! object that `training/README.md` describes. Both are optional.

use serde_json::value::RawValue;

/// The attribute with the threshold.
pub const THRESHOLD: &str = "imba.threshold";
/// The attribute with the card.
pub const CARD: &str = "imba.card";

/// Largest card in bytes; a larger one is ignored.
const LARGEST: usize = 64 * 1024;

/// Above which score a purchase counts as likely, where neither the configuration nor the model says.
pub const DEFAULT_THRESHOLD: f64 = 0.2;

/// A model's card: a JSON object, as its file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard(String);

impl ModelCard {
    /// The card in `text`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("has {} bytes, more than {LARGEST}", text.len()));
        }
        match serde_json::from_str::<&RawValue>(text) {
            Ok(value) if value.get().trim_start().starts_with('{') => Ok(Self(value.get().to_owned())),
            Ok(_) => Err("is no JSON object".to_owned()),
            Err(error) => Err(format!("is no JSON: {error}")),
        }
    }

    /// The card as JSON.
    #[must_use]
    pub fn json(&self) -> &RawValue {
        serde_json::from_str(&self.0).expect("it was JSON when it was read: this is a bug")
    }
}

/// The threshold in `text`.
///
/// # Errors
/// It is no finite number.
pub fn parse_threshold(text: &str) -> Result<f64, String> {
    let threshold = text.trim().parse().ok().filter(|threshold: &f64| threshold.is_finite());
    threshold.ok_or_else(|| format!("is {text:?}, not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_thresholds() {
        let card = ModelCard::parse(r#" {"version": 1, "data": {}} "#).unwrap();
        assert_eq!(card.json().get(), r#"{"version": 1, "data": {}}"#);
        for (text, said) in [("[1]", "no JSON object"), ("{", "no JSON"), (&"9".repeat(70_000), "bytes")] {
            assert!(ModelCard::parse(text).unwrap_err().contains(said));
        }
        assert_eq!(parse_threshold(" 0.25\n"), Ok(0.25));
        assert!(parse_threshold("nan").is_err() && parse_threshold("likely").is_err());
    }
}
