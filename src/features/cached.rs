//! A store that remembers what another one answered, also that it holds nothing, for a while.
//!
//! Callers that ask for the same single pair at the same time share one lookup. A user's products are always asked for
//! anew: a list from the past would lack what has been added to it since.

use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache;

use super::{FeatureRow, FeatureStore, PairKey, StoreError};
use crate::config::FeatureCache;

/// What an entry takes beside its key and row, roughly.
const OVERHEAD: usize = 200;

type Entry = Option<Arc<[f32]>>;

/// Remembers the rows of another store.
pub struct CachedStore {
    store: Arc<dyn FeatureStore>,
    rows: Cache<PairKey, Entry>,
}

impl CachedStore {
    /// Remembers what `store` answers, within the limits of `settings`.
    #[must_use]
    pub fn new(store: Arc<dyn FeatureStore>, settings: &FeatureCache) -> Self {
        let rows = Cache::builder()
            .max_capacity(settings.size as u64)
            .weigher(|key: &PairKey, row: &Entry| {
                let row = row.as_ref().map_or(0, |row| size_of::<f32>() * row.len());
                u32::try_from(OVERHEAD + key.user().len() + key.product().len() + row).unwrap_or(u32::MAX)
            })
            .expire_after(Lives { found: settings.ttl, absent: settings.absent_ttl })
            .build();
        Self { store, rows }
    }
}

struct Lives {
    found: Duration,
    absent: Duration,
}

impl Expiry<PairKey, Entry> for Lives {
    fn expire_after_create(&self, _: &PairKey, row: &Entry, _: std::time::Instant) -> Option<Duration> {
        Some(if row.is_some() { self.found } else { self.absent })
    }

    fn expire_after_update(
        &self,
        key: &PairKey,
        row: &Entry,
        now: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, row, now)
    }
}

fn row(entry: Entry) -> Option<FeatureRow> {
    entry.map(|row| Box::from(&*row))
}

#[async_trait]
impl FeatureStore for CachedStore {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    async fn get(&self, key: &PairKey) -> Result<Option<FeatureRow>, StoreError> {
        let fetch = async { Ok(self.store.get(key).await?.map(Arc::from)) };
        // A failure is told to all who wait for it, and not remembered.
        self.rows.try_get_with_by_ref(key, fetch).await.map(row).map_err(StoreError::Shared)
    }

    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Option<FeatureRow>>, StoreError> {
        if let [key] = keys {
            return Ok(vec![self.get(key).await?]);
        }
        let mut rows = Vec::with_capacity(keys.len());
        let (mut missing, mut places) = (Vec::new(), Vec::new());
        for (place, key) in keys.iter().enumerate() {
            let known = self.rows.get(key).await;
            if known.is_none() {
                missing.push(key.clone());
                places.push(place);
            }
            rows.push(known.and_then(row));
        }
        if missing.is_empty() {
            return Ok(rows);
        }
        let found = self.store.get_many(&missing).await?;
        for ((key, place), found) in missing.into_iter().zip(places).zip(found) {
            self.rows.insert(key, found.as_deref().map(Arc::from)).await;
            rows[place] = found;
        }
        Ok(rows)
    }

    async fn products_of(&self, user: &str) -> Result<Vec<(String, FeatureRow)>, StoreError> {
        self.store.products_of(user).await
    }

    fn lists_users(&self) -> bool {
        self.store.lists_users()
    }

    async fn users(&self, prefix: &str, limit: usize) -> Result<Option<Vec<String>>, StoreError> {
        self.store.users(prefix, limit).await
    }

    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
        let keys: Vec<_> = rows.iter().map(|(key, _)| key.clone()).collect();
        let written = self.store.put_many(rows).await;
        for key in &keys {
            self.rows.invalidate(key).await;
        }
        written
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.store.probe().await
    }
}
