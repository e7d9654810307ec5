use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use imba::features::FeatureStore;
use imba::features::embedded::EmbeddedStore;
use imba::row::PairKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dynamodb::{TEXT, dynamodb, open, table};
use crate::peers::Peer;
use crate::service::{OPTIONS, columns, json as sent_json, recorded_row, text};

/// Kills per store.
const KILLS: usize = 20;

/// A CSV table of so many pairs, whose first feature is `mark`.
fn csv(folder: &TempDir, pairs: usize, mark: usize) -> PathBuf {
    let path = folder.path().join(format!("table-{mark}.csv"));
    let columns = columns();
    let rest = ",1".repeat(columns.len() - 1);
    let mut text = format!("user_id,product_id,{}\n", columns.join(","));
    for at in 0..pairs {
        writeln!(text, "{},{at},{mark}{rest}", at / 50).expect("written");
    }
    std::fs::write(&path, text).expect("written");
    path
}

pub(crate) fn features(arguments: &[&str], folder: &TempDir, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    command.arg("features").args(arguments).current_dir(folder).env_clear();
    command.envs(settings.iter().copied());
    command.env("IMBA__MODEL__PATH", crate::service::fixture("binary.ubj"));
    command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit code and both streams.
pub(crate) async fn run(mut command: Command) -> (i32, String) {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let Output { status, stdout, stderr } = output.expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("a code"), text(stdout) + &text(stderr))
}

/// Runs the command and kills it after a while, unless it has ended by then.
async fn killed(mut command: Command, after: Duration) -> bool {
    let mut child = command.spawn().expect("it runs");
    tokio::time::sleep(after).await;
    let was_running = child.try_wait().expect("a child").is_none();
    child.kill().expect("killed");
    child.wait().expect("it ends");
    was_running
}

pub(crate) fn of_dynamodb(peer: &Peer) -> Vec<(&'static str, String)> {
    vec![
        ("IMBA__FEATURES__KIND", "dynamodb".to_owned()),
        ("IMBA__AWS__ENDPOINT_URL", peer.url()),
        ("IMBA__AWS__REGION", "eu-west-1".to_owned()),
        ("IMBA__FEATURES__DYNAMODB__LAYOUT", "columns".to_owned()),
        ("IMBA__FEATURES__DYNAMODB__ATTEMPT_TIMEOUT", "5s".to_owned()),
        ("IMBA__FEATURES__DYNAMODB__TIMEOUT", "9s".to_owned()),
    ]
}

/// The first feature of every item, by product.
async fn items(peer: &Peer) -> BTreeMap<String, String> {
    let client = Client::new(&peer.sdk().await);
    let mut pages = client.scan().table_name("imba").into_paginator().items().send();
    let (mut found, first) = (BTreeMap::new(), columns()[0].clone());
    while let Some(item) = pages.next().await {
        let item = item.expect("an item");
        let text = |name: &str| match item.get(name) {
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
            _ => String::new(),
        };
        if item.contains_key(&first) {
            found.insert(text("product_id"), text(&first));
        }
    }
    found
}

async fn replaces_a_table(peer: Peer) {
    table(&peer.url(), "imba", TEXT).await;
    let folder = tempfile::tempdir().expect("folder");
    let settings = of_dynamodb(&peer);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let (large, small) = (csv(&folder, 300, 1), csv(&folder, 200, 2));
    let import = |file: &Path, flags: &[&str]| {
        let file = file.to_string_lossy().into_owned();
        run(features(&[&["import", file.as_str()], flags].concat(), &folder, &settings))
    };
    assert_eq!(import(&large, &[]).await.0, 0, "row by row");
    let (_, said) = run(features(&["status"], &folder, &settings)).await;
    assert!(said.contains("state     active") && said.contains("version   unknown"), "{said}");

    let (code, said) = import(&small, &["--replace", "--dry-run"]).await;
    assert!(
        code == 0
            && said.contains("200 rows would be loaded")
            && said.contains(": 100 items not in the file"),
        "{said}"
    );
    assert!(items(&peer).await.values().all(|mark| mark == "1"), "nothing is written");

    let (code, said) = import(&small, &["--replace"]).await;
    assert!(code == 0 && said.ends_with("200 rows loaded\n"), "{said}");
    let found = items(&peer).await;
    assert!(found.len() == 200 && found.values().all(|mark| mark == "2"), "{}", found.len());
    let (code, said) = run(features(&["status"], &folder, &settings)).await;
    let version =
        said.lines().find_map(|line| line.strip_prefix("version   ")).expect("a version").to_owned();
    assert!(code == 0 && version.len() == 64 && said.contains("rows      200"), "{said}");

    // The service names it, and no longer once rows are written one by one.
    let config = dynamodb().with("features.dynamodb.layout", "columns").config();
    let store = Box::pin(open(&peer.url(), &config)).await.expect("a store");
    store.store.probe().await.expect("it answers");
    let broken = folder.path().join("broken.csv");
    let content = std::fs::read_to_string(&large).expect("a file") + "1,2,x\n";
    std::fs::write(&broken, content).expect("written");
    let (code, said) = import(&broken, &["--replace"]).await;
    assert!(code == 1 && said.contains("1 bad line; the store is unchanged"), "{said}");
    assert_eq!(items(&peer).await.len(), 200);
    let empty = csv(&folder, 0, 9);
    let (code, said) = import(&empty, &["--replace"]).await;
    assert!(code == 1 && said.contains("the table has no rows"), "{said}");
    store.writer.put_many(vec![(PairKey::new("new", "1"), recorded_row())]).await.expect("a put");
    let (_, said) = run(features(&["status"], &folder, &settings)).await;
    assert!(said.contains("version   unknown"), "{said}");
    assert_eq!(import(&small, &["--replace"]).await.0, 0);
    assert_eq!(items(&peer).await.len(), 200, "what was written since is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynalite_is_replaced() {
    Box::pin(replaces_a_table(Peer::dynalite().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_is_replaced() {
    Box::pin(replaces_a_table(Peer::moto().await)).await;
}

/// Killed at any moment, every item is the old or the new one; the same command again completes it.
async fn is_completed_by_another(peer: Peer, pairs: usize) {
    let fewer = pairs / 3;
    table(&peer.url(), "imba", TEXT).await;
    let folder = tempfile::tempdir().expect("folder");
    let settings = of_dynamodb(&peer);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let tables = [csv(&folder, pairs, 1), csv(&folder, pairs - fewer, 2)];
    let import =
        |at: usize| features(&["import", &tables[at].to_string_lossy(), "--replace"], &folder, &settings);
    let started = std::time::Instant::now();
    assert_eq!(run(import(0)).await.0, 0);
    let whole = started.elapsed();
    let mut random = fastrand::Rng::with_seed(1);
    let mut interrupted = 0;
    for kill in 0..KILLS {
        let at = 1 - kill % 2;
        interrupted += usize::from(killed(import(at), whole.mul_f64(random.f64())).await);
        let found = items(&peer).await;
        assert!(
            found.len() >= pairs - fewer && found.values().all(|mark| mark == "1" || mark == "2"),
            "kill {kill}"
        );
        if kill % 4 == 3 || kill + 1 == KILLS {
            assert_eq!(run(import(at)).await.0, 0, "kill {kill}");
            let found = items(&peer).await;
            let mark = (at + 1).to_string();
            assert_eq!(found.len(), pairs - fewer * at, "kill {kill}");
            assert!(found.values().all(|found| *found == mark), "kill {kill}");
        }
    }
    assert!(interrupted > KILLS / 4, "{interrupted} kills came in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replace_of_dynalite_that_is_killed_is_completed_by_another() {
    Box::pin(is_completed_by_another(Peer::dynalite().await, 1500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replace_of_moto_that_is_killed_is_completed_by_another() {
    Box::pin(is_completed_by_another(Peer::moto().await, 300)).await;
}

/// The embedded store is the old table or the new one, whenever the replace is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replace_leaves_a_whole_store() {
    const PAIRS: usize = 30_000;
    let folder = tempfile::tempdir().expect("folder");
    let tables = [csv(&folder, PAIRS, 1), csv(&folder, PAIRS - 500, 2)];
    let (path, columns) = (folder.path().join("features.redb"), columns());
    let file = path.to_string_lossy().into_owned();
    let settings = [("IMBA__FEATURES__EMBEDDED__PATH", file.as_str())];
    let import =
        |at: usize| features(&["import", &tables[at].to_string_lossy(), "--replace"], &folder, &settings);
    let started = std::time::Instant::now();
    assert_eq!(run(import(0)).await.0, 0);
    let whole = started.elapsed();
    let mut random = fastrand::Rng::with_seed(2);
    let mut interrupted = 0;
    for kill in 0..KILLS {
        interrupted += usize::from(killed(import(1 - kill % 2), whole.mul_f64(random.f64() * 1.1)).await);
        let store = EmbeddedStore::open(&path, &columns, OPTIONS).expect("a whole store");
        let mut marks = BTreeMap::<String, usize>::new();
        store
            .for_each(|_, row| {
                *marks.entry(row.expect("a good row")[0].to_string()).or_default() += 1;
                true
            })
            .expect("read to its end");
        assert!(
            marks == BTreeMap::from([("1".to_owned(), PAIRS)])
                || marks == BTreeMap::from([("2".to_owned(), PAIRS - 500)]),
            "{marks:?}"
        );
    }
    assert!(interrupted > KILLS / 4, "{interrupted} kills came in time");
    assert_eq!(run(import(1)).await.0, 0);
    assert_eq!(
        EmbeddedStore::open(&path, &columns, OPTIONS)
            .expect("a store")
            .products_of("0")
            .await
            .expect("read")
            .len(),
        50
    );
}

/// What an item says of its row's age comes back with the score.
#[tokio::test]
async fn feature_times() {
    let peer = Peer::dynalite().await;
    let url = peer.url();
    table(&url, "imba", TEXT).await;
    let store = Box::pin(open(&url, &dynamodb().config())).await.expect("a store");
    let rows = ["2", "3"].map(|product| (PairKey::new("1", product), recorded_row()));
    store.writer.put_many(rows.to_vec()).await.expect("a put");
    let client = Client::new(&peer.sdk().await);
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let update = client.update_item().table_name("imba").key("user_id", key("1")).key("product_id", key("2"));
    let update = update.update_expression("SET updated_at = :time");
    update.expression_attribute_values(":time", key("2026-11-25T12:00:00Z")).send().await.expect("an update");
    let service = Box::pin(dynamodb().store(store.store).start()).await;
    for (route, list) in [("/predict/pair", "predictions"), ("/explain/pair", "explanations")] {
        let (status, answer) =
            sent_json(service.post_json(route, r#"{"instances": [["1", "2"], ["1", "3"]]}"#)).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer[list][0]["feature_time"], json!("2026-11-25T12:00:00Z"), "{answer}");
        assert_eq!(answer[list][1].get("feature_time"), None, "{answer}");
    }
    let (_, answer) = sent_json(service.get("/recommend/1").header("accept", "application/json")).await;
    let times: Vec<&Value> = answer["recommendations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|product| &product["feature_time"])
        .collect();
    assert_eq!(times, [&json!("2026-11-25T12:00:00Z"), &Value::Null], "{answer}");
    assert_eq!(text(service.post("/predict/pair", "1,2")).await.0, 200);
}
