//! CSV: feature rows and pairs, one per record, with an optional header of names.
//!
//! [`records`] is the grammar, for whatever reads tables. A value is a number, a boolean or missing as
//! [`parse_value`](crate::row::parse_value) has it, in quotes or not.

mod header;
mod pairs;
pub mod records;
mod rows;

pub use pairs::{PAIR_COLUMNS, pair_column};
pub(in crate::formats) use rows::RowReader;

use self::records::{Record, RecordError, Records};
use crate::row::{Batch, Decoded, Outcomes, PairKey, RowError, RowErrorKind, RowLimits, Schema};

/// Feature rows in model order, or in the order of a header.
///
/// # Errors
/// The body is not text, empty, has a wrong header or more rows than `limits` allows; mistakes in single rows are among the
/// outcomes.
pub fn feature_rows(body: &[u8], schema: &Schema, limits: RowLimits) -> Result<Decoded<Batch>, RowError> {
    let (mut items, mut reader) = (Batch::new(schema.width()), RowReader::new(schema, &[]));
    let mut is_first = true;
    let outcomes = decode(body, limits, |record| {
        let outcome = if std::mem::take(&mut is_first) {
            reader.first(record)?
        } else {
            reader.read(record).map(|()| true)
        };
        if outcome == Ok(true) {
            items.push(reader.row());
        }
        Ok(outcome)
    })?;
    Ok(Decoded { items, outcomes })
}

/// Pairs of identifiers, `user_id,product_id` or as a header with these two names orders them.
///
/// # Errors
/// The body is not text, empty, has a wrong header or more rows than `limits` allows; mistakes in single rows are among the
/// outcomes.
pub fn pairs(body: &[u8], limits: RowLimits) -> Result<Decoded<Vec<PairKey>>, RowError> {
    let (mut items, mut columns) = (Vec::new(), [0, 1]);
    let mut is_first = true;
    let outcomes = decode(body, limits, |record| {
        if std::mem::take(&mut is_first)
            && let Some(header) = pairs::header(record)
        {
            columns = header?;
            return Ok(Ok(false));
        }
        Ok(pairs::pair(record, columns).map(|pair| {
            items.push(pair);
            true
        }))
    })?;
    Ok(Decoded { items, outcomes })
}

/// Calls `take` for each record; it says whether that was a row, or what is wrong with it as one.
fn decode(
    body: &[u8],
    limits: RowLimits,
    mut take: impl FnMut(&Record<'_>) -> Result<Result<bool, RowError>, RowError>,
) -> Result<Outcomes, RowError> {
    let mut outcomes = Outcomes::default();
    let mut records = Records::new(body);
    let mut has_header = false;
    while let Some(record) = records.next().map_err(|error| unreadable(&error))? {
        match take(&record)? {
            Ok(false) => has_header = true,
            outcome => {
                limits.check(outcomes.count())?;
                if outcomes.note(outcome.map(|_| ())) && limits.all_or_nothing {
                    break;
                }
            }
        }
    }
    if outcomes.count() == 0 {
        let what = if has_header {
            "the body holds a header and no row"
        } else {
            "the body is empty; expected one row per line"
        };
        return Err(RowError::new(RowErrorKind::Malformed, what));
    }
    Ok(outcomes)
}

fn unreadable(error: &RecordError) -> RowError {
    let what = match error {
        RecordError::NotUtf8(line) => format!("the body is not UTF-8, in line {line}"),
        RecordError::Io(error) => format!("the body cannot be read: {error}"),
    };
    RowError::new(RowErrorKind::Malformed, what)
}

/// The values of a whole row in one text, as old tables pack them.
///
/// # Errors
/// It is not one record of `names.len()` values.
pub fn packed_row(text: &str, schema: &Schema) -> Result<Box<[f32]>, RowError> {
    let mut reader = RowReader::new(schema, &[]);
    let mut records = Records::new(text.as_bytes());
    let wrong = |what: &'static str| RowError::new(RowErrorKind::Width, what);
    let record = records.next().map_err(|error| unreadable(&error))?;
    reader.read(&record.ok_or_else(|| wrong("there are no values"))?)?;
    if records.next().map_err(|error| unreadable(&error))?.is_some() {
        return Err(wrong("there are values of a second row"));
    }
    Ok(reader.row().into())
}

/// Appends `cell` to `out`, in quotes where it must be.
pub fn write_cell(cell: &str, out: &mut String) {
    let needs_quotes = cell.is_empty()
        || cell.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'))
        || cell.starts_with('\u{feff}')
        || cell.trim_ascii() != cell;
    if !needs_quotes {
        out.push_str(cell);
        return;
    }
    out.push('"');
    for part in cell.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
