use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use imba::cause::cause;
use imba::config::FeatureCache;
use imba::features::cached::CachedStore;
use imba::features::embedded::Base;
use imba::features::{FeatureStore, Lookup, ProductRow, StoreError, StoredRow};
use imba::row::{FeatureRow, PairKey};

use crate::service::{open_table, store_table};
use crate::store_contract::{contract, get, get_many};

/// A store that notes what it is asked for, takes a moment, and can be down.
#[derive(Default)]
struct Noted {
    rows: Mutex<HashMap<PairKey, FeatureRow>>,
    asked: Mutex<Vec<Vec<PairKey>>>,
    is_down: AtomicBool,
}

impl Noted {
    fn asked(&self) -> Vec<Vec<PairKey>> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

#[async_trait]
impl FeatureStore for Noted {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        self.asked.lock().expect("no panic").push(keys.to_vec());
        tokio::time::sleep(Duration::from_millis(2)).await;
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable(cause("down")));
        }
        let rows = self.rows.lock().expect("no panic");
        Ok(keys.iter().map(|key| Ok(rows.get(key).cloned().map(StoredRow::from))).collect())
    }

    async fn products_of(&self, _: &str) -> Result<Vec<ProductRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

const LONG: Duration = Duration::from_mins(10);
const SHORT: Duration = Duration::from_millis(200);

fn cached(ttl: Duration, absent_ttl: Duration, size: usize) -> (Arc<Noted>, CachedStore) {
    let noted = Arc::new(Noted::default());
    noted.rows.lock().expect("no panic").extend((0..1000).map(|at| (key(at), row(at))));
    (Arc::clone(&noted), CachedStore::new(noted, &FeatureCache { ttl, absent_ttl, size }))
}

fn key(at: u16) -> PairKey {
    PairKey::new("1", &at.to_string())
}

fn row(at: u16) -> FeatureRow {
    Box::from([f32::from(at), 0.5])
}

#[tokio::test]
async fn it_is_a_store() {
    let folder = tempfile::tempdir().expect("folder");
    let columns = ["a", "b"].map(str::to_owned);
    let path = folder.path().join("x.redb");
    let upsert = async |rows| store_table(&path, &columns, Base::Present, rows).await;
    upsert(Vec::new()).await.expect("an empty store");
    // What is written behind its back is seen when what is known is forgotten: at once.
    let at_once = Duration::from_nanos(1);
    let settings = FeatureCache { ttl: at_once, absent_ttl: at_once, size: 1 << 20 };
    let store = Arc::new(open_table(&path, &columns));
    let put = async |rows| {
        upsert(rows).await?;
        store.reopen().map(drop).map_err(|error| panic!("{error}"))
    };
    contract(&CachedStore::new(Arc::clone(&store) as _, &settings), put, true).await;
}

/// What is known is not asked for again, neither alone nor among others, also that there is nothing.
#[tokio::test]
async fn what_is_known_is_not_asked_for() {
    let (noted, store) = cached(LONG, LONG, 1 << 20);
    assert_eq!(get(&store, &key(1)).await.expect("a get"), Some(row(1)));
    assert_eq!(get(&store, &key(5000)).await.expect("a get"), None);
    assert_eq!(noted.asked(), [vec![key(1)], vec![key(5000)]]);
    let keys = [key(5000), key(2), key(1), key(6000), key(1)];
    let expected = [None, Some(row(2)), Some(row(1)), None, Some(row(1))];
    assert_eq!(get_many(&store, &keys).await.expect("a get"), expected);
    assert_eq!(noted.asked(), [vec![key(2), key(6000)]]);
    assert_eq!(get_many(&store, &keys).await.expect("a get"), expected);
    assert!(noted.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_pair_share_a_lookup_and_its_failure() {
    let (noted, store) = cached(LONG, LONG, 1 << 20);
    let store = Arc::new(store);
    let all = async || {
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { get(&*store, &key(1)).await.map_err(|error| error.to_string()) })
            })
            .collect();
        let mut answers = Vec::new();
        for answer in asking {
            answers.push(answer.await.expect("no panic"));
        }
        answers
    };
    noted.is_down.store(true, Ordering::Relaxed);
    assert!(all().await.iter().all(|answer| answer == &Err("the feature store is unavailable".to_owned())));
    assert_eq!(noted.asked().len(), 1);
    noted.is_down.store(false, Ordering::Relaxed);
    assert!(all().await.iter().all(|answer| answer == &Ok(Some(row(1)))), "failures are not remembered");
    assert_eq!(noted.asked().len(), 1);
}

/// Rows live by one clock, absences by another.
#[tokio::test(start_paused = true)]
async fn what_is_known_is_forgotten() {
    let (noted, store) = cached(LONG, SHORT, 1 << 20);
    for at in [1, 5000] {
        get(&store, &key(at)).await.expect("a get");
    }
    noted.rows.lock().expect("no panic").insert(key(5000), row(7));
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(get(&store, &key(5000)).await.expect("a get"), Some(row(7)), "the absence is forgotten");
    noted.asked();
    get(&store, &key(1)).await.expect("a get");
    assert!(noted.asked().is_empty(), "the row is not");
}

#[tokio::test]
async fn its_size_is_bounded() {
    let (noted, store) = cached(LONG, LONG, 20_000);
    for _ in 0..2 {
        for at in 0..300 {
            store.get_many(&[key(at), key(at)]).await.expect("a get");
        }
    }
    let asked = noted.asked().len();
    assert!(asked > 450, "less than a hundred entries fit, and {asked} of 600 lookups were made");
}
