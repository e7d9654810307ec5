//! `[features.dynamodb]`: the table, its keys and how its items hold a row.

use std::time::Duration;

use super::cloud::{Calls, calls};
use super::reader::Reader;

/// Most keys of a `BatchGetItem`.
const MOST_PAIRS: usize = 100;

/// `[features.dynamodb]`
#[derive(Debug, Clone)]
pub struct DynamoDb {
    /// `features.dynamodb.table`
    pub table: String,
    /// `features.dynamodb.user_key` and `user_key_type`
    pub user_key: KeyAttribute,
    /// `features.dynamodb.product_key` and `product_key_type`
    pub product_key: KeyAttribute,
    /// `features.dynamodb.layout`, with `packed_attribute` for that layout
    pub layout: ItemLayout,
    /// `features.dynamodb.consistent_reads`
    pub consistent_reads: bool,
    /// `features.dynamodb.batch_pairs`
    pub batch_pairs: usize,
    /// `features.dynamodb.writes_in_flight`
    pub writes_in_flight: usize,
    /// The keys shared with other upstreams.
    pub calls: Calls,
}

/// One attribute of the table's primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: KeyType,
}

/// The type of a key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// `"S"`
    Text,
    /// `"N"`
    Number,
}

/// How an item holds a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemLayout {
    /// `"packed"`: one attribute of this name, a string of comma-separated values in model order.
    Packed(String),
    /// `"columns"`: one attribute per feature, by name.
    Columns,
}

/// The section; its calls end before the request's `deadline`.
pub(super) fn dynamodb(reader: &mut Reader<'_>, deadline: Duration) -> DynamoDb {
    let user_key = key(reader, "features.dynamodb.user_key");
    let product_key = key(reader, "features.dynamodb.product_key");
    let packed = reader.name("features.dynamodb.packed_attribute");
    let is_packed = reader.choice("features.dynamodb.layout", &[("packed", true), ("columns", false)]);
    if user_key.name == product_key.name {
        reader.mistake("features.dynamodb.product_key", "names the same attribute as user_key".to_owned());
    }
    if is_packed && [&user_key.name, &product_key.name].contains(&&packed) {
        let what = "names an attribute of the key".to_owned();
        reader.mistake("features.dynamodb.packed_attribute", what);
    }
    DynamoDb {
        table: reader.name("features.dynamodb.table"),
        user_key,
        product_key,
        layout: if is_packed { ItemLayout::Packed(packed) } else { ItemLayout::Columns },
        consistent_reads: reader.flag("features.dynamodb.consistent_reads"),
        batch_pairs: batch_pairs(reader),
        writes_in_flight: reader.count("features.dynamodb.writes_in_flight"),
        calls: calls(reader, "features.dynamodb", deadline),
    }
}

fn batch_pairs(reader: &mut Reader<'_>) -> usize {
    const KEY: &str = "features.dynamodb.batch_pairs";
    let pairs = reader.count(KEY);
    if pairs > MOST_PAIRS {
        reader.mistake(KEY, format!("is more than {MOST_PAIRS}, which is what a call of DynamoDB takes"));
    }
    pairs
}

fn key(reader: &mut Reader<'_>, key: &str) -> KeyAttribute {
    KeyAttribute {
        name: reader.name(key),
        kind: reader.choice(&format!("{key}_type"), &[("S", KeyType::Text), ("N", KeyType::Number)]),
    }
}
