//! Feature rows of a table, record by record.

use super::header::{Column, columns};
use super::records::Record;
use crate::row::{InvalidValue, RowError, RowErrorKind, Schema, plain_value};

/// Reads records into rows in model order.
pub(in crate::formats) struct RowReader<'s> {
    schema: &'s Schema,
    /// The columns to carry through beside the features.
    id_names: &'s [String],
    /// As a header has them.
    columns: Option<Vec<Column>>,
    row: Vec<f32>,
    ids: Vec<String>,
}

impl<'s> RowReader<'s> {
    pub(in crate::formats) fn new(schema: &'s Schema, id_names: &'s [String]) -> Self {
        let row = vec![f32::NAN; schema.width()];
        Self { schema, id_names, columns: None, row, ids: vec![String::new(); id_names.len()] }
    }

    /// Reads the first record. `Ok(false)` says that it is a header.
    ///
    /// # Errors
    /// The outer error is the header's, the inner one the row's.
    pub(super) fn first(&mut self, record: &Record<'_>) -> Result<Result<bool, RowError>, RowError> {
        let outcome = self.read(record);
        // Names that are numbers could also be a row.
        let may_be_header = outcome.is_err() || self.schema.has_numeric_names() || !self.id_names.is_empty();
        if may_be_header
            && record.fault().is_none()
            && let Some(columns) = columns(record, self.schema, self.id_names)
        {
            self.columns = Some(columns?);
            return Ok(Ok(false));
        }
        Ok(outcome.map(|()| true))
    }

    /// Reads a line of plain numbers in model order, as most are; `false` leaves it to [`Self::read`].
    fn sweep(&mut self, line: &str) -> bool {
        let mut rest = Some(line);
        for value in &mut self.row {
            let Some((found, end)) = rest.and_then(plain_value) else { return false };
            *value = found;
            // Only a comma ends a cell before the line does.
            rest = rest.and_then(|rest| rest.get(end + 1..));
        }
        rest.is_none()
    }

    /// Reads a record into [`Self::row`] and [`Self::ids`].
    pub(super) fn read(&mut self, record: &Record<'_>) -> Result<(), RowError> {
        if self.columns.is_none()
            && let Some(line) = record.plain()
            && self.sweep(line)
        {
            return Ok(());
        }
        let width = self.row.len();
        let expected = self.columns.as_ref().map_or(width, Vec::len);
        if let Some(fault) = record.fault() {
            return Err(RowError::new(RowErrorKind::Width, fault));
        }
        let mut cells = 0;
        for cell in record.cells() {
            cells += 1;
            if cells > expected {
                continue;
            }
            let column =
                self.columns.as_ref().map_or(Column::Feature(cells - 1), |columns| columns[cells - 1]);
            match column {
                Column::Feature(at) => {
                    let value = self.schema.parse(at, cell, self.columns.is_some());
                    self.row[at] =
                        value.map_err(|error| wrong_value(&self.schema.names()[at], cells, &error))?;
                }
                Column::Id(at) => {
                    self.ids[at].clear();
                    self.ids[at].push_str(cell);
                }
            }
        }
        if cells == expected {
            return Ok(());
        }
        Err(RowError::new(RowErrorKind::Width, format!("{cells} columns, expected {expected}")))
    }

    /// The last row that was good.
    pub(in crate::formats) fn row(&self) -> &[f32] {
        &self.row
    }

    /// The identifiers carried through with it.
    pub(in crate::formats) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Reads the next record of a stream; `Ok(false)` says that it is a header.
    pub(in crate::formats) fn next(&mut self, record: &Record<'_>, is_first: bool) -> Result<bool, RowError> {
        if is_first { self.first(record).and_then(|row| row) } else { self.read(record).map(|()| true) }
    }
}

#[cold]
fn wrong_value(name: &str, column: usize, error: &InvalidValue) -> RowError {
    RowError::new(RowErrorKind::Value, format!("column {column} ({name}): {error}")).in_column(name)
}
