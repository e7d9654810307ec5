//! All items of the table, page by page.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;
use super::{DynamoStore, Table, marker};
use crate::features::{StoreError, StoredRow, UnreadableRow};
use crate::row::PairKey;
use crate::upstream::{UpstreamError, aws};

/// What is read of the table.
pub(super) enum Part<'v> {
    /// The keys of all items.
    Keys,
    /// The keys of those that are not of the table of this version.
    KeysOfOthers(&'v str),
    /// All items, whole.
    Items,
}

impl DynamoStore {
    /// What the table is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.config.table
    }

    /// Gives every row to `take`, in the order of the table, until it has had enough.
    ///
    /// # Errors
    /// The table gave no answer; the rows before that have been given.
    pub async fn for_each(
        &self,
        mut take: impl FnMut(&PairKey, Result<StoredRow, UnreadableRow>) -> bool,
    ) -> Result<(), StoreError> {
        let table = &self.0;
        table
            .scan(&Part::Items, |items| {
                let wants_more = items.iter().all(|item| match table.items.pair_of(item) {
                    Ok(pair) => take(&pair, table.stored(item)),
                    Err(why) => take(&PairKey::new("", ""), Err(UnreadableRow(why))),
                });
                wants_more.then(Vec::new)
            })
            .await
    }
}

impl Table {
    /// Reads all items but the marker, deletes those that `take` gives back, and ends where it gives nothing.
    pub(super) async fn scan(
        self: &Arc<Self>,
        part: &Part<'_>,
        mut take: impl FnMut(Vec<Item>) -> Option<Vec<Item>>,
    ) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let page = self.gated(self.attempts(|| self.part(part, last.clone()))).await?;
            let items = page.items.unwrap_or_default();
            let pairs = items.into_iter().filter(|item| !marker::is_marker(item, &self.config)).collect();
            let Some(stale) = take(pairs) else { return Ok(()) };
            self.delete(stale).await?;
            last = page.last_evaluated_key.filter(|key| !key.is_empty());
            if last.is_none() {
                return Ok(());
            }
        }
    }

    async fn part(&self, part: &Part<'_>, after: Option<Item>) -> Result<ScanOutput, UpstreamError> {
        let request = self
            .client
            .scan()
            .table_name(&self.config.table)
            .consistent_read(true)
            .set_exclusive_start_key(after);
        let keys = || {
            request
                .clone()
                .projection_expression("#user, #product")
                .expression_attribute_names("#user", &self.config.user_key.name)
                .expression_attribute_names("#product", &self.config.product_key.name)
        };
        let request = match part {
            Part::Keys => keys(),
            Part::KeysOfOthers(version) => keys()
                .filter_expression("attribute_not_exists(#version) OR #version <> :version")
                .expression_attribute_names("#version", marker::VERSION)
                .expression_attribute_values(":version", AttributeValue::S((*version).to_owned())),
            Part::Items => request
                .projection_expression(&self.items.projection)
                .set_expression_attribute_names(Some(self.items.names.clone())),
        };
        Box::pin(request.send()).await.map_err(aws::failure)
    }
}
