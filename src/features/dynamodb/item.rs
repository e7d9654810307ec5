//! Pairs and rows as DynamoDB's items, in either layout.
//!
//! A missing value is `nan` in a packed row, and an absent attribute among columns. DynamoDB's numbers know no negative
//! zero, which is the same to every tree.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::marker;
use super::seen::SeenColumns;
use crate::config::{DynamoDb, ItemLayout, KeyAttribute, KeyType};
use crate::features::StoredRow;
use crate::formats::csv::packed_row;
use crate::formats::text::write_features;
use crate::row::{FeatureRow, PairKey, Schema, check_id, excerpt, write_value};
use crate::telemetry::metrics::TableMetrics;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The placeholder of the partition key: it is read first.
pub(super) const USER: &str = "#a0";

/// The attribute that says when an item's row was made, in whatever words.
const UPDATED_AT: &str = "updated_at";

/// The attributes of one table.
pub(super) struct Items {
    user: KeyAttribute,
    product: KeyAttribute,
    layout: ItemLayout,
    schema: Schema,
    seen: SeenColumns,
    /// The attributes that are read, as a projection expression, and its placeholders: names may be reserved words.
    pub(super) projection: String,
    pub(super) names: HashMap<String, String>,
}

impl Items {
    pub(super) fn new(table: &DynamoDb, schema: &Schema, metrics: TableMetrics) -> Self {
        let columns = schema.names();
        let (user, product) = (table.user_key.clone(), table.product_key.clone());
        let mut read = vec![user.name.clone(), product.name.clone()];
        match &table.layout {
            ItemLayout::Packed(attribute) => read.push(attribute.clone()),
            ItemLayout::Columns => read.extend(columns.iter().cloned()),
        }
        if !read.iter().any(|name| name == UPDATED_AT) {
            read.push(UPDATED_AT.to_owned());
        }
        let names: HashMap<_, _> =
            read.into_iter().enumerate().map(|(at, name)| (format!("#a{at}"), name)).collect();
        let projection = names.keys().cloned().collect::<Vec<_>>().join(", ");
        let (layout, seen) = (table.layout.clone(), SeenColumns::new(columns, metrics));
        Self { user, product, layout, schema: schema.clone(), seen, projection, names }
    }

    /// The primary key of `pair`; `None` if no item can have it.
    pub(super) fn key(&self, pair: &PairKey) -> Option<Item> {
        Some(HashMap::from([
            (self.user.name.clone(), key_value(self.user.kind, pair.user())?),
            (self.product.name.clone(), key_value(self.product.kind, pair.product())?),
        ]))
    }

    /// The partition key of `user`; `None` if no item can have it.
    pub(super) fn user(&self, user: &str) -> Option<AttributeValue> {
        key_value(self.user.kind, user)
    }

    pub(super) fn pair_of(&self, item: &Item) -> Result<PairKey, String> {
        let id = |key: &KeyAttribute| match item.get(&key.name) {
            Some(AttributeValue::S(id) | AttributeValue::N(id)) => {
                check_id(id).map_err(|error| format!("an item's {} {error}", key.name))
            }
            _ => Err(format!("an item's {} is neither a string nor a number", key.name)),
        };
        Ok(PairKey::new(id(&self.user)?, id(&self.product)?))
    }

    /// The row of an item, and when it was made.
    pub(super) fn stored(&self, item: &Item) -> Result<StoredRow, String> {
        let values = self.row_of(item)?;
        let time = match item.get(UPDATED_AT) {
            _ if self.schema.position(UPDATED_AT).is_some() => None,
            Some(AttributeValue::S(time) | AttributeValue::N(time)) => Some(time),
            _ => None,
        };
        Ok(StoredRow { values, updated_at: time.map(|time| excerpt(time).into()) })
    }

    fn row_of(&self, item: &Item) -> Result<FeatureRow, String> {
        let columns = self.schema.names();
        match &self.layout {
            ItemLayout::Packed(attribute) => {
                let Some(AttributeValue::S(packed)) = item.get(attribute) else {
                    return Err(format!("there is no string attribute {attribute}"));
                };
                packed_row(packed, &self.schema).map_err(|error| format!("{attribute}: {error}"))
            }
            ItemLayout::Columns => {
                if !columns.iter().any(|name| item.contains_key(name)) {
                    // Of another spelling, or packed: as a row of missing values it would have a score.
                    return Err("it has none of the features as an attribute".to_owned());
                }
                self.seen.note(columns, |name| item.contains_key(name));
                let of = |(at, name): (usize, &String)| match item.get(name) {
                    None | Some(AttributeValue::Null(_)) => Ok(f32::NAN),
                    Some(AttributeValue::N(cell) | AttributeValue::S(cell)) => {
                        self.schema.parse(at, cell, true).map_err(|error| format!("{name}: {error}"))
                    }
                    Some(_) => Err(format!("{name} is neither a number nor a string")),
                };
                columns.iter().enumerate().map(of).collect()
            }
        }
    }

    /// The item of a pair, as part of the table `version` if it has one.
    pub(super) fn item(&self, pair: &PairKey, row: &[f32], version: Option<&str>) -> Result<Item, String> {
        let columns = self.schema.names();
        if row.len() != columns.len() {
            return Err(format!("{pair}: {} values, expected {}", row.len(), columns.len()));
        }
        if let Some(at) = row.iter().position(|value| value.is_infinite()) {
            return Err(format!("{pair}: {} is {}", columns[at], row[at]));
        }
        let Some(mut item) = self.key(pair) else {
            return Err(format!("{pair}: the table's keys of type N take whole numbers"));
        };
        match &self.layout {
            ItemLayout::Packed(attribute) => {
                let mut packed = String::with_capacity(row.len() * 10);
                write_features(row, &mut packed);
                item.insert(attribute.clone(), AttributeValue::S(packed));
            }
            ItemLayout::Columns => {
                if row.iter().all(|value| value.is_nan()) {
                    return Err(format!("{pair}: every value is missing"));
                }
                for (at, value) in row.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                    let mut cell = String::new();
                    let attribute = if self.schema.has_categories(at) {
                        self.schema.write(at, *value, &mut cell);
                        AttributeValue::S(cell)
                    } else {
                        write_value(*value, &mut cell);
                        AttributeValue::N(cell)
                    };
                    item.insert(columns[at].clone(), attribute);
                }
            }
        }
        if let Some(version) = version {
            item.insert(marker::VERSION.to_owned(), AttributeValue::S(version.to_owned()));
        }
        Ok(item)
    }
}

/// DynamoDB writes each number in one way alone, and pairs are told apart by how they are written: `007` is no key.
fn key_value(kind: KeyType, id: &str) -> Option<AttributeValue> {
    match kind {
        KeyType::Text => Some(AttributeValue::S(id.to_owned())),
        KeyType::Number => {
            let digits = id.strip_prefix('-').unwrap_or(id);
            let whole = (1..=38).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && (!digits.starts_with('0') || id == "0");
            whole.then(|| AttributeValue::N(id.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_keys_are_whole_and_written_in_one_way() {
        for id in ["0", "7", "-7", "49688", "99999999999999999999999999999999999999"] {
            assert_eq!(key_value(KeyType::Number, id), Some(AttributeValue::N(id.to_owned())));
        }
        for id in ["", "007", "-0", "1.5", "1e3", "x", "+7", "100000000000000000000000000000000000000"] {
            assert_eq!(key_value(KeyType::Number, id), None, "{id}");
        }
    }
}
