//! The model's inputs: their names, in order.

use std::collections::HashMap;

use super::number::excerpt;

/// The names of the inputs, in the model's order.
#[derive(Debug, Clone)]
pub struct Schema {
    names: Vec<String>,
    positions: HashMap<String, usize>,
}

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
        Self { names, positions }
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
}
