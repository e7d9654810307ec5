//! A store that remembers what another one answered, also that it holds nothing, for a while.
//!
//! Callers that ask for the same single pair at the same time share one lookup. A user's products are always asked for
//! anew: a list from the past would lack what has been added to it since.

use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{FeatureStore, Lookup, ProductRow, StoreError, StoredRow, UnreadableRow};
use crate::cache::Cache;
use crate::config::FeatureCache;
use crate::row::PairKey;

/// What an entry takes beside its key and row, roughly.
const OVERHEAD: usize = 200;
/// What an entry takes, at most, about: an item of DynamoDB has 400 KB.
const LARGEST: usize = 400 * 1024;

type Entry = Option<Arc<StoredRow>>;

/// Remembers the rows of another store.
pub struct CachedStore {
    store: Arc<dyn FeatureStore>,
    rows: Cache<PairKey, Entry, Unremembered>,
    ttl: Duration,
    absent_ttl: Duration,
}

impl CachedStore {
    /// Remembers what `store` answers, within the limits of `settings`.
    #[must_use]
    pub fn new(store: Arc<dyn FeatureStore>, settings: &FeatureCache) -> Self {
        let rows = Cache::new(settings.size, LARGEST, |key: &PairKey, row: &Entry| {
            let row = row.as_ref().map_or(0, |row| {
                size_of::<f32>() * row.len() + row.updated_at.as_ref().map_or(0, |time| time.len())
            });
            OVERHEAD + key.user().len() + key.product().len() + row
        });
        Self { store, rows, ttl: settings.ttl, absent_ttl: settings.absent_ttl }
    }

    /// What is remembered of an answer, and for how long.
    fn entry(&self, found: Option<StoredRow>) -> (Entry, Duration) {
        let lives = if found.is_some() { self.ttl } else { self.absent_ttl };
        (found.map(Arc::new), lives)
    }

    async fn get(&self, key: &PairKey) -> Result<Lookup, StoreError> {
        let fetch = async {
            let found = self.store.get_many(std::slice::from_ref(key)).await.map_err(Unremembered::Failed)?;
            let found = found.into_iter().next().expect("an answer for each key: its lack is a bug");
            Ok(self.entry(found.map_err(Unremembered::Unreadable)?))
        };
        match self.rows.get_or_make(key, fetch).await {
            Ok(entry) => Ok(Ok(row(entry))),
            Err(Unremembered::Unreadable(why)) => Ok(Err(why)),
            Err(Unremembered::Failed(error)) => Err(error),
        }
    }
}

fn row(entry: Entry) -> Option<StoredRow> {
    entry.map(|row| StoredRow::clone(&row))
}

/// Why a lookup of one pair has nothing to remember.
#[derive(Clone)]
enum Unremembered {
    Failed(StoreError),
    Unreadable(UnreadableRow),
}

#[async_trait]
impl FeatureStore for CachedStore {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        if let [key] = keys {
            return Ok(vec![self.get(key).await?]);
        }
        let mut rows = Vec::with_capacity(keys.len());
        let (mut missing, mut places) = (Vec::new(), Vec::new());
        for (place, key) in keys.iter().enumerate() {
            let known = self.rows.get(key);
            if known.is_none() {
                missing.push(key.clone());
                places.push(place);
            }
            rows.push(Ok(known.and_then(row)));
        }
        if missing.is_empty() {
            return Ok(rows);
        }
        let found = self.store.get_many(&missing).await?;
        for ((key, place), found) in missing.into_iter().zip(places).zip(found) {
            if let Ok(found) = &found {
                let (entry, lives) = self.entry(found.clone());
                self.rows.insert(key, entry, lives);
            }
            rows[place] = found;
        }
        Ok(rows)
    }

    async fn products_of(&self, user: &str) -> Result<Vec<ProductRow>, StoreError> {
        self.store.products_of(user).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.store.probe().await
    }
}
