//! A feature table in CSV, and its way into a store, batch by batch.
//!
//! Two layouts are read, told apart by the header: `user_id,product_id,` and one column per feature in any order; or the
//! old table's `user_id,product_id,feature` with the features as one quoted, comma-separated string in model order.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::{FeatureWriter, StoreError};
use crate::cause::chain;
use crate::formats::csv::records::{Record, RecordError, Records};
use crate::formats::csv::{PAIR_COLUMNS, packed_row, pair_column};
use crate::row::{FeatureRow, PairKey, Schema, check_id, parse_value};

/// Rows per batch: each is written whole or not at all.
pub const BATCH_ROWS: usize = 10_000;

const BUFFER: usize = 256 * 1024;
/// The columns before the features.
pub const KEYS: [&str; 2] = PAIR_COLUMNS;
const PACKED: &str = "feature";

/// Why a table cannot be imported, or not on.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The header is not that of a feature table.
    #[error(
        "line 1: {0}; expected user_id,product_id and then the features by name, or one column \"feature\""
    )]
    Header(String),
    /// The file cannot be read on.
    #[error("the table cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The store did not take a batch.
    #[error("{}; all rows before line {line} are in the store: go on with --from-line {line}", chain(error))]
    Resumable {
        /// Line of the first row that may not be in the store, 1-based.
        line: u64,
        /// What the store says.
        error: StoreError,
    },
    /// The store did not take the table.
    #[error("{}; the store is as it was", chain(.0))]
    Store(StoreError),
}

/// A line that is no row, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Line of the file, 1-based.
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
    /// Lines that are no rows. Their batches were not loaded.
    pub bad: Vec<BadRow>,
}

/// `file` as text: gzip is told by its first two bytes (RFC 1952), whatever the file is called.
///
/// # Errors
/// The file cannot be read.
pub fn plain(file: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let is_gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// A feature table being read.
pub struct FeatureTable<'s, R> {
    records: Records<BufReader<R>>,
    schema: &'s Schema,
    layout: Layout,
}

enum Layout {
    /// For each cell after the keys, its place in the row.
    Columns(Vec<usize>),
    /// One cell holds the row.
    Packed,
}

impl<'s, R: Read> FeatureTable<'s, R> {
    /// Reads the header of `input`.
    ///
    /// # Errors
    /// The header names other columns than the keys and the features of `schema`.
    pub fn open(input: R, schema: &'s Schema) -> Result<Self, TableError> {
        let mut records = Records::new(BufReader::with_capacity(BUFFER, input));
        let layout = match records.next() {
            Ok(Some(record)) => layout(&record, schema)?,
            Ok(None) => return Err(TableError::Header("the table is empty".to_owned())),
            Err(RecordError::NotUtf8(_)) => return Err(TableError::Header("it is not UTF-8".to_owned())),
            Err(RecordError::Io(error)) => return Err(error.into()),
        };
        Ok(Self { records, schema, layout })
    }

    /// Loads the table into `store`, but for rows before `from_line`. After each batch, `progress` hears how many bytes
    /// have been read.
    ///
    /// A batch with a bad row is left out whole; the others are loaded all the same, so that one run finds every bad row.
    ///
    /// # Errors
    /// The file cannot be read on or the store takes no more; batches before that are in the store.
    pub async fn load_into(
        mut self,
        store: &dyn FeatureWriter,
        from_line: u64,
        mut progress: impl FnMut(u64),
    ) -> Result<Report, TableError> {
        let mut report = Report::default();
        while self.records.line() < from_line {
            match self.records.next() {
                Ok(Some(_)) | Err(RecordError::NotUtf8(_)) => {}
                Ok(None) => break,
                Err(RecordError::Io(error)) => return Err(error.into()),
            }
        }
        loop {
            let line = self.records.line();
            let (rows, more) = self.next_batch(&mut report)?;
            if !rows.is_empty() {
                let count = rows.len() as u64;
                store.put_many(rows).await.map_err(|error| {
                    if store.keeps_what_it_took() {
                        TableError::Resumable { line, error }
                    } else {
                        TableError::Store(error)
                    }
                })?;
                report.loaded += count;
            }
            progress(self.records.bytes());
            if !more {
                return Ok(report);
            }
        }
    }

    /// Reads the whole table and reports what [`Self::load_into`] would, without a store.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub fn check(mut self, mut progress: impl FnMut(u64)) -> Result<Report, TableError> {
        let mut report = Report::default();
        loop {
            let (rows, more) = self.next_batch(&mut report)?;
            report.loaded += rows.len() as u64;
            progress(self.records.bytes());
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
            match self.records.next() {
                Ok(Some(record)) => match row(&record, &self.layout, self.schema) {
                    Ok(row) => rows.push(row),
                    Err(what) => bad.push(BadRow { line: record.line, what }),
                },
                Ok(None) => return Ok((rows, false)),
                Err(RecordError::NotUtf8(line)) => {
                    bad.push(BadRow { line, what: "the line is not UTF-8".to_owned() });
                }
                Err(RecordError::Io(error)) => return Err(error.into()),
            }
        }
        Ok((rows, true))
    }
}

/// What the header says of the columns after the keys.
fn layout(header: &Record<'_>, schema: &Schema) -> Result<Layout, TableError> {
    if let Some(fault) = header.fault() {
        return Err(TableError::Header(fault.to_owned()));
    }
    let names: Vec<&str> = header.cells().collect();
    if !names.iter().take(2).map(|name| pair_column(name)).eq([Some(0), Some(1)]) {
        return Err(TableError::Header(format!("the first columns are {:?}", &names[..names.len().min(2)])));
    }
    // As it stands, or without the blanks around it.
    let is_known = |name: &str| schema.position(name).is_some();
    let features: Vec<&str> =
        names[2..].iter().map(|name| if is_known(name) { *name } else { name.trim() }).collect();
    match schema.positions(features.iter().copied()) {
        Ok(positions) => Ok(Layout::Columns(positions)),
        Err(_) if features == [PACKED] => Ok(Layout::Packed),
        Err(error) => Err(TableError::Header(error.to_string())),
    }
}

fn row(record: &Record<'_>, layout: &Layout, schema: &Schema) -> Result<(PairKey, FeatureRow), String> {
    if let Some(fault) = record.fault() {
        return Err(fault.to_owned());
    }
    let cells: Vec<&str> = record.cells().collect();
    let expected = 2 + if let Layout::Columns(positions) = layout { positions.len() } else { 1 };
    if cells.len() != expected {
        return Err(format!("{} columns, expected {expected}", cells.len()));
    }
    let id = |at: usize| check_id(cells[at].trim()).map_err(|error| format!("{} {error}", PAIR_COLUMNS[at]));
    let key = PairKey::new(id(0)?, id(1)?);
    let row = match layout {
        Layout::Columns(positions) => {
            let mut row = vec![f32::NAN; schema.width()].into_boxed_slice();
            for (at, cell) in positions.iter().zip(&cells[2..]) {
                row[*at] = parse_value(cell).map_err(|error| format!("{}: {error}", schema.names()[*at]))?;
            }
            row
        }
        Layout::Packed => packed_row(cells[2], schema).map_err(|error| format!("{PACKED}: {error}"))?,
    };
    if row.iter().all(|value| value.is_nan()) {
        return Err("every value is missing: a row of nothing would be scored like any other".to_owned());
    }
    Ok((key, row))
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
        assert_eq!(bad, [(3, "user_id holds a control character"), (5, "the line is blank")]);
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
