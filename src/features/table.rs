//! A feature table in a file, and how it is loaded into a store, batch by batch.
//!
//! Two layouts are read, told apart by the names of the columns: `user_id,product_id,` and one column per feature in any
//! order; or the old table's `user_id,product_id,feature` with the features as one quoted, comma-separated string in model
//! order. The file is CSV, plain or compressed with gzip, or Parquet.

mod csv;
mod layout;
mod parquet;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use flate2::bufread::MultiGzDecoder;

use self::csv::CsvRows;
use self::parquet::ParquetRows;
use super::{FeatureWriter, StoreError};
use crate::cause::chain;
use crate::formats::csv::PAIR_COLUMNS;
use crate::row::{FeatureRow, PairKey, Schema};

/// Rows per batch: each is written whole or not at all.
pub const BATCH_ROWS: usize = 10_000;

/// The columns before the features.
pub const KEYS: [&str; 2] = PAIR_COLUMNS;

/// Why a table cannot be imported, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The header is not that of a feature table.
    #[error(
        "line 1: {0}; expected user_id,product_id and then the features by name, or one column \"feature\""
    )]
    Header(String),
    /// The columns of a Parquet file are not those of a feature table.
    #[error(
        "{0}; expected the columns user_id, product_id and then the features by name, or one column \"feature\""
    )]
    Columns(String),
    /// It is a Parquet file that cannot be read.
    #[error("the Parquet file cannot be read: {0}")]
    Parquet(String),
    /// The file cannot be read on.
    #[error("the table cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The store did not take a batch.
    #[error(
        "{}; all rows before {unit} {place} are in the store: go on with --from-line {place}",
        chain(error)
    )]
    Resumable {
        /// What `place` counts: lines or rows.
        unit: &'static str,
        /// Line or row of the first that may not be in the store, 1-based.
        place: u64,
        /// What the store says.
        error: StoreError,
    },
    /// The store did not take the table.
    #[error("{}; the store is unchanged", chain(.0))]
    Store(StoreError),
}

/// A line that is not a row, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Line of a text, or row of a Parquet file, 1-based.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// How an import went.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows now in the store.
    pub loaded: u64,
    /// Good rows left out because a row of their batch was bad.
    pub left_out: u64,
    /// Lines that are not rows. Their batches were not loaded.
    pub bad: Vec<BadRow>,
}

/// A table's next line or row, or why it is not one.
type NextRow = Result<(PairKey, FeatureRow), BadRow>;

/// The rows of a file, one by one.
trait TableRows {
    /// The next row; `None` at the end.
    fn next(&mut self) -> Result<Option<NextRow>, TableError>;

    /// Place of the next row, 1-based.
    fn place(&self) -> u64;

    /// About how many bytes of the file have been read.
    fn bytes(&self) -> u64;
}

/// A feature table being read.
pub struct FeatureTable<'s> {
    rows: Box<dyn TableRows + 's>,
    unit: &'static str,
}

impl<'s> FeatureTable<'s> {
    /// Reads the header of a CSV table.
    ///
    /// # Errors
    /// The header names other columns than the keys and the features of `schema`.
    pub fn open(input: impl Read + 's, schema: &'s Schema) -> Result<Self, TableError> {
        Ok(Self { rows: Box::new(CsvRows::open(input, schema)?), unit: "line" })
    }

    /// Reads what `file` says of its columns. Gzip (RFC 1952) and Parquet are told by their first bytes, whatever the file is
    /// called.
    ///
    /// # Errors
    /// As [`Self::open`]; also that it is a Parquet file with columns or a compression that are not read.
    pub fn open_file(mut file: File, schema: &'s Schema) -> Result<Self, TableError> {
        let mut start = [0; 4];
        if file.metadata()?.is_file() {
            let read = file.read(&mut start)?;
            file.rewind()?;
            if start[..read] == *parquet::MAGIC {
                return Ok(Self { rows: Box::new(ParquetRows::open(file, schema)?), unit: "row" });
            }
        }
        let mut file = BufReader::with_capacity(1 << 16, file);
        if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            Self::open(MultiGzDecoder::new(file), schema)
        } else {
            Self::open(file, schema)
        }
    }

    /// What places in the table count: `line` or `row`.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        self.unit
    }

    /// Loads the table into `store`, but for rows before the line or row `from`. After each batch, `progress` hears how many
    /// bytes have been read.
    ///
    /// A batch with a bad row is left out whole; the others are loaded all the same, so that one run finds every bad row.
    ///
    /// # Errors
    /// The file cannot be read on or the store takes no more; batches before that are in the store.
    pub async fn load_into(
        mut self,
        store: &dyn FeatureWriter,
        from: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<Report, TableError> {
        let mut report = Report::default();
        while self.rows.place() < from && self.rows.next()?.is_some() {}
        loop {
            let place = self.rows.place();
            let (rows, more) = self.next_batch(&mut report)?;
            if !rows.is_empty() {
                let count = rows.len() as u64;
                store.put_many(rows).await.map_err(|error| {
                    if store.keeps_what_it_took() {
                        TableError::Resumable { unit: self.unit, place, error }
                    } else {
                        TableError::Store(error)
                    }
                })?;
                report.loaded += count;
            }
            progress(self.rows.bytes());
            if !more {
                return Ok(report);
            }
        }
    }

    /// Reads the whole table and reports what [`Self::load_into`] would, without a store. `take` is given the pair of every
    /// good row.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub fn check(
        mut self,
        mut take: impl FnMut(&PairKey),
        mut progress: impl FnMut(u64),
    ) -> Result<Report, TableError> {
        let mut report = Report::default();
        loop {
            let (rows, more) = self.next_batch(&mut report)?;
            report.loaded += rows.len() as u64;
            for (pair, _) in &rows {
                take(pair);
            }
            progress(self.rows.bytes());
            if !more {
                return Ok(report);
            }
        }
    }

    /// The rows of the next batch, none if one of them is bad, and whether there may be more.
    fn next_batch(&mut self, report: &mut Report) -> Result<(Vec<(PairKey, FeatureRow)>, bool), TableError> {
        let bad_before = report.bad.len();
        let (rows, more) = self.read_batch(&mut report.bad)?;
        if report.bad.len() == bad_before {
            return Ok((rows, more));
        }
        report.left_out += rows.len() as u64;
        Ok((Vec::new(), more))
    }

    /// The next lines: good rows, and whether there may be more. Bad ones go to `bad`.
    fn read_batch(
        &mut self,
        bad: &mut Vec<BadRow>,
    ) -> Result<(Vec<(PairKey, FeatureRow)>, bool), TableError> {
        let mut rows = Vec::new();
        for _ in 0..BATCH_ROWS {
            match self.rows.next()? {
                Some(Ok(row)) => rows.push(row),
                Some(Err(row)) => bad.push(row),
                None => return Ok((rows, false)),
            }
        }
        Ok((rows, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(PairKey, FeatureRow)>;

    fn read(text: &str) -> Result<(Rows, Vec<BadRow>), TableError> {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        let mut bad = Vec::new();
        let (rows, _) = FeatureTable::open(text.as_bytes(), &schema)?.read_batch(&mut bad)?;
        Ok((rows, bad))
    }

    #[test]
    fn columns_may_come_in_any_order() {
        let (rows, bad) = read("\u{feff}user_id,product_id,b,a\r\n7,8,2,1\r\n").unwrap();
        assert_eq!(rows, [(PairKey::new("7", "8"), Box::from([1.0, 2.0]))]);
        assert_eq!(bad, []);
    }

    #[test]
    fn the_old_table_packs_the_row_into_one_column() {
        let (rows, _) = read("user_id,product_id,feature\n7,8,\"1,2\"\n").unwrap();
        assert_eq!(rows, [(PairKey::new("7", "8"), Box::from([1.0, 2.0]))]);
    }

    #[test]
    fn identifiers_in_quotes_and_lines_after_them() {
        let (rows, bad) =
            read("user_id,product_id,a,b\r\"a,b\",2,\"1\",NA\r\"x\r\ny\",2,1,1\r\r1,1,1,1\r\r").unwrap();
        assert_eq!(rows[0].0, PairKey::new("a,b", "2"));
        assert!(rows[0].1[1].is_nan() && rows.len() == 2);
        let bad: Vec<_> = bad.iter().map(|bad| (bad.line, bad.what.as_str())).collect();
        assert_eq!(bad, [(3, "user_id contains a control character"), (5, "the line is blank")]);
    }

    #[test]
    fn bad_rows_are_named_by_line() {
        let (rows, bad) = read("user_id,product_id,a,b\n1,1,1,1\n1,2,x,1\n1,3,1\n,4,1,1\n").unwrap();
        assert_eq!(rows.len(), 1);
        let lines: Vec<_> = bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert!(bad[0].what.starts_with("a: \"x\" is not a number"), "{}", bad[0].what);
        assert_eq!(bad[1].what, "3 columns, expected 4");
        assert_eq!(bad[2].what, "user_id is empty");
    }

    #[test]
    fn a_row_of_nothing_is_none() {
        let (rows, bad) = read("user_id,product_id,a,b\n1,1,,1\n1,2,,nan\n").unwrap();
        assert_eq!((rows.len(), bad[0].line), (1, 3));
        assert!(bad[0].what.starts_with("every value is missing"), "{}", bad[0].what);
    }

    #[test]
    fn other_headers_are_refused() {
        for header in ["userId,productId,a,b", "User_ID,Product_ID,b,a"] {
            assert!(read(header).is_ok(), "{header}");
        }
        for (header, word) in [
            ("product_id,user_id,a,b", "first columns"),
            ("user_id,product_id,a", "\"b\" is absent"),
            ("user_id,product_id,a,b,c", "\"c\" is not a feature"),
            ("", "the table is empty"),
        ] {
            let error = read(header).unwrap_err().to_string();
            assert!(error.starts_with("line 1: ") && error.contains(word), "{header:?}: {error}");
        }
    }
}
