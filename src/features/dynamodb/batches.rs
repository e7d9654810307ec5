//! Reads and writes of many items: in batches of what DynamoDB takes, several at once, until nothing is left unprocessed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Table;
use super::item::Item;
use crate::cause::cause;
use crate::upstream::{UpstreamError, aws};

/// Most keys in a `BatchGetItem`, and most items in a `BatchWriteItem`.
const READ_BATCH: usize = 100;
const WRITE_BATCH: usize = 25;
/// Batches of one lookup under way at once.
const READS_IN_FLIGHT: usize = 8;
/// How long a write goes on without any progress: a throttled table lets something through now and then.
const WRITE_PATIENCE: Duration = Duration::from_mins(1);

impl Table {
    /// The items of distinct `keys` that there are, in any order.
    pub(super) async fn read(self: &Arc<Self>, mut keys: Vec<Item>) -> Result<Vec<Item>, UpstreamError> {
        if keys.len() <= READ_BATCH {
            return self.read_batch(keys).await;
        }
        let mut batches = Vec::new();
        while !keys.is_empty() {
            batches.push(keys.split_off(keys.len().saturating_sub(READ_BATCH)));
        }
        let table = Arc::clone(self);
        let read = move |batch| {
            let table = Arc::clone(&table);
            async move { table.read_batch(batch).await }
        };
        Ok(several(batches, READS_IN_FLIGHT, read).await?.into_iter().flatten().collect())
    }

    /// Writes `items`, whose keys are distinct. After an error some of them are written.
    pub(super) async fn write(self: &Arc<Self>, items: Vec<Item>) -> Result<(), UpstreamError> {
        let put = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build();
            let put = put.expect("the item is set: this is a bug");
            WriteRequest::builder().put_request(put).build()
        };
        self.change(items.into_iter().map(put).collect()).await
    }

    /// Deletes the items with these distinct `keys`. After an error some of them are deleted.
    pub(super) async fn delete(self: &Arc<Self>, keys: Vec<Item>) -> Result<(), UpstreamError> {
        let delete = |key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            let delete = delete.expect("the key is set: this is a bug");
            WriteRequest::builder().delete_request(delete).build()
        };
        self.change(keys.into_iter().map(delete).collect()).await
    }

    async fn change(self: &Arc<Self>, mut writes: Vec<WriteRequest>) -> Result<(), UpstreamError> {
        let mut batches = Vec::new();
        while !writes.is_empty() {
            batches.push(writes.split_off(writes.len().saturating_sub(WRITE_BATCH)));
        }
        let table = Arc::clone(self);
        let write = move |batch| {
            let table = Arc::clone(&table);
            async move { table.write_batch(batch).await }
        };
        several(batches, self.config.writes_in_flight, write).await.map(drop)
    }

    async fn read_batch(&self, mut keys: Vec<Item>) -> Result<Vec<Item>, UpstreamError> {
        let mut found = Vec::with_capacity(keys.len());
        let mut pauses = Pauses::within(self.config.calls.timeout);
        while !keys.is_empty() {
            let asked = keys.len();
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(self.config.consistent_reads)
                .projection_expression(&self.items.projection)
                .set_expression_attribute_names(Some(self.items.names.clone()))
                .build()
                .expect("the keys are set: this is a bug");
            let request = self.client.batch_get_item().request_items(&self.config.table, wanted);
            let read = || Box::pin(request.clone().send());
            let answer = self.attempts(|| async { read().await.map_err(aws::failure) }).await?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let left = answer.unprocessed_keys.into_iter().flatten();
            keys = left.flat_map(|(_, left)| left.keys).collect();
            if keys.len() < asked {
                // An answer that is full leaves keys over too, and the next one takes them at once.
                pauses.shorten();
            }
            if !keys.is_empty() {
                pauses.next(keys.len()).await?;
            }
        }
        Ok(found)
    }

    async fn write_batch(&self, mut writes: Vec<WriteRequest>) -> Result<(), UpstreamError> {
        let mut pauses = Pauses::within(WRITE_PATIENCE);
        while !writes.is_empty() {
            let count = writes.len();
            let request = self.client.batch_write_item().request_items(&self.config.table, writes.clone());
            let write = || Box::pin(request.clone().send());
            match self.attempts(|| async { write().await.map_err(aws::failure) }).await {
                Ok(answer) => {
                    writes =
                        answer.unprocessed_items.into_iter().flatten().flat_map(|(_, left)| left).collect();
                }
                // Nothing of it was processed, or it is not known what; the same rows may be written again.
                Err(
                    UpstreamError::Throttled(_) | UpstreamError::TimedOut(_) | UpstreamError::Open { .. },
                ) => {}
                Err(error) => return Err(error),
            }
            if writes.len() < count {
                pauses = Pauses::within(WRITE_PATIENCE);
            }
            if !writes.is_empty() {
                pauses.next(writes.len()).await?;
            }
        }
        Ok(())
    }
}

/// Does `work` for every batch, `in_flight` at once; the first failure ends the others.
async fn several<B, T, F>(
    batches: Vec<B>,
    in_flight: usize,
    work: impl Fn(B) -> F,
) -> Result<Vec<T>, UpstreamError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, UpstreamError>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut done = Vec::with_capacity(batches.len());
    let mut batches = batches.into_iter();
    loop {
        while running.len() < in_flight
            && let Some(batch) = batches.next()
        {
            running.spawn(work(batch));
        }
        match running.join_next().await {
            Some(Ok(outcome)) => done.push(outcome?),
            Some(Err(panicked)) => return Err(UpstreamError::Unavailable(cause(panicked))),
            None => return Ok(done),
        }
    }
}

/// Ever longer waits between tries for what was left unprocessed, each shortened at random.
struct Pauses {
    until: Instant,
    next: Duration,
    patience: Duration,
}

impl Pauses {
    const FIRST: Duration = Duration::from_millis(25);
    const LONGEST: Duration = Duration::from_secs(2);

    fn within(patience: Duration) -> Self {
        Self { until: Instant::now() + patience, next: Self::FIRST, patience }
    }

    fn shorten(&mut self) {
        self.next = Self::FIRST;
    }

    async fn next(&mut self, left: usize) -> Result<(), UpstreamError> {
        let pause = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(Self::LONGEST);
        if Instant::now() + pause > self.until {
            let what = format!("{left} items of a batch were left unprocessed for {:?}", self.patience);
            return Err(UpstreamError::Throttled(cause(what)));
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
