//! A whole table in the place of another: its rows are written with its version, then those without it are deleted.
//!
//! Readers see of each pair the old row or the new one. Whatever cuts it short, doing it again completes it: the version is
//! that of the file, so that what was written counts.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;
use super::{DynamoStore, Table, marker};
use crate::features::{FeatureWriter, StoreError, TableInfo};
use crate::row::{FeatureRow, PairKey};
use crate::upstream::{UpstreamError, aws};

/// A table on its way into the place of another.
pub struct Replacement {
    store: DynamoStore,
    version: String,
    source: String,
}

impl DynamoStore {
    /// Begins a table of this `version`, which is to say that it comes from `source`.
    #[must_use]
    pub fn replacement(self, version: &str, source: &str) -> Replacement {
        Replacement { store: self, version: version.to_owned(), source: source.to_owned() }
    }

    /// How many items are none of `pairs`.
    ///
    /// # Errors
    /// The table gave no answer.
    pub async fn count_others(&self, pairs: &PairSet) -> Result<u64, StoreError> {
        let mut others = 0;
        let table = &self.0;
        table
            .scan(None, |items| {
                for item in items {
                    let pair = table.items.pair_of(&item);
                    others += u64::from(!pair.is_ok_and(|pair| pairs.contains(&pair)));
                }
                Ok(Vec::new())
            })
            .await?;
        Ok(others)
    }
}

/// Pairs by their hashes of 64 bits, among which two that are equal are not to be expected.
#[derive(Default)]
pub struct PairSet {
    hashes: HashSet<u64>,
    state: RandomState,
}

impl PairSet {
    /// Adds `pair`.
    pub fn insert(&mut self, pair: &PairKey) {
        self.hashes.insert(self.state.hash_one(pair));
    }

    fn contains(&self, pair: &PairKey) -> bool {
        self.hashes.contains(&self.state.hash_one(pair))
    }
}

impl Table {
    /// Reads the keys of all items but the marker, page by page, of those alone that are not of the table `other_than` if one
    /// is given, and deletes those that `take` gives back.
    async fn scan(
        self: &Arc<Self>,
        other_than: Option<&str>,
        mut take: impl FnMut(Vec<Item>) -> Result<Vec<Item>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let page = self.gated(self.attempts(|| self.keys(other_than, last.clone()))).await?;
            let items = page.items.unwrap_or_default();
            let pairs = items.into_iter().filter(|item| !marker::is_marker(item, &self.config)).collect();
            let stale = take(pairs)?;
            self.delete(stale).await?;
            last = page.last_evaluated_key.filter(|key| !key.is_empty());
            if last.is_none() {
                return Ok(());
            }
        }
    }

    async fn keys(&self, other_than: Option<&str>, after: Option<Item>) -> Result<ScanOutput, UpstreamError> {
        let mut request = self
            .client
            .scan()
            .table_name(&self.config.table)
            .consistent_read(true)
            .projection_expression("#user, #product")
            .expression_attribute_names("#user", &self.config.user_key.name)
            .expression_attribute_names("#product", &self.config.product_key.name)
            .set_exclusive_start_key(after);
        if let Some(version) = other_than {
            request = request
                .filter_expression("attribute_not_exists(#version) OR #version <> :version")
                .expression_attribute_names("#version", marker::VERSION)
                .expression_attribute_values(":version", AttributeValue::S(version.to_owned()));
        }
        Box::pin(request.send()).await.map_err(aws::failure)
    }
}

#[async_trait]
impl FeatureWriter for Replacement {
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
        self.store.put(rows, Some(&self.version)).await
    }

    /// Deletes what is not of the new table, and says which it is.
    async fn finish(&self) -> Result<TableInfo, StoreError> {
        let table = &self.store.0;
        table.scan(Some(&self.version), Ok).await?;
        let mut rows = 0;
        table
            .scan(None, |items| {
                rows += items.len() as u64;
                Ok(Vec::new())
            })
            .await?;
        let info = TableInfo {
            version: Some(self.version.clone()),
            rows,
            source: Some(self.source.clone()),
            loaded_at: Some(SystemTime::now()),
        };
        table.write(vec![marker::item(&table.config, &info)]).await?;
        Ok(info)
    }

    fn keeps_what_it_took(&self) -> bool {
        true
    }
}
