use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imba::features::embedded::{Base, EmbeddedStore, OpenError, OpenOptions as StoreOptions, StoreDraft};
use imba::features::{FeatureStore, UserIndex};
use imba::row::{FeatureRow, PairKey};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

use crate::service::{
    OPTIONS, RECORDED, TestService, columns, json, open_table, pass, recorded_row, store_table, text,
};

const PAIRS: usize = 3000;

fn pair(at: usize) -> PairKey {
    PairKey::new(&format!("u{:03}", at / 10), &format!("p{}", at % 10))
}

fn row(at: usize) -> FeatureRow {
    Box::from([at as f32, 0.5])
}

fn two_columns() -> Vec<String> {
    ["a", "b"].map(str::to_owned).to_vec()
}

/// A store of [`PAIRS`] rows of two columns.
async fn filled(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("features.redb");
    let rows = (0..PAIRS).map(|at| (pair(at), row(at))).collect();
    store_table(&path, &two_columns(), Base::Empty, rows).await.expect("a table");
    path
}

pub(super) fn flip(path: &Path, at: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("a file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("a byte");
    file.write_all_at(&[byte[0] ^ (1 << bit)], at).expect("written");
}

/// What a store gives is what was stored, or an error: never another number, and never nothing for what is there.
async fn tells_the_truth(store: &EmbeddedStore) -> usize {
    let mut errors = 0;
    for at in (0..PAIRS).step_by(7) {
        match store.get_many(&[pair(at)]).await {
            Ok(found) => match &found[0] {
                Ok(found) => assert_eq!(found.as_deref(), Some(&*row(at)), "row {at}"),
                Err(_) => errors += 1,
            },
            Err(_) => errors += 1,
        }
    }
    for user in (0..PAIRS / 10).step_by(17) {
        match store.products_of(&format!("u{user:03}")).await {
            Ok(products) => assert_eq!(products.len(), 10, "products of {user}"),
            Err(_) => errors += 1,
        }
    }
    if let Ok(users) = store.users("u", 1000).await {
        assert_eq!(users.len(), PAIRS / 10);
    } else {
        errors += 1;
    }
    errors
}

/// A bit anywhere in the file, flipped before it is opened: it is refused, or it did not matter.
#[tokio::test]
async fn bits_flipped_before_the_open() {
    let folder = tempfile::tempdir().expect("folder");
    let path = filled(&folder).await;
    let good = fs::read(&path).expect("a file");
    let mut random = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for turn in 0..150 {
        // Every other one in the first pages, where the shape of the file is.
        let within = if turn % 2 == 0 { 8192 } else { good.len() };
        flip(&path, random.usize(..within) as u64, random.u8(..8));
        match EmbeddedStore::open(&path, &two_columns(), OPTIONS) {
            Ok(store) => assert_eq!(tells_the_truth(&store).await, 0, "turn {turn}"),
            Err(_) => refused += 1,
        }
        fs::write(&path, &good).expect("written");
    }
    assert!(refused > 20, "only {refused} of 150 flips were seen");
    for length in [good.len() - 1, good.len() / 2, 5000, 4096, 300, 1] {
        fs::write(&path, &good[..length]).expect("written");
        assert!(EmbeddedStore::open(&path, &two_columns(), OPTIONS).is_err(), "{length} bytes");
    }
}

/// The same in a file that is too large to be checked: what is read of it is still true.
#[tokio::test]
async fn bits_flipped_in_a_file_that_is_not_checked() {
    let folder = tempfile::tempdir().expect("folder");
    let path = filled(&folder).await;
    let good = fs::read(&path).expect("a file");
    let mut random = fastrand::Rng::with_seed(11);
    let unchecked = StoreOptions { check_limit: 0, ..OPTIONS };
    for _ in 0..60 {
        flip(&path, random.u64(4096..good.len() as u64), random.u8(..8));
        if let Ok(store) = EmbeddedStore::open(&path, &two_columns(), unchecked) {
            for at in (0..PAIRS).step_by(7) {
                // A key may be what is damaged, which makes it absent; a value never is another.
                if let Ok(found) = store.get_many(&[pair(at)]).await
                    && let Ok(Some(found)) = &found[0]
                {
                    assert_eq!(**found, *row(at));
                }
            }
        }
        fs::write(&path, &good).expect("written");
    }
}

/// Bits flipped in the file of a running store: the rows of those pages are errors, the others are served.
#[tokio::test]
async fn bits_flipped_under_an_open_store() {
    let folder = tempfile::tempdir().expect("folder");
    let path = filled(&folder).await;
    let small = StoreOptions { cache: 0, ..OPTIONS };
    let mut random = fastrand::Rng::with_seed(3);
    // Most of a small file is free, and zero.
    let content = fs::read(&path).expect("a file");
    let used: Vec<u64> =
        (4096..).zip(&content[4096..]).filter(|(_, byte)| **byte != 0).map(|(at, _)| at).collect();
    let mut met = 0;
    for _ in 0..40 {
        let store = EmbeddedStore::open(&path, &two_columns(), small).expect("a good store");
        assert_eq!(tells_the_truth(&store).await, 0);
        let (at, bit) = (used[random.usize(..used.len())], random.u8(..8));
        flip(&path, at, bit);
        let errors = tells_the_truth(&store).await;
        assert_eq!(store.probe().await.is_err(), errors > 0, "ready only while nothing has been met");
        met += usize::from(errors > 0);
        flip(&path, at, bit);
        store.reopen().expect("a good store");
        assert_eq!(tells_the_truth(&store).await, 0);
        store.probe().await.expect("well again");
    }
    assert!(met > 5, "{met} of 40 flips were met");
}

/// A damaged row on the wire: its own error, the others answered, not ready, and well again with a good table.
#[tokio::test]
async fn a_damaged_row_fails_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("damaged.redb");
    {
        // As an old program wrote them, with one row that is none.
        let database = Database::create(&path).expect("a database");
        let transaction = database.begin_write().expect("a transaction");
        {
            let rows = TableDefinition::<(&str, &str), &[u8]>::new("rows");
            let mut rows = transaction.open_table(rows).expect("a table");
            let bytes: Vec<u8> = recorded_row().iter().flat_map(|value| value.to_le_bytes()).collect();
            rows.insert(("1", "2"), &[&[1], &bytes[..]].concat()[..]).expect("inserted");
            rows.insert(("1", "3"), &[&[2], &bytes[..], &[0; 4]].concat()[..]).expect("inserted");
            let about = TableDefinition::<&str, &str>::new("about");
            let columns = serde_json::to_string(&columns()).expect("JSON");
            transaction.open_table(about).expect("a table").insert("columns", &*columns).expect("inserted");
        }
        transaction.commit().expect("committed");
    }
    let store = Arc::new(open_table(&path, &columns()));
    let service = TestService::builder().store(Arc::clone(&store) as _).start().await;
    let (_, score) = text(service.post("/predict", RECORDED)).await;
    assert_eq!(text(service.post("/predict/pair", "1,2")).await, (200, score), "format 1 is read");
    assert_eq!(text(service.get("/readyz")).await.0, 200);
    let body = r#"{"instances": [{"user_id": "1", "product_id": "3"}, {"user_id": "1", "product_id": "2"}]}"#;
    let (status, answer) = json(service.post_json("/predict/pair", body)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["predictions"][0]["error"]["code"], "unreadable_row", "{answer}");
    assert!(answer["predictions"][1]["score"].is_number(), "{answer}");
    pass(std::time::Duration::from_millis(1100)).await;
    assert_eq!(text(service.get("/readyz")).await.0, 503);

    let good = vec![(PairKey::new("1", "3"), recorded_row())];
    // What is damaged cannot be carried over: the table is loaded again.
    let beside = StoreDraft::begin(&path, &columns(), Base::Present, "the test");
    assert!(matches!(beside.err(), Some(OpenError::Damaged(_))));
    store_table(&path, &columns(), Base::Empty, good).await.expect("a table");
    store.reopen().expect("a store");
    let (_, answer) = json(service.post_json("/predict/pair", body)).await;
    assert!(answer["predictions"][0]["score"].is_number(), "{answer}");
    assert_eq!(text(service.get("/readyz")).await.0, 200);
}

/// The two other things that an open refuses, told apart from damage.
#[test]
fn another_programs_file() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("features.redb");
    let database = Database::create(&path).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    transaction.open_table(TableDefinition::<&str, u64>::new("other")).expect("a table");
    transaction.commit().expect("committed");
    drop(database);
    let error = EmbeddedStore::open(&path, &two_columns(), OPTIONS).err().expect("refused");
    assert!(matches!(&error, OpenError::NotAStore(what) if what.contains("another program")), "{error}");
}
