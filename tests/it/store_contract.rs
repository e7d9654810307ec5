use std::fmt::Write;
use std::path::Path;

use imba::features::embedded::{Base, EmbeddedStore, OpenError, StoreDraft};
use imba::features::table::{BATCH_ROWS, FeatureTable};
use imba::features::{FeatureStore, FeatureWriter, StoreError, VersionedTable};
use imba::row::{FeatureRow, PairKey, Schema, check_id};

use crate::service::{OPTIONS, open_table, store_table};

fn columns() -> Vec<String> {
    ["a", "b"].map(str::to_owned).to_vec()
}

fn draft(path: &Path, base: Base) -> StoreDraft {
    StoreDraft::begin(path, &columns(), base, "the test").expect("a draft")
}

async fn upsert(path: &Path, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
    store_table(path, &columns(), Base::Present, rows).await.map(drop)
}

fn row(a: f32, b: f32) -> FeatureRow {
    Box::from([a, b])
}

/// The row of one pair, which must be readable.
pub(crate) async fn get(store: &dyn FeatureStore, key: &PairKey) -> Result<Option<FeatureRow>, StoreError> {
    Ok(get_many(store, std::slice::from_ref(key)).await?.remove(0))
}

/// The rows of `keys`, which must be readable.
pub(crate) async fn get_many(
    store: &dyn FeatureStore,
    keys: &[PairKey],
) -> Result<Vec<Option<FeatureRow>>, StoreError> {
    let found = store.get_many(keys).await?;
    Ok(found.into_iter().map(|row| row.expect("a readable row").map(|row| row.values)).collect())
}

/// What every store does; each adapter is run through it. `put` writes rows and ends the table.
pub(crate) async fn contract(
    store: &dyn FeatureStore,
    put: impl AsyncFn(Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError>,
    keeps_zero_signs: bool,
) {
    store.probe().await.expect("it answers");
    let key = PairKey::new;
    assert_eq!(get(store, &key("1", "1")).await.expect("a get"), None, "absent is None");
    assert_eq!(store.products_of("1").await.expect("a query"), []);

    let rows = [
        (key("1", "10"), row(1.0, -0.0)),
        (key("1", "2"), row(0.1, f32::MAX)),
        (key("10", "1"), row(3.0, f32::MIN_POSITIVE)),
        (key("é", "ü,\"x\""), row(4.0, 5.0)),
    ];
    put(rows.to_vec()).await.expect("a put");
    put(rows.to_vec()).await.expect("the same put again");

    let asked = [key("10", "1"), key("nobody", "1"), key("1", "2"), key("10", "1"), key("é", "ü,\"x\"")];
    let found = get_many(store, &asked).await.expect("a get");
    let expected = [
        Some(row(3.0, f32::MIN_POSITIVE)),
        None,
        Some(row(0.1, f32::MAX)),
        Some(row(3.0, f32::MIN_POSITIVE)),
        Some(row(4.0, 5.0)),
    ];
    assert_eq!(found, expected, "in the order asked, doubles included");
    let negative_zero = get(store, &key("1", "10")).await.expect("a get").expect("stored");
    assert!(negative_zero[1] == 0.0 && (negative_zero[1].is_sign_negative() || !keeps_zero_signs));

    let products = store.products_of("1").await.expect("a query");
    let names: Vec<_> = products.iter().map(|(product, _)| product.as_str()).collect();
    assert_eq!(names, ["10", "2"], "of this user alone, ordered by identifier");

    put(vec![(key("1", "2"), row(f32::NAN, 7.0))]).await.expect("a put");
    let replaced = get(store, &key("1", "2")).await.expect("a get").expect("stored");
    assert!(replaced[0].is_nan() && replaced[1] == 7.0, "replaced, and missing stays missing");

    let wrong = vec![(key("2", "1"), row(1.0, 1.0)), (key("2", "2"), Box::from([1.0_f32]) as FeatureRow)];
    assert!(put(wrong).await.is_err(), "a row of another width");
    assert_eq!(store.products_of("2").await.expect("a query"), [], "all or none");
}

#[tokio::test]
async fn embedded() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("new/folder/features.redb");
    upsert(&path, Vec::new()).await.expect("an empty store");
    let store = open_table(&path, &columns());
    let put = async |rows| {
        upsert(&path, rows).await?;
        store.reopen().map(drop).map_err(|error| panic!("{error}"))
    };
    contract(&store, put, true).await;
}

/// What is written is there when it is whole, and the store is as it was until then.
#[tokio::test]
async fn a_table_is_there_when_it_is_finished() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("features.redb");
    let key = PairKey::new("1", "2");
    upsert(&path, vec![(key.clone(), row(1.0, 2.0))]).await.expect("a put");
    let first = open_table(&path, &columns());
    let mode = std::os::unix::fs::MetadataExt::mode(&path.metadata().expect("a file"));
    assert_eq!(mode & 0o777, 0o600, "it says who buys what");

    for base in [Base::Present, Base::Empty] {
        let unfinished = draft(&path, base);
        unfinished.put_many(vec![(key.clone(), row(9.0, 9.0))]).await.expect("a put");
        assert!(matches!(StoreDraft::begin(&path, &columns(), base, "another"), Err(OpenError::Locked)));
        drop(unfinished);
        assert_eq!(get(&open_table(&path, &columns()), &key).await.expect("a get"), Some(row(1.0, 2.0)));
    }

    let replaced = vec![(PairKey::new("1", "3"), row(3.0, 4.0))];
    let table = store_table(&path, &columns(), Base::Empty, replaced).await.expect("a table");
    assert_eq!((table.rows, table.source.as_deref()), (1, Some("the test")));
    assert_eq!(get(&first, &key).await.expect("a get"), Some(row(1.0, 2.0)), "a reader has what it opened");
    assert_eq!(*first.reopen().expect("a store"), table);
    assert_eq!(get(&first, &key).await.expect("a get"), None, "rows that are not in the table are gone");
    assert_eq!(table, *open_table(&path, &columns()).table());
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 2, "the store and its lock");
}

/// Equal tables have equal versions, however they came about.
#[tokio::test]
async fn a_version_is_of_the_content() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("features.redb");
    let put = async |base, rows: &[(&str, f32)]| {
        let rows = rows.iter().map(|(user, a)| (PairKey::new(user, "1"), row(*a, 0.5)));
        let table = store_table(&path, &columns(), base, rows.collect()).await.expect("a table");
        table.version.expect("a version")
    };
    let both = put(Base::Empty, &[("1", 1.0), ("2", 2.0)]).await;
    assert_eq!(put(Base::Empty, &[("2", 2.0), ("1", 1.0)]).await, both);
    assert_ne!(put(Base::Empty, &[("2", 1.0), ("1", 2.0)]).await, both);
    assert_ne!(put(Base::Empty, &[("1", 1.0)]).await, both);
    assert_eq!(put(Base::Present, &[("2", 2.0)]).await, both);
}

#[tokio::test]
async fn a_store_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("features.redb");
    let reason = |path: &Path, columns: &[String]| match EmbeddedStore::open(path, columns, OPTIONS) {
        Ok(_) => panic!("{} opened", path.display()),
        Err(error) => error,
    };
    assert!(matches!(reason(&path, &columns()), OpenError::Absent));
    upsert(&path, Vec::new()).await.expect("an empty store");

    let error = reason(&path, &["a".to_owned(), "c".to_owned()]);
    assert_eq!(
        error.to_string(),
        "the store was made for other columns than the model's: column 2 is \"b\" there and \"c\" here"
    );
    let error = reason(&path, &["a".to_owned()]);
    assert!(error.to_string().ends_with("2 columns there and 1 here"), "{error}");

    for content in [
        b"this is a text file, not a store, and long enough to look like one".repeat(200),
        vec![0; 100],
        vec![],
    ] {
        std::fs::write(&path, &content).expect("written");
        assert!(matches!(reason(&path, &columns()), OpenError::NotAStore(_)));
        assert!(matches!(
            StoreDraft::begin(&path, &columns(), Base::Present, "the test"),
            Err(OpenError::NotAStore(_))
        ));
        assert_eq!(std::fs::read(&path).expect("a file"), content, "it is left as it is");
    }
    assert!(matches!(reason(folder.path(), &columns()), OpenError::NotAStore(_)));
}

/// Batches are loaded whole or not at all; a bad row names its line; a second run replaces and never doubles.
#[tokio::test]
async fn import_is_atomic_per_batch_and_may_be_run_again() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("features.redb");
    let schema = Schema::new(columns());
    let mut table = String::from("user_id,product_id,a,b\n");
    for at in 0..2 * BATCH_ROWS + 5 {
        writeln!(table, "{},{},{at},0.5", at / 100, at % 100).expect("a String takes it");
    }
    let broken = table.replace(&format!("\n{},0,", BATCH_ROWS / 100), &format!("\n{},0,x", BATCH_ROWS / 100));
    let import = async |text: &str| {
        let table = FeatureTable::open(text.as_bytes(), &schema).expect("a table");
        let mut positions = Vec::new();
        let store = draft(&path, Base::Present);
        let report =
            table.load_into(&store, 1, |bytes| positions.push(bytes)).await.expect("read to its end");
        let rows = store.finish().await.expect("a table").rows;
        assert_eq!(positions.last(), Some(&(text.len() as u64)), "progress reaches the end");
        (report, rows)
    };
    let (report, rows) = import(&broken).await;
    assert_eq!((report.loaded, report.left_out), (BATCH_ROWS as u64 + 5, BATCH_ROWS as u64 - 1));
    assert_eq!(report.bad.len(), 1);
    assert_eq!(report.bad[0].line, BATCH_ROWS as u64 + 2);
    assert_eq!(rows, BATCH_ROWS as u64 + 5);

    for _ in 0..2 {
        let (report, rows) = import(&table).await;
        assert_eq!((report.loaded, report.bad.len()), (2 * BATCH_ROWS as u64 + 5, 0));
        assert_eq!(rows, 2 * BATCH_ROWS as u64 + 5);
    }
}

#[test]
fn identifiers() {
    assert!(check_id("é 1").is_ok() && check_id(&"x".repeat(1024)).is_ok());
    assert!(check_id("").is_err() && check_id("a\nb").is_err() && check_id(&"x".repeat(1025)).is_err());
}
