//! The first record of a table, where it names the columns.

use super::records::Record;
use crate::row::{InvalidNames, RowError, RowErrorKind, Schema, excerpt, parse_value};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The feature with this place in a row.
    Feature(usize),
    /// The identifier with this place among those that are carried through.
    Id(usize),
}

/// Reads `record` as a header of all features, and of the columns `ids`, in any order.
///
/// A name may be padded with blanks unless the model's is. `None` if the record is no header: it is one when its cells are
/// the names, each once, or when a cell of it is a name and no value, or when `ids` are expected.
pub(super) fn columns(
    record: &Record<'_>,
    schema: &Schema,
    ids: &[String],
) -> Option<Result<Vec<Column>, RowError>> {
    let read = match_names(record, schema, ids);
    let is_known = |name: &str| position(schema, name).is_some() && parse_value(name).is_err();
    if read.is_err() && ids.is_empty() && !record.cells().any(is_known) {
        return None;
    }
    Some(read.map_err(|error| {
        let hint = if ids.is_empty() { id_hint(record, schema) } else { String::new() };
        RowError::new(RowErrorKind::Name, format!("the header is wrong: {error}{hint}"))
            .in_column(error.name())
    }))
}

fn match_names(record: &Record<'_>, schema: &Schema, ids: &[String]) -> Result<Vec<Column>, InvalidNames> {
    let mut columns = Vec::with_capacity(schema.width() + ids.len());
    let mut seen_ids = vec![false; ids.len()];
    let mut features = Vec::with_capacity(schema.width());
    for cell in record.cells() {
        if let Some(at) = ids.iter().position(|id| id == cell.trim_ascii()) {
            if std::mem::replace(&mut seen_ids[at], true) {
                return Err(InvalidNames::Repeated(ids[at].clone()));
            }
            columns.push(Column::Id(at));
            continue;
        }
        let at = position(schema, cell).ok_or_else(|| InvalidNames::Unknown(excerpt(cell.trim_ascii())))?;
        features.push(schema.names()[at].as_str());
        columns.push(Column::Feature(at));
    }
    if let Some(at) = seen_ids.iter().position(|seen| !seen) {
        return Err(InvalidNames::Absent(ids[at].clone()));
    }
    schema.positions(features).map(|_| columns)
}

fn position(schema: &Schema, name: &str) -> Option<usize> {
    schema.position(name).or_else(|| schema.position(name.trim_ascii()))
}

/// Where identifiers stand beside all features, how `imba score` reads them.
fn id_hint(record: &Record<'_>, schema: &Schema) -> String {
    let (known, others): (Vec<&str>, Vec<&str>) =
        record.cells().partition(|name| position(schema, name).is_some());
    let is_id = |name: &&str| name.trim_ascii().to_ascii_lowercase().ends_with("id");
    if others.is_empty() || known.len() != schema.width() || !others.iter().all(is_id) {
        return String::new();
    }
    let names: Vec<String> = others.iter().map(|name| excerpt(name.trim_ascii())).collect();
    format!("; imba score carries identifiers through with --id {}", names.join(","))
}
