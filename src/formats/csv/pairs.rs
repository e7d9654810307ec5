//! Pairs of identifiers, one per record.

use super::records::Record;
use crate::row::{PairKey, RowError, RowErrorKind, check_id};

/// The columns of a pair.
pub const PAIR_COLUMNS: [&str; 2] = ["user_id", "product_id"];

/// Which of [`PAIR_COLUMNS`] a header's `name` means: any case, with or without `_`, `-`, a point or a blank between its
/// words.
#[must_use]
pub fn pair_column(name: &str) -> Option<usize> {
    let letters = name.chars().filter(|letter| !matches!(letter, '_' | '-' | '.' | ' ' | '\t'));
    match letters.collect::<String>().to_ascii_lowercase().as_str() {
        "userid" => Some(0),
        "productid" => Some(1),
        _ => None,
    }
}

/// For each of [`PAIR_COLUMNS`], where it stands, if `record` is a header: one names a column of pairs at least once.
pub(super) fn header(record: &Record<'_>) -> Option<Result<[usize; 2], RowError>> {
    let columns: Vec<Option<usize>> = record.cells().map(pair_column).collect();
    if columns.iter().all(Option::is_none) {
        return None;
    }
    Some(match columns[..] {
        [Some(0), Some(1)] => Ok([0, 1]),
        [Some(1), Some(0)] => Ok([1, 0]),
        _ => {
            let names: Vec<&str> = record.cells().take(4).collect();
            Err(RowError::new(
                RowErrorKind::Name,
                format!("the header is {names:?}; expected user_id,product_id"),
            ))
        }
    })
}

/// The pair of a record with `columns` as [`header`] gives them.
pub(super) fn pair(record: &Record<'_>, columns: [usize; 2]) -> Result<PairKey, RowError> {
    let mut cells = record.cells();
    let (Some(first), Some(second), None) = (cells.next(), cells.next(), cells.next()) else {
        let error = match record.fault() {
            Some(fault) => RowError::new(RowErrorKind::Width, fault),
            None => RowError::new(
                RowErrorKind::Width,
                format!(
                    "{} columns; expected user_id,product_id (in quotes where an identifier has a comma)",
                    record.cells().count()
                ),
            ),
        };
        return Err(error);
    };
    let cells = [first, second];
    let id = |at: usize| {
        check_id(cells[columns[at]].trim()).map_err(|error| {
            let name = PAIR_COLUMNS[at];
            RowError::new(RowErrorKind::Value, format!("{name} {error}")).in_column(name)
        })
    };
    Ok(PairKey::new(id(0)?, id(1)?))
}
