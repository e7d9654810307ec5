/// The categories a feature was trained with, in the order of their codes.
///
/// A row holds codes, not categories: the float32 to put in is the category's place in this list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Categories {
    /// Strings. From the first name with a non-ASCII character on they are empty: the Python package of 3.1
    /// and 3.2 writes such lists in a form that does not tell where a name ends.
    Text(Vec<String>),
    /// Integers.
    Integers(Vec<i64>),
}

impl Categories {
    /// Number of categories.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Categories::Text(names) => names.len(),
            Categories::Integers(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The code of a string; `None` for one that training never saw. (The library silently takes the next
    /// greater known string there; a caller should refuse the row or pass NaN.)
    #[must_use]
    pub fn code_of_text(&self, name: &str) -> Option<f32> {
        match self {
            Categories::Text(names) if !name.is_empty() => {
                Some(names.iter().position(|known| known == name)? as f32)
            }
            _ => None,
        }
    }

    /// The code of an integer; `None` for one that training never saw.
    #[must_use]
    pub fn code_of_integer(&self, number: i64) -> Option<f32> {
        match self {
            Categories::Integers(numbers) => Some(numbers.iter().position(|known| *known == number)? as f32),
            Categories::Text(_) => None,
        }
    }
}
