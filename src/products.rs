//! The names of products, for people who read answers.

use std::collections::HashMap;
use std::io::{self, BufReader, Read};

use crate::formats::csv::records::{RecordError, Records};

/// The columns of the table.
const COLUMNS: [&str; 2] = ["product_id", "product_name"];

/// Product identifiers and their names.
#[derive(Debug, Default)]
pub struct ProductNames(HashMap<String, String>);

/// Why a table of names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A line is not a product and a name.
    #[error("line {line}: {what}; expected product_id,product_name")]
    Line {
        /// 1-based.
        line: u64,
        /// What is there instead.
        what: String,
    },
    /// The header names other columns.
    #[error("line 1: the first columns are {0:?}; expected product_id,product_name")]
    Header(Vec<String>),
    /// A product is named twice, so that one of the names is wrong.
    #[error("line {line}: product {product:?} is named twice")]
    Repeated {
        /// 1-based.
        line: u64,
        /// Its identifier.
        product: String,
    },
}

impl ProductNames {
    /// Reads a CSV table with the columns `product_id,product_name`; columns after these are ignored.
    ///
    /// # Errors
    /// The table is not CSV, has other columns, or names a product twice.
    pub fn read(table: impl Read) -> Result<Self, NamesError> {
        let mut records = Records::new(BufReader::new(table));
        let header = next(&mut records)?.map(|(_, cells)| cells).unwrap_or_default();
        if header != COLUMNS {
            return Err(NamesError::Header(header));
        }
        let mut names = HashMap::new();
        while let Some((line, cells)) = next(&mut records)? {
            let Ok([product, name]) = <[String; 2]>::try_from(cells) else {
                return Err(NamesError::Line { line, what: "1 column".to_owned() });
            };
            if names.insert(product.clone(), name).is_some() {
                return Err(NamesError::Repeated { line, product });
            }
        }
        Ok(Self(names))
    }

    /// The name of `product`, if it has one.
    #[must_use]
    pub fn name(&self, product: &str) -> Option<&str> {
        self.0.get(product).map(String::as_str)
    }

    /// Number of products with a name.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no product has a name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The next line's number and first cells.
fn next(records: &mut Records<impl io::BufRead>) -> Result<Option<(u64, Vec<String>)>, NamesError> {
    let line = records.line();
    let record = records.next().map_err(|error| match error {
        RecordError::Io(error) => NamesError::Read(error),
        RecordError::NotUtf8(line) => NamesError::Line { line, what: "it is not UTF-8".to_owned() },
    })?;
    let Some(record) = record else { return Ok(None) };
    if let Some(fault) = record.fault() {
        return Err(NamesError::Line { line, what: fault.to_owned() });
    }
    let cells = record.cells().take(COLUMNS.len()).map(|cell| cell.trim().to_owned());
    Ok(Some((line, cells.collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_product() {
        let table = "\u{feff}product_id,product_name,aisle\r\n1,\"Oats, rolled\",9\r\n2,Bread,4\r\n";
        let names = ProductNames::read(table.as_bytes()).unwrap();
        assert_eq!(names.len(), 2);
        assert_eq!(names.name("1"), Some("Oats, rolled"));
        assert_eq!(names.name("3"), None);
    }

    #[test]
    fn other_tables_are_refused_with_the_reason() {
        for (table, words) in [
            ("id,name\n1,Bread\n", "expected product_id,product_name"),
            ("product_id,product_name\n1,Bread\n1,Toast\n", "line 3: product \"1\" is named twice"),
            ("product_id,product_name\n1\n", "line 2: 1 column; expected"),
            ("", "expected product_id,product_name"),
        ] {
            let error = ProductNames::read(table.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
