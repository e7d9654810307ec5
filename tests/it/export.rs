use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use imba::features::embedded::{Base, EmbeddedStore};
use imba::row::{FeatureRow, PairKey};
use tempfile::TempDir;

use crate::dynamodb::{TEXT, dynamodb, open, table};
use crate::peers::Peer;
use crate::replace::{features, of_dynamodb, run};
use crate::round_trip::{any_id, any_row};
use crate::service::{OPTIONS, columns, recorded_row, store_table};

/// Rows by pair; some users have several.
fn any_table(random: &mut fastrand::Rng) -> BTreeMap<(String, String), FeatureRow> {
    let users: Vec<String> = (0..random.usize(1..40)).map(|_| any_id(random)).collect();
    let rows = (0..random.usize(1..200)).map(|_| {
        let mut row = any_row(random);
        // DynamoDB holds no row without a value.
        row[7] = 7.5;
        ((users[random.usize(..users.len())].clone(), any_id(random)), row)
    });
    rows.collect()
}

fn pairs(table: &BTreeMap<(String, String), FeatureRow>) -> Vec<(PairKey, FeatureRow)> {
    table.iter().map(|((user, product), row)| (PairKey::new(user, product), row.clone())).collect()
}

/// What the command prints, and how it ends.
async fn exported(folder: &TempDir, settings: &[(&str, &str)]) -> (i32, String) {
    run(features(&["export"], folder, settings)).await
}

async fn import(folder: &TempDir, store: &Path, text: &str) {
    let file = folder.path().join("exported.csv");
    std::fs::write(&file, text).expect("written");
    let store = store.to_string_lossy();
    let settings = [("IMBA__FEATURES__EMBEDDED__PATH", &*store)];
    let (code, said) =
        run(features(&["import", &file.to_string_lossy(), "--replace"], folder, &settings)).await;
    assert_eq!(code, 0, "{said}");
}

/// The rows of an embedded store. Missing values are equal, and so are the zeros: DynamoDB knows one alone.
fn rows_of(path: &Path) -> BTreeMap<(String, String), Vec<Option<f32>>> {
    let store = EmbeddedStore::open(path, &columns(), OPTIONS).expect("a store");
    let mut found = BTreeMap::new();
    store
        .for_each(|(user, product), row| {
            found.insert((user.to_owned(), product.to_owned()), comparable(&row.expect("a row")));
            true
        })
        .expect("read to its end");
    found
}

fn comparable(row: &[f32]) -> Vec<Option<f32>> {
    row.iter().map(|value| (!value.is_nan()).then_some(*value)).collect()
}

/// What an embedded store prints is imported as the same store, which prints the same.
#[tokio::test]
async fn what_a_store_prints_can_be_imported() {
    let mut random = fastrand::Rng::with_seed(23);
    for _ in 0..8 {
        let folder = tempfile::tempdir().expect("a folder");
        let [first, second] = ["first.redb", "second.redb"].map(|name| folder.path().join(name));
        let table = any_table(&mut random);
        store_table(&first, &columns(), Base::Empty, pairs(&table)).await.expect("a table");
        let print = async |path: &Path| {
            exported(&folder, &[("IMBA__FEATURES__EMBEDDED__PATH", &path.to_string_lossy())]).await
        };
        let (code, printed) = print(&first).await;
        assert_eq!(code, 0, "{printed}");
        import(&folder, &second, &printed).await;
        assert_eq!(print(&second).await, (0, printed));
        let expected = table.into_iter().map(|(pair, row)| (pair, comparable(&row))).collect();
        assert_eq!(rows_of(&second), expected);
    }
}

async fn prints_a_table(peer: Peer) {
    let mut random = fastrand::Rng::with_seed(29);
    let url = peer.url();
    let client = Client::new(&peer.sdk().await);
    for layout in ["columns", "packed"] {
        let name = format!("imba-{layout}");
        table(&url, &name, TEXT).await;
        let config = dynamodb()
            .with("features.dynamodb.table", &name)
            .with("features.dynamodb.layout", layout)
            .config();
        let store = Box::pin(open(&url, &config)).await.expect("a store");
        let written = any_table(&mut random);
        store.writer.put_many(pairs(&written)).await.expect("a put");
        let mut settings = of_dynamodb(&peer);
        settings.retain(|(key, _)| !key.ends_with("LAYOUT"));
        settings.push(("IMBA__FEATURES__DYNAMODB__LAYOUT", layout.to_owned()));
        settings.push(("IMBA__FEATURES__DYNAMODB__TABLE", name.clone()));
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(key, value)| (*key, value.as_str())).collect();

        let folder = tempfile::tempdir().expect("a folder");
        let (code, printed) = exported(&folder, &settings).await;
        assert_eq!(code, 0, "{printed}");
        let copy = folder.path().join("copy.redb");
        import(&folder, &copy, &printed).await;
        let expected: BTreeMap<_, _> =
            written.iter().map(|(pair, row)| (pair.clone(), comparable(row))).collect();
        assert_eq!(rows_of(&copy), expected, "{layout}");

        // One row, and what the table is.
        let row = (PairKey::new("one", "row"), recorded_row());
        store.writer.put_many(vec![row]).await.expect("a put");
        let (code, said) = run(features(&["get", "one", "row"], &folder, &settings)).await;
        let first = recorded_row()[0];
        assert!(code == 0 && said.starts_with(&format!("{}\t{first:?}\n", columns()[0])), "{said}");
        let (code, said) = run(features(&["status"], &folder, &settings)).await;
        assert!(code == 0 && said.contains(&format!("table     {name}\n")), "{said}");

        // An item that is no row is left out and told.
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = client.put_item().table_name(&name).item("user_id", text("strange"));
        put.item("product_id", text("item")).item("other", text("1")).send().await.expect("a put");
        let (code, said) = exported(&folder, &settings).await;
        assert_eq!(code, 1, "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("user strange, product item: ")).count(), 1);
        assert!(said.contains("1 unreadable row is left out"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynalite_is_printed() {
    Box::pin(prints_a_table(Peer::dynalite().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_is_printed() {
    Box::pin(prints_a_table(Peer::moto().await)).await;
}
