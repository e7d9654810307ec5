//! The store in a DynamoDB table: one item per pair, the user as partition key, the product as sort key.
//!
//! One pair is a `GetItem`, several are `BatchGetItem`s, a user's products are one `Query`. Duplicate keys are sent once, and
//! the order is restored here, because DynamoDB does neither.

mod batches;
mod item;
mod marker;
mod replacement;
mod scan;
mod seen;
mod shape;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::{AttributeValue, TableDescription};

use self::item::{Item, Items};
use super::{
    FeatureStore, FeatureWriter, Lookup, ProductRow, StoreError, StoredRow, TableInfo, UnreadableRow,
    VersionedTable,
};
use crate::cause::cause;
use crate::config::DynamoDb;
use crate::row::{FeatureRow, PairKey, Schema};
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::aws::{self, CredentialsCache};
use crate::upstream::{Gate, UpstreamError, WaitQueue};

pub use replacement::{PairSet, Replacement};

/// How long it is believed which table of features there is.
const BELIEVED: Duration = Duration::from_secs(10);

/// A feature store in a table.
#[derive(Clone)]
pub struct DynamoStore(Arc<Table>);

struct Table {
    client: Client,
    items: Items,
    config: DynamoDb,
    gate: Gate,
    /// Whether the table has been seen to have the configured shape.
    verified: AtomicBool,
    /// Which table of features there was when the marker was last read.
    info: ArcSwap<TableInfo>,
    /// Whether the marker has been taken away.
    is_unmarked: AtomicBool,
    read_at: Mutex<Option<Instant>>,
}

/// Why the table cannot serve as a store.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// There is none, or one of another shape.
    #[error("{0}")]
    Unfit(String),
    /// It could not be asked.
    #[error("the table cannot be described, which needs the permission dynamodb:DescribeTable: {0}")]
    Unknown(#[source] UpstreamError),
}

impl DynamoStore {
    /// A client of the table that `config` describes, for rows of `schema`. Calls nobody yet.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &DynamoDb, schema: &Schema, metrics: UpstreamMetrics) -> Self {
        let credentials = CredentialsCache::default();
        let client = Client::from_conf(Builder::from(sdk).identity_cache(credentials.clone()).build());
        Self(Arc::new(Table {
            client,
            items: Items::new(config, schema, metrics.table().clone()),
            gate: Gate::new("dynamodb", &config.calls, credentials, metrics),
            config: config.clone(),
            verified: AtomicBool::new(false),
            info: ArcSwap::default(),
            is_unmarked: AtomicBool::new(false),
            read_at: Mutex::default(),
        }))
    }

    /// What the table is, a name and a value each. Counts and sizes are DynamoDB's own, some hours old.
    ///
    /// # Errors
    /// There is none, or it gave no answer.
    pub async fn status(&self) -> Result<Vec<(&'static str, String)>, TableError> {
        let table = &*self.0;
        let found = table.gated(table.attempts(|| table.describe())).await.map_err(TableError::Unknown)?;
        let found = found.ok_or_else(|| TableError::Unfit("there is no table of this name".to_owned()))?;
        table.read_marker().await.map_err(TableError::Unknown)?;
        let unknown = || "unknown".to_owned();
        let number = |count: Option<i64>| count.map_or_else(unknown, |count| count.to_string());
        let state = found.table_status.map_or_else(unknown, |status| status.as_str().to_ascii_lowercase());
        Ok(vec![
            ("table", table.config.table.clone()),
            ("state", state),
            ("items", format!("{} (as DynamoDB counts them every six hours)", number(found.item_count))),
            ("bytes", number(found.table_size_bytes)),
        ])
    }

    /// Checks that the table is there and has the configured key.
    ///
    /// # Errors
    /// It has not, or could not be asked.
    pub async fn verify(&self) -> Result<(), TableError> {
        let table = &*self.0;
        let found = table.gated(table.attempts(|| table.describe())).await.map_err(TableError::Unknown)?;
        let Some(found) = found else {
            let region = table.client.config().region().map(ToString::to_string).unwrap_or_default();
            return Err(TableError::Unfit(format!("there is no table of this name in {region}")));
        };
        shape::check(&found, &table.config).map_err(TableError::Unfit)?;
        table.verified.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Table {
    /// What the table is, if there is one.
    async fn describe(&self) -> Result<Option<TableDescription>, UpstreamError> {
        match Box::pin(self.client.describe_table().table_name(&self.config.table).send()).await {
            Ok(answer) => answer.table.map(Some).ok_or_else(|| UpstreamError::Garbled {
                what: "no description of the table",
                source: cause("DescribeTable without Table"),
            }),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => Ok(None),
            Err(error) => Err(aws::failure(error)),
        }
    }

    async fn get_item(&self, key: Item) -> Result<Option<Item>, UpstreamError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.config.table)
            .set_key(Some(key))
            .consistent_read(self.config.consistent_reads)
            .projection_expression(&self.items.projection)
            .set_expression_attribute_names(Some(self.items.names.clone()));
        // Boxed: what the SDK keeps during a call is large.
        Ok(Box::pin(request.send()).await.map_err(aws::failure)?.item)
    }

    /// All items of a user, page by page.
    async fn query(&self, user: AttributeValue) -> Result<Vec<Item>, UpstreamError> {
        let mut items = Vec::new();
        let mut last = None;
        loop {
            let page = self.attempts(|| self.page(user.clone(), last.clone())).await?;
            items.extend(page.items.into_iter().flatten());
            last = page.last_evaluated_key.filter(|key| !key.is_empty());
            if last.is_none() {
                return Ok(items);
            }
        }
    }

    /// The items of a user that come after the key `after`, as many as fit in one answer.
    async fn page(&self, user: AttributeValue, after: Option<Item>) -> Result<QueryOutput, UpstreamError> {
        let request = self
            .client
            .query()
            .table_name(&self.config.table)
            .consistent_read(self.config.consistent_reads)
            .key_condition_expression(format!("{} = :user", item::USER))
            .expression_attribute_values(":user", user)
            .projection_expression(&self.items.projection)
            .set_expression_attribute_names(Some(self.items.names.clone()))
            .set_exclusive_start_key(after);
        Box::pin(request.send()).await.map_err(aws::failure)
    }

    async fn gated<T>(
        &self,
        call: impl Future<Output = Result<T, UpstreamError>>,
    ) -> Result<T, UpstreamError> {
        self.gate.call(call, |error| Some(error)).await
    }

    async fn attempts<T, F: Future<Output = Result<T, UpstreamError>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, UpstreamError> {
        self.gate.attempts(attempt, |error| Some(error)).await
    }

    fn stored(&self, item: &Item) -> Result<StoredRow, UnreadableRow> {
        self.items.stored(item).map_err(UnreadableRow)
    }

    /// Reads which table of features there is.
    async fn read_marker(&self) -> Result<(), UpstreamError> {
        let key = marker::key(&self.config);
        let get = || {
            let get = self.client.get_item().table_name(&self.config.table).set_key(Some(key.clone()));
            Box::pin(get.consistent_read(true).send())
        };
        let found = self.gated(self.attempts(|| async { get().await.map_err(aws::failure) })).await?;
        self.info.store(Arc::new(found.item.as_ref().map(marker::read).unwrap_or_default()));
        Ok(())
    }
}

impl VersionedTable for DynamoStore {
    /// What was last read; what is older than a moment is read again in the background.
    fn table(&self) -> Arc<TableInfo> {
        let mut read_at = self.0.read_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_old = read_at.is_none_or(|at| at.elapsed() > BELIEVED);
        if is_old && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            *read_at = Some(Instant::now());
            let table = Arc::clone(&self.0);
            // A table that does not answer leaves what was known.
            runtime.spawn(async move { table.read_marker().await.ok() });
        }
        self.0.info.load_full()
    }
}

impl DynamoStore {
    /// The queue before the table.
    #[must_use]
    pub fn queue(&self) -> WaitQueue {
        self.0.gate.queue()
    }

    async fn get(&self, pair: &PairKey) -> Result<Lookup, StoreError> {
        let Some(key) = self.0.items.key(pair) else { return Ok(Ok(None)) };
        let item = self.0.gated(self.0.attempts(|| self.0.get_item(key.clone()))).await?;
        Ok(item.map(|item| self.0.stored(&item)).transpose())
    }
}

#[async_trait]
impl FeatureStore for DynamoStore {
    async fn get_many(&self, pairs: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        if let [pair] = pairs {
            return Ok(vec![self.get(pair).await?]);
        }
        let mut rows: HashMap<&PairKey, Lookup> = pairs.iter().map(|pair| (pair, Ok(None))).collect();
        let keys = rows.keys().filter_map(|pair| self.0.items.key(pair)).collect();
        for item in self.0.gated(self.0.read(keys)).await? {
            let pair = self.0.items.pair_of(&item).map_err(StoreError::Corrupt)?;
            if let Some(row) = rows.get_mut(&pair) {
                *row = self.0.stored(&item).map(Some);
            }
        }
        Ok(pairs.iter().map(|pair| rows[pair].clone()).collect())
    }

    async fn products_of(&self, user: &str) -> Result<Vec<ProductRow>, StoreError> {
        let table = &*self.0;
        let Some(user) = table.items.user(user) else { return Ok(Vec::new()) };
        let mut products = Vec::new();
        for item in table.gated(table.query(user)).await? {
            let pair = table.items.pair_of(&item).map_err(StoreError::Corrupt)?;
            products.push((pair.product().to_owned(), table.stored(&item)));
        }
        // Sort keys of type N come in the order of the numbers.
        products.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(products)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        if !self.0.verified.load(Ordering::Relaxed) {
            self.verify().await.map_err(|error| match error {
                TableError::Unknown(upstream) => upstream.into(),
                TableError::Unfit(_) => StoreError::Unavailable(cause(error)),
            })?;
        }
        Ok(self.0.read_marker().await?)
    }
}

#[async_trait]
impl FeatureWriter for DynamoStore {
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
        self.put(rows, None).await
    }

    /// Each batch is in the table already.
    async fn finish(&self) -> Result<TableInfo, StoreError> {
        Ok(TableInfo::default())
    }

    fn keeps_what_it_took(&self) -> bool {
        true
    }
}

impl DynamoStore {
    /// Writes `rows`, as part of the table `version` if it has one.
    async fn put(&self, rows: Vec<(PairKey, FeatureRow)>, version: Option<&str>) -> Result<(), StoreError> {
        // From now on it is another table than the marker says.
        if !self.0.is_unmarked.swap(true, Ordering::Relaxed) {
            self.0.delete(vec![marker::key(&self.0.config)]).await?;
        }
        // A batch may name a pair once only; the last row stands, as if they were written one after the other.
        let last: HashMap<PairKey, FeatureRow> = rows.into_iter().collect();
        let items = last.iter().map(|(pair, row)| self.0.items.item(pair, row, version));
        let items = items.collect::<Result<_, _>>().map_err(StoreError::Rejected)?;
        Ok(self.0.write(items).await?)
    }
}
