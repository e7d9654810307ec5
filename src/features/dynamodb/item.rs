//! Pairs and rows as DynamoDB's items, in either layout.
//!
//! A missing value is `nan` in a packed row, and an absent attribute among columns. DynamoDB's numbers know no negative
//! zero, which is the same to every tree.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::seen::SeenColumns;
use crate::config::{DynamoDb, ItemLayout, KeyAttribute, KeyType};
use crate::formats::text::write_features;
use crate::row::{FeatureRow, PairKey, check_id, parse_value, write_value};
use crate::telemetry::metrics::TableMetrics;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The placeholder of the partition key: it is read first.
pub(super) const USER: &str = "#a0";

/// The attributes of one table.
pub(super) struct Items {
    user: KeyAttribute,
    product: KeyAttribute,
    layout: ItemLayout,
    columns: Vec<String>,
    seen: SeenColumns,
    /// The attributes that are read, as a projection expression, and its placeholders: names may be reserved words.
    pub(super) projection: String,
    pub(super) names: HashMap<String, String>,
}

impl Items {
    pub(super) fn new(table: &DynamoDb, columns: &[String], metrics: TableMetrics) -> Self {
        let (user, product) = (table.user_key.clone(), table.product_key.clone());
        let mut read = vec![user.name.clone(), product.name.clone()];
        match &table.layout {
            ItemLayout::Packed(attribute) => read.push(attribute.clone()),
            ItemLayout::Columns => read.extend(columns.iter().cloned()),
        }
        let names: HashMap<_, _> =
            read.into_iter().enumerate().map(|(at, name)| (format!("#a{at}"), name)).collect();
        let projection = names.keys().cloned().collect::<Vec<_>>().join(", ");
        let (layout, seen) = (table.layout.clone(), SeenColumns::new(columns, metrics));
        Self { user, product, layout, columns: columns.to_vec(), seen, projection, names }
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

    /// A key that is asked for to see whether the table answers.
    pub(super) fn sentinel(&self) -> Item {
        let value = |kind| match kind {
            KeyType::Text => AttributeValue::S("imba-probe".to_owned()),
            KeyType::Number => AttributeValue::N("0".to_owned()),
        };
        HashMap::from([
            (self.user.name.clone(), value(self.user.kind)),
            (self.product.name.clone(), value(self.product.kind)),
        ])
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

    pub(super) fn row_of(&self, item: &Item) -> Result<FeatureRow, String> {
        match &self.layout {
            ItemLayout::Packed(attribute) => {
                let Some(AttributeValue::S(packed)) = item.get(attribute) else {
                    return Err(format!("there is no string attribute {attribute}"));
                };
                let cells: Vec<&str> = packed.split(',').collect();
                if cells.len() != self.columns.len() {
                    let (found, wanted) = (cells.len(), self.columns.len());
                    return Err(format!("{attribute} holds {found} values, expected {wanted}"));
                }
                cells.into_iter().zip(&self.columns).map(|(cell, name)| value(name, cell)).collect()
            }
            ItemLayout::Columns => {
                if !self.columns.iter().any(|name| item.contains_key(name)) {
                    // Of another spelling, or packed: as a row of missing values it would have a score.
                    return Err("it has none of the features as an attribute".to_owned());
                }
                self.seen.note(&self.columns, |name| item.contains_key(name));
                let of = |name: &String| match item.get(name) {
                    None | Some(AttributeValue::Null(_)) => Ok(f32::NAN),
                    Some(AttributeValue::N(cell) | AttributeValue::S(cell)) => value(name, cell),
                    Some(_) => Err(format!("{name} is neither a number nor a string")),
                };
                self.columns.iter().map(of).collect()
            }
        }
    }

    pub(super) fn item(&self, pair: &PairKey, row: &[f32]) -> Result<Item, String> {
        if row.len() != self.columns.len() {
            return Err(format!("{pair}: {} values, expected {}", row.len(), self.columns.len()));
        }
        if let Some(at) = row.iter().position(|value| value.is_infinite()) {
            return Err(format!("{pair}: {} is {}", self.columns[at], row[at]));
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
                for (name, value) in self.columns.iter().zip(row).filter(|(_, value)| !value.is_nan()) {
                    let mut number = String::new();
                    write_value(*value, &mut number);
                    item.insert(name.clone(), AttributeValue::N(number));
                }
            }
        }
        Ok(item)
    }
}

fn value(name: &str, cell: &str) -> Result<f32, String> {
    parse_value(cell).map_err(|error| format!("{name}: {error}"))
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
