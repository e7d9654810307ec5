//! A store whose callers share reads of another one; see [`crate::upstream::batcher`].

use std::sync::Arc;

use async_trait::async_trait;

use super::{FeatureStore, Lookup, ProductRow, StoreError};
use crate::row::PairKey;
use crate::upstream::WaitQueue;
use crate::upstream::batcher::{BatchCall, BatchLimits, Batcher};

/// Joins the lookups of several requests into one.
pub struct BatchedStore {
    store: Arc<dyn FeatureStore>,
    lookups: Batcher<LookupCall>,
}

impl BatchedStore {
    /// Joins lookups in `store` within `limits`, whose items are pairs; `queue` bounds the requests that wait.
    #[must_use]
    pub fn new(store: Arc<dyn FeatureStore>, limits: BatchLimits, queue: WaitQueue) -> Self {
        Self { lookups: Batcher::new(LookupCall(Arc::clone(&store)), limits, queue), store }
    }
}

#[async_trait]
impl FeatureStore for BatchedStore {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        if keys.is_empty() { Ok(Vec::new()) } else { self.lookups.call(keys.to_vec()).await }
    }

    async fn products_of(&self, user: &str) -> Result<Vec<ProductRow>, StoreError> {
        self.store.products_of(user).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.store.probe().await
    }
}

struct LookupCall(Arc<dyn FeatureStore>);

impl BatchCall for LookupCall {
    type Request = Vec<PairKey>;
    type Response = Vec<Lookup>;
    type Error = StoreError;

    async fn call(&self, keys: Vec<PairKey>) -> Result<Vec<Lookup>, StoreError> {
        self.0.get_many(&keys).await
    }

    fn size(keys: &Vec<PairKey>) -> usize {
        keys.len()
    }

    fn fit(_: &Vec<PairKey>, _: &Vec<PairKey>) -> bool {
        true
    }

    fn join(requests: &[&Vec<PairKey>]) -> Vec<PairKey> {
        requests.iter().copied().flatten().cloned().collect()
    }

    fn split(rows: Vec<Lookup>, sizes: &[usize]) -> Vec<Vec<Lookup>> {
        let mut rows = rows.into_iter();
        sizes.iter().map(|size| rows.by_ref().take(*size).collect()).collect()
    }

    fn may_concern_one(error: &StoreError) -> bool {
        matches!(error, StoreError::Corrupt(_))
    }
}
