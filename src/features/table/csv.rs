//! A table in CSV.

use std::io::{BufReader, Read};

use super::layout::{Layout, known, pair, unpacked};
use super::{BadRow, NextRow, TableError, TableRows};
use crate::formats::csv::records::{Record, RecordError, Records};
use crate::row::{FeatureRow, PairKey, Schema};

const BUFFER: usize = 256 * 1024;

/// The rows of a CSV table.
pub(super) struct CsvRows<'s, R> {
    records: Records<BufReader<R>>,
    schema: &'s Schema,
    layout: Layout,
}

impl<'s, R: Read> CsvRows<'s, R> {
    /// Reads the header of `input`.
    pub(super) fn open(input: R, schema: &'s Schema) -> Result<Self, TableError> {
        let mut records = Records::new(BufReader::with_capacity(BUFFER, input));
        let layout = match records.next() {
            Ok(Some(record)) => {
                if let Some(fault) = record.fault() {
                    return Err(TableError::Header(fault.to_owned()));
                }
                let names: Vec<&str> = record.cells().collect();
                Layout::of(&names, schema).map_err(TableError::Header)?
            }
            Ok(None) => return Err(TableError::Header("the table is empty".to_owned())),
            Err(RecordError::NotUtf8(_)) => return Err(TableError::Header("it is not UTF-8".to_owned())),
            Err(RecordError::Io(error)) => return Err(error.into()),
        };
        Ok(Self { records, schema, layout })
    }
}

impl<R: Read> TableRows for CsvRows<'_, R> {
    fn next(&mut self) -> Result<Option<NextRow>, TableError> {
        match self.records.next() {
            Ok(Some(record)) => {
                let row = row(&record, &self.layout, self.schema);
                Ok(Some(row.map_err(|what| BadRow { line: record.line, what })))
            }
            Ok(None) => Ok(None),
            Err(RecordError::NotUtf8(line)) => {
                Ok(Some(Err(BadRow { line, what: "the line is not UTF-8".to_owned() })))
            }
            Err(RecordError::Io(error)) => Err(error.into()),
        }
    }

    fn place(&self) -> u64 {
        self.records.line()
    }

    fn bytes(&self) -> u64 {
        self.records.bytes()
    }
}

fn row(record: &Record<'_>, layout: &Layout, schema: &Schema) -> Result<(PairKey, FeatureRow), String> {
    if let Some(fault) = record.fault() {
        return Err(fault.to_owned());
    }
    let cells: Vec<&str> = record.cells().collect();
    let expected = layout.width();
    if cells.len() != expected {
        return Err(format!("{} columns, expected {expected}", cells.len()));
    }
    let key = pair(cells[0], cells[1])?;
    let row = match layout {
        Layout::Columns(positions) => {
            let mut row = vec![f32::NAN; schema.width()].into_boxed_slice();
            for (at, cell) in positions.iter().zip(&cells[2..]) {
                row[*at] = schema
                    .parse(*at, cell, true)
                    .map_err(|error| format!("{}: {error}", schema.names()[*at]))?;
            }
            row
        }
        Layout::Packed => unpacked(cells[2], schema)?,
    };
    Ok((key, known(row)?))
}
