//! The model's inputs: their names, in order.

use std::collections::HashMap;

use super::number::{InvalidValue, excerpt, parse_value, write_value};

/// The names of the inputs, in the model's order.
#[derive(Debug, Clone)]
pub struct Schema {
    names: Vec<String>,
    positions: HashMap<String, usize>,
    has_numeric_names: bool,
    /// Per input, if it has any; empty where no input has.
    categories: Vec<Option<Categories>>,
}

/// The categories of an input as people write them.
#[derive(Debug, Clone, PartialEq)]
struct Categories {
    /// In the order of the codes that the model has for them; empty where a name is not known.
    names: Vec<String>,
    codes: HashMap<String, f32>,
}

impl Categories {
    fn new(names: Vec<String>) -> Self {
        let known = names.iter().enumerate().filter(|(_, name)| !name.is_empty());
        let codes = known.map(|(code, name)| (name.clone(), code as f32)).collect();
        Self { names, codes }
    }

    #[expect(clippy::cast_sign_loss, reason = "it is not negative")]
    fn name(&self, code: f32) -> Option<&str> {
        let is_code = code >= 0.0 && code.fract() == 0.0;
        self.names.get(is_code.then_some(code as usize)?).map(String::as_str)
    }

    fn code(&self, cell: &str) -> Option<f32> {
        // Blanks may belong to a category; around any other they do not count.
        let known = |text: &str| self.codes.get(text).copied();
        if let Some(code) = known(cell).or_else(|| known(cell.trim_ascii())) {
            return Some(code);
        }
        let cell = cell.trim_ascii();
        // pandas writes whole numbers with a point where some of the column are missing.
        let whole = cell
            .split_once('.')
            .filter(|(_, rest)| !rest.is_empty() && rest.bytes().all(|digit| digit == b'0'))
            .and_then(|(whole, _)| known(whole));
        whole.or_else(|| parse_value(cell).ok().filter(|value| value.is_nan()))
    }
}

/// What is wrong with a list of names, as a header or an object gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNames {
    /// A name that is no input of the model.
    #[error("{0:?} is not a feature of the model")]
    Unknown(String),
    /// A name given more than once.
    #[error("{0:?} appears twice")]
    Repeated(String),
    /// An input that is not named.
    #[error("{0:?} is absent")]
    Absent(String),
}

impl InvalidNames {
    /// The name that is wrong.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown(name) | Self::Repeated(name) | Self::Absent(name) => name,
        }
    }
}

impl Schema {
    /// The schema of distinct `names`.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        let positions = names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        let has_numeric_names = names.iter().all(|name| parse_value(name).is_ok());
        Self { names, positions, has_numeric_names, categories: Vec::new() }
    }

    /// The same schema, with the categories of those inputs that have any, in the order of their codes.
    #[must_use]
    pub fn with_categories(mut self, categories: Vec<Option<Vec<String>>>) -> Self {
        let has_any = categories.iter().any(Option::is_some);
        let categories = categories.into_iter().map(|names| names.map(Categories::new));
        self.categories = if has_any { categories.collect() } else { Vec::new() };
        self
    }

    /// Whether `other` reads every row as this one does.
    #[must_use]
    pub fn reads_like(&self, other: &Self) -> bool {
        self.names == other.names && self.categories == other.categories
    }

    /// The names of the inputs and their categories, in one text each: what stored rows mean depends on both.
    #[must_use]
    pub fn stored_columns(&self) -> Vec<String> {
        let described = self.names.iter().enumerate().map(|(at, name)| match self.categories_of(at) {
            Some(categories) => format!("{name} [{}]", categories.names.join(", ")),
            None => name.clone(),
        });
        described.collect()
    }

    fn categories_of(&self, at: usize) -> Option<&Categories> {
        self.categories.get(at)?.as_ref()
    }

    /// Whether rows under names hold the categories of input `at`, rather than numbers.
    #[must_use]
    pub fn has_categories(&self, at: usize) -> bool {
        self.categories_of(at).is_some()
    }

    /// Appends `value` of input `at` to `out`, so that [`Self::parse`] reads it back by name; nothing if it is missing.
    pub fn write(&self, at: usize, value: f32, out: &mut String) {
        if value.is_nan() {
            return;
        }
        match self.categories_of(at).and_then(|categories| categories.name(value)) {
            Some(name) => out.push_str(name),
            None => write_value(value, out),
        }
    }

    /// Whether every name reads as a value, so that a header may look like a row.
    #[must_use]
    pub fn has_numeric_names(&self) -> bool {
        self.has_numeric_names
    }

    /// The value of input `at` as `cell` writes it. Where rows come `by_name` a category is the one that the model was trained
    /// with, otherwise its code: as XGBoost takes data frames and bare matrices.
    ///
    /// # Errors
    /// The text is no value, or no category of the input.
    pub fn parse(&self, at: usize, cell: &str, by_name: bool) -> Result<f32, InvalidValue> {
        match self.categories_of(at) {
            Some(categories) if by_name => {
                categories.code(cell).ok_or_else(|| InvalidValue::UnknownCategory(excerpt(cell.trim_ascii())))
            }
            _ => parse_value(cell),
        }
    }

    /// The names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of inputs.
    #[must_use]
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// Where `name` stands in a row.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// For each of `names`, where it stands in a row: all inputs once, in any order.
    ///
    /// # Errors
    /// A name is unknown, repeated or absent.
    pub fn positions<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Vec<usize>, InvalidNames> {
        let mut seen = vec![false; self.width()];
        let mut positions = Vec::with_capacity(self.width());
        for name in names {
            let at = self.position(name).ok_or_else(|| InvalidNames::Unknown(excerpt(name)))?;
            if std::mem::replace(&mut seen[at], true) {
                return Err(InvalidNames::Repeated(name.to_owned()));
            }
            positions.push(at);
        }
        match seen.iter().position(|seen| !seen) {
            Some(at) => Err(InvalidNames::Absent(self.names[at].clone())),
            None => Ok(positions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_order_each_once() {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        assert_eq!(schema.positions(["b", "a"]), Ok(vec![1, 0]));
        assert_eq!(schema.positions(["b", "c"]), Err(InvalidNames::Unknown("c".into())));
        assert_eq!(schema.positions(["b", "b"]), Err(InvalidNames::Repeated("b".into())));
        assert_eq!(schema.positions(["b"]), Err(InvalidNames::Absent("a".into())));
    }

    #[test]
    fn blanks_of_a_category_are_its_own() {
        let names = ["a", " a", "San Jose", "New  York ", " ", "NA"].map(str::to_owned);
        let schema = Schema::new(vec!["town".into()]).with_categories(vec![Some(names.to_vec())]);
        for (at, name) in names.iter().enumerate() {
            assert_eq!(schema.parse(0, name, true), Ok(at as f32), "{name:?}");
        }
        for (cell, code) in [("a ", 0.0), ("  a", 0.0), ("\tSan Jose ", 2.0)] {
            assert_eq!(schema.parse(0, cell, true), Ok(code), "{cell:?}");
        }
        for cell in ["SanJose", "San  Jose", "New  York", "New York"] {
            assert_eq!(
                schema.parse(0, cell, true),
                Err(InvalidValue::UnknownCategory(cell.into())),
                "{cell:?}"
            );
        }
        assert!(schema.parse(0, "", true).unwrap().is_nan());
    }

    #[test]
    fn categories_by_name_and_codes_by_place() {
        let names = ["red", "10", "16777217", ""].map(str::to_owned);
        let plain = Schema::new(vec!["a".into(), "b".into()]);
        let schema = plain.clone().with_categories(vec![Some(names.to_vec()), None]);
        for (cell, code) in [("red", 0.0), (" 10 ", 1.0), ("10.0", 1.0), ("16777217.0", 2.0)] {
            assert_eq!(schema.parse(0, cell, true), Ok(code), "{cell:?}");
        }
        for (at, value, written) in [
            (0, 0.0, "red"),
            (0, 3.0, ""),
            (0, f32::NAN, ""),
            (1, 0.0, "0"),
            (0, 7.0, "7"),
            (0, -1.0, "-1"),
            (0, 0.5, "0.5"),
        ] {
            let mut out = String::new();
            schema.write(at, value, &mut out);
            assert_eq!(out, written);
        }
        assert_eq!(schema.stored_columns(), ["a [red, 10, 16777217, ]", "b"]);
        assert!(!schema.reads_like(&plain) && schema.reads_like(&schema.clone()));
        assert!(schema.parse(0, "NA", true).unwrap().is_nan());
        assert_eq!(schema.parse(0, "11", true), Err(InvalidValue::UnknownCategory("11".into())));
        assert_eq!(schema.parse(0, "blue", true), Err(InvalidValue::UnknownCategory("blue".into())));
        assert_eq!((schema.parse(0, "1", false), schema.parse(1, "11", true)), (Ok(1.0), Ok(11.0)));
        assert!(schema.parse(0, "red", false).is_err());
    }
}
