//! Whether the table is the one that the configuration describes.

use aws_sdk_dynamodb::types::{KeyType as Role, ScalarAttributeType, TableDescription, TableStatus};

use crate::config::{DynamoDb, KeyAttribute, KeyType};

/// Compares the table's key with the configured one.
///
/// # Errors
/// The first difference, and the keys that settle it.
pub(super) fn check(table: &TableDescription, config: &DynamoDb) -> Result<(), String> {
    if let Some(status @ (TableStatus::Creating | TableStatus::Deleting)) = table.table_status() {
        return Err(format!("the table is {}", status.as_str().to_ascii_lowercase()));
    }
    let keys = [
        (Role::Hash, "partition key", "user_key", &config.user_key),
        (Role::Range, "sort key", "product_key", &config.product_key),
    ];
    for (role, words, setting, wanted) in keys {
        let wanted = describe(wanted);
        let found = found(table, &role);
        let is = found
            .as_ref()
            .map_or_else(|| format!("it has no {words}"), |found| format!("its {words} is {found}"));
        if found.as_ref() != Some(&wanted) {
            return Err(format!(
                "{is}, and features.dynamodb.{setting} with features.dynamodb.{setting}_type says {wanted}"
            ));
        }
    }
    Ok(())
}

fn describe(key: &KeyAttribute) -> String {
    let kind = match key.kind {
        KeyType::Text => "S",
        KeyType::Number => "N",
    };
    format!("{:?} of type {kind}", key.name)
}

fn found(table: &TableDescription, role: &Role) -> Option<String> {
    let element = table.key_schema().iter().find(|element| element.key_type() == role)?;
    let name = element.attribute_name();
    let kind = table
        .attribute_definitions()
        .iter()
        .find(|attribute| attribute.attribute_name() == name)
        .map_or("unknown", |attribute| ScalarAttributeType::as_str(attribute.attribute_type()));
    Some(format!("{name:?} of type {kind}"))
}
