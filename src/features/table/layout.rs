//! What the names of a table's columns say about the values under them.

use crate::formats::csv::{PAIR_COLUMNS, packed_row, pair_column};
use crate::row::{FeatureRow, InvalidId, PairKey, Schema, check_id};

const PACKED: &str = "feature";

/// Where the values of a row are.
pub(super) enum Layout {
    /// For each column after the keys, its place in the row.
    Columns(Vec<usize>),
    /// One column holds the row as a text.
    Packed,
}

impl Layout {
    /// The layout of columns with these names: the keys, and then the features of `schema` or one for all of them.
    pub(super) fn of(names: &[&str], schema: &Schema) -> Result<Self, String> {
        if !names.iter().take(2).map(|name| pair_column(name)).eq([Some(0), Some(1)]) {
            return Err(format!("the first columns are {:?}", &names[..names.len().min(2)]));
        }
        // As it stands, or without the blanks around it.
        let is_known = |name: &str| schema.position(name).is_some();
        let features: Vec<&str> =
            names[2..].iter().map(|name| if is_known(name) { *name } else { name.trim() }).collect();
        match schema.positions(features.iter().copied()) {
            Ok(positions) => Ok(Self::Columns(positions)),
            Err(_) if features == [PACKED] => Ok(Self::Packed),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        2 + if let Self::Columns(positions) = self { positions.len() } else { 1 }
    }
}

/// The pair of these identifiers.
pub(super) fn pair(user: &str, product: &str) -> Result<PairKey, String> {
    let wrong = |at: usize| move |error: InvalidId| format!("{} {error}", PAIR_COLUMNS[at]);
    let user = check_id(user.trim()).map_err(wrong(0))?;
    Ok(PairKey::new(user, check_id(product.trim()).map_err(wrong(1))?))
}

/// The row that `text` packs.
pub(super) fn unpacked(text: &str, schema: &Schema) -> Result<FeatureRow, String> {
    packed_row(text, schema).map_err(|error| format!("{PACKED}: {error}"))
}

/// `row`, unless nothing is in it.
pub(super) fn known(row: FeatureRow) -> Result<FeatureRow, String> {
    if row.iter().all(|value| value.is_nan()) {
        return Err("every value is missing: a row of nothing would be scored like any other".to_owned());
    }
    Ok(row)
}
