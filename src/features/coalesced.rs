//! A store whose callers share reads of another one; see [`crate::coalesce`].

use std::sync::Arc;

use async_trait::async_trait;

use super::{FeatureRow, FeatureStore, PairKey, StoreError};
use crate::coalesce::{Coalescer, Joint, Limits};

/// Joins the lookups of several requests into one; all else goes straight to the store.
pub struct CoalescedStore {
    store: Arc<dyn FeatureStore>,
    lookups: Coalescer<Lookup>,
}

impl CoalescedStore {
    /// Joins lookups in `store` within `limits`, whose items are pairs.
    #[must_use]
    pub fn new(store: Arc<dyn FeatureStore>, limits: Limits) -> Self {
        Self { lookups: Coalescer::new(Lookup(Arc::clone(&store)), limits), store }
    }
}

#[async_trait]
impl FeatureStore for CoalescedStore {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Option<FeatureRow>>, StoreError> {
        if keys.is_empty() { Ok(Vec::new()) } else { self.lookups.ask(keys.to_vec()).await }
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
        self.store.put_many(rows).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.store.probe().await
    }
}

struct Lookup(Arc<dyn FeatureStore>);

impl Joint for Lookup {
    type Ask = Vec<PairKey>;
    type Answer = Vec<Option<FeatureRow>>;
    type Error = StoreError;

    async fn call(&self, keys: Vec<PairKey>) -> Result<Vec<Option<FeatureRow>>, StoreError> {
        self.0.get_many(&keys).await
    }

    fn size(keys: &Vec<PairKey>) -> usize {
        keys.len()
    }

    fn fit(_: &Vec<PairKey>, _: &Vec<PairKey>) -> bool {
        true
    }

    fn join(asks: &[&Vec<PairKey>]) -> Vec<PairKey> {
        asks.iter().copied().flatten().cloned().collect()
    }

    fn split(rows: Vec<Option<FeatureRow>>, sizes: &[usize]) -> Vec<Vec<Option<FeatureRow>>> {
        let mut rows = rows.into_iter();
        sizes.iter().map(|size| rows.by_ref().take(*size).collect()).collect()
    }

    fn may_be_of_one(error: &StoreError) -> bool {
        matches!(error, StoreError::Corrupt(_))
    }

    fn copies(error: StoreError, count: usize) -> Vec<StoreError> {
        if count == 1 {
            return vec![error];
        }
        let shared = Arc::new(error);
        (0..count).map(|_| StoreError::Shared(Arc::clone(&shared))).collect()
    }
}
