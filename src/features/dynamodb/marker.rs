//! The item that says which table of features a DynamoDB table holds, beside the items of pairs.
//!
//! Its key is none that a pair can have. It is there while the table is as `imba features import --replace` left it; what
//! writes rows one by one takes it away first.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;
use crate::config::{DynamoDb, KeyAttribute, KeyType};
use crate::features::TableInfo;

/// The attribute with the version of the table that an item belongs to, of pairs and of the marker.
pub(super) const VERSION: &str = "imba_table";
const ROWS: &str = "imba_rows";
const SOURCE: &str = "imba_source";
const LOADED_AT: &str = "imba_loaded_at";

/// The user and product of the marker where keys are strings; no identifier contains a control character.
const TEXT: &str = "\u{1}imba-table";
/// And where they are numbers: the least of DynamoDB's whole numbers, one digit longer than identifiers may be.
const NUMBER: &str = "-100000000000000000000000000000000000000";

/// The marker's key.
pub(super) fn key(config: &DynamoDb) -> Item {
    let value = |key: &KeyAttribute| match key.kind {
        KeyType::Text => AttributeValue::S(TEXT.to_owned()),
        KeyType::Number => AttributeValue::N(NUMBER.to_owned()),
    };
    HashMap::from([
        (config.user_key.name.clone(), value(&config.user_key)),
        (config.product_key.name.clone(), value(&config.product_key)),
    ])
}

/// Whether `item` has the marker's key.
pub(super) fn is_marker(item: &Item, config: &DynamoDb) -> bool {
    match item.get(&config.user_key.name) {
        Some(AttributeValue::S(user)) => user == TEXT,
        // DynamoDB may write it with an exponent.
        Some(AttributeValue::N(user)) => {
            user == NUMBER || user.eq_ignore_ascii_case("-1e+38") || user.eq_ignore_ascii_case("-1e38")
        }
        _ => false,
    }
}

/// The marker of `table`.
pub(super) fn item(config: &DynamoDb, table: &TableInfo) -> Item {
    let mut item = key(config);
    let seconds = table.loaded_at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    item.insert(VERSION.to_owned(), AttributeValue::S(table.version.clone().unwrap_or_default()));
    item.insert(ROWS.to_owned(), AttributeValue::N(table.rows.to_string()));
    item.insert(SOURCE.to_owned(), AttributeValue::S(table.source.clone().unwrap_or_default()));
    item.insert(LOADED_AT.to_owned(), AttributeValue::N(seconds.unwrap_or_default().as_secs().to_string()));
    item
}

/// What a marker says.
pub(super) fn read(item: &Item) -> TableInfo {
    let text = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let number = |name: &str| match item.get(name) {
        Some(AttributeValue::N(number)) => number.parse::<u64>().ok(),
        _ => None,
    };
    let loaded_at = number(LOADED_AT).map(Duration::from_secs);
    TableInfo {
        version: text(VERSION),
        rows: number(ROWS).unwrap_or_default(),
        source: text(SOURCE),
        loaded_at: loaded_at.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)),
    }
}
