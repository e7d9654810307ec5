//! The model's inputs: their names, in order.

use std::collections::HashMap;

use super::number::{InvalidValue, excerpt, parse_value};

/// The names of the inputs, in the model's order.
#[derive(Debug, Clone)]
pub struct Schema {
    names: Vec<String>,
    positions: HashMap<String, usize>,
    has_numeric_names: bool,
    /// Per input, if it has any; empty where no input has.
    categories: Vec<Option<Categories>>,
}

/// The categories of an input as people write them, and the code that the model has for each.
pub type Categories = HashMap<String, f32>;

/// What is wrong with a list of names, as a header or an object gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNames {
    /// A name that is no input of the model.
    #[error("{0:?} is not a feature of the model")]
    Unknown(String),
    /// A name given more than once.
    #[error("{0:?} is given twice")]
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

    /// The same schema, with the `categories` of those inputs that have any.
    #[must_use]
    pub fn with_categories(mut self, categories: Vec<Option<Categories>>) -> Self {
        self.categories = categories;
        self
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
        let Some(categories) = self.categories.get(at).and_then(Option::as_ref).filter(|_| by_name) else {
            return parse_value(cell);
        };
        let cell = cell.trim_ascii();
        if let Some(code) = categories.get(cell) {
            return Ok(*code);
        }
        match parse_value(cell) {
            Ok(value) if value.is_nan() => Some(value),
            // pandas writes whole numbers with a point where some of the column are missing.
            Ok(value) => categories.get(&value.to_string()).copied(),
            Err(_) => None,
        }
        .ok_or_else(|| InvalidValue::UnknownCategory(excerpt(cell)))
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
    fn categories_by_name_and_codes_by_place() {
        let categories = [("red", 0.0), ("10", 1.0)].map(|(name, code)| (name.to_owned(), code));
        let schema = Schema::new(vec!["a".into(), "b".into()])
            .with_categories(vec![Some(HashMap::from(categories)), None]);
        for (cell, code) in [("red", 0.0), (" 10 ", 1.0), ("10.0", 1.0)] {
            assert_eq!(schema.parse(0, cell, true), Ok(code), "{cell:?}");
        }
        assert!(schema.parse(0, "NA", true).unwrap().is_nan());
        assert_eq!(schema.parse(0, "11", true), Err(InvalidValue::UnknownCategory("11".into())));
        assert_eq!(schema.parse(0, "blue", true), Err(InvalidValue::UnknownCategory("blue".into())));
        assert_eq!((schema.parse(0, "1", false), schema.parse(1, "11", true)), (Ok(1.0), Ok(11.0)));
        assert!(schema.parse(0, "red", false).is_err());
    }
}
