use std::borrow::Cow;

/// The categories a feature was trained with, in the order of their codes.
///
/// A row holds codes, not categories: the float32 to put in is the category's place in this list. Files of 3.1 and
/// later have the list if training was from a data frame; [`Categories::code`] then turns a value into its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categories {
    values: Values,
    /// Places in `values`, in the order of the values.
    sorted: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    /// Empty where the file does not tell the name.
    Text(Vec<String>),
    Integers(Vec<i64>),
}

impl Categories {
    pub(crate) fn text(names: Vec<String>) -> Self {
        let mut sorted: Vec<u32> = (0..names.len() as u32).collect();
        sorted.sort_by(|&a, &b| names[a as usize].cmp(&names[b as usize]));
        Self { values: Values::Text(names), sorted }
    }

    pub(crate) fn integers(numbers: Vec<i64>) -> Self {
        let mut sorted: Vec<u32> = (0..numbers.len() as u32).collect();
        sorted.sort_by_key(|&place| numbers[place as usize]);
        Self { values: Values::Integers(numbers), sorted }
    }

    /// Number of categories.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the categories are integers; otherwise they are strings.
    #[must_use]
    pub fn are_integers(&self) -> bool {
        matches!(self.values, Values::Integers(_))
    }

    /// The categories as text, in the order of their codes. `None` stands for a name that the file does not tell: the
    /// Python package of 3.1 to 3.3 writes a list in a form that is lost from the first non-ASCII letter on.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = Option<Cow<'_, str>>> {
        (0..self.len()).map(|place| match &self.values {
            Values::Text(names) => {
                Some(names[place].as_str()).filter(|name| !name.is_empty()).map(Cow::Borrowed)
            }
            Values::Integers(numbers) => Some(Cow::Owned(numbers[place].to_string())),
        })
    }

    /// The code of a category as a table writes it: a string as it stands, blanks included; an integer in digits (also
    /// as `5.0`, which is how pandas writes integers beside missing values). `None` for one that training never saw:
    /// refuse the row, or pass NaN. (The library silently takes another category there.)
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = gbtree::Model::from_bytes(include_bytes!("../tests/categories.json"))?;
    /// let colours = model.categories(0).ok_or("no categories")?;
    /// assert_eq!(colours.code("red"), Some(2.0));
    /// assert_eq!(colours.code("mauve"), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn code(&self, category: &str) -> Option<f32> {
        match self.values {
            Values::Text(_) => self.code_of_text(category),
            Values::Integers(_) => {
                let category = category.trim();
                let digits = category.split_once('.').map_or(category, |(whole, fraction)| {
                    if fraction.bytes().all(|digit| digit == b'0') { whole } else { category }
                });
                self.code_of_integer(digits.parse().ok()?)
            }
        }
    }

    /// The code of a string; `None` for one that training never saw, and where categories are integers.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = gbtree::Model::from_bytes(include_bytes!("../tests/categories.json"))?;
    /// assert_eq!(model.categories(0).and_then(|colours| colours.code_of_text("blue")), Some(0.0));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn code_of_text(&self, name: &str) -> Option<f32> {
        let Values::Text(names) = &self.values else { return None };
        if name.is_empty() {
            return None;
        }
        let found = self.sorted.binary_search_by(|&place| names[place as usize].as_str().cmp(name));
        found.ok().map(|at| self.sorted[at] as f32)
    }

    /// The code of an integer; `None` for one that training never saw, and where categories are strings.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = gbtree::Model::from_bytes(include_bytes!("../tests/categories.json"))?;
    /// let shops = model.categories(1).ok_or("no categories")?;
    /// assert_eq!((shops.code_of_integer(27), shops.code_of_integer(28)), (Some(1.0), None));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn code_of_integer(&self, number: i64) -> Option<f32> {
        let Values::Integers(numbers) = &self.values else { return None };
        let found = self.sorted.binary_search_by_key(&number, |&place| numbers[place as usize]);
        found.ok().map(|at| self.sorted[at] as f32)
    }
}
