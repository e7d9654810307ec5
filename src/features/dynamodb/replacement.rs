//! A whole table in the place of another: its rows are written with its version, then those without it are deleted.
//!
//! Readers see of each pair the old row or the new one. Whatever cuts it short, doing it again completes it: the version is
//! that of the file, so that what was written counts.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use async_trait::async_trait;

use super::scan::Part;
use super::{DynamoStore, marker};
use crate::features::{FeatureWriter, StoreError, TableInfo};
use crate::row::{FeatureRow, PairKey};

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
            .scan(&Part::Keys, |items| {
                let is_other = |item| !table.items.pair_of(item).is_ok_and(|pair| pairs.contains(&pair));
                others += items.iter().filter(|item| is_other(item)).count() as u64;
                Some(Vec::new())
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

#[async_trait]
impl FeatureWriter for Replacement {
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
        self.store.put(rows, Some(&self.version)).await
    }

    /// Deletes what is not of the new table, and says which it is.
    async fn finish(&self) -> Result<TableInfo, StoreError> {
        let table = &self.store.0;
        table.scan(&Part::KeysOfOthers(&self.version), Some).await?;
        let mut rows = 0;
        table
            .scan(&Part::Keys, |items| {
                rows += items.len() as u64;
                Some(Vec::new())
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
