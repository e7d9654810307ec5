use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use imba::admission::{Admission, AdmissionLimits};
use imba::features::embedded::{Base, EmbeddedStore};
use imba::features::{FeatureStore, TableInfo};
use imba::row::PairKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::service::{OPTIONS, RECORDED, TestService, columns, json, recorded_row, store_table, text};

/// A service whose table is a test's to change.
async fn watching(folder: &TempDir, settings: &[(&str, &str)]) -> (PathBuf, TestService) {
    let path = folder.path().join("table.redb");
    put(&path, 0).await;
    let mut builder = TestService::builder()
        .with("features.embedded.path", &path.to_string_lossy())
        .with("features.embedded.reload_interval", "20ms");
    for (key, value) in settings {
        builder = builder.with(key, value);
    }
    (path, builder.start().await)
}

/// Products that all tables have.
const SHARED: usize = 100;

/// Replaces the table by one of rows that are its own, half of them of products that are its own too.
async fn put(path: &Path, turn: usize) -> TableInfo {
    let mut row = recorded_row();
    row[0] = 1.0 + turn as f32;
    let product = |at: usize| if at < SHARED { at.to_string() } else { format!("{turn}-{at}") };
    let rows = (0..200).map(|at| (PairKey::new("1", &product(at)), row.clone())).collect();
    store_table(path, &columns(), Base::Empty, rows).await.expect("a table")
}

fn loaded(times: usize) -> String {
    format!("imba_table_reloads_total{{outcome=\"loaded\"}} {times}")
}

/// Tables take turns under load: every answer is whole and of one of them, and none fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_under_load_mixes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, service) = watching(&folder, &[]).await;
    let (service, done) = (Arc::new(service), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..4)
        .map(|at| {
            let (service, done) = (Arc::clone(&service), Arc::clone(&done));
            tokio::spawn(async move {
                let mut seen = BTreeSet::new();
                let pairs = (0..SHARED).map(|product| format!("1,{product}")).collect::<Vec<_>>().join("\n");
                while !done.load(Ordering::Relaxed) {
                    if at % 2 == 0 {
                        // Pairs of the same row in each table: equal scores, or two tables in one answer.
                        let (status, answer) = text(service.post("/predict/pair", pairs.clone())).await;
                        assert_eq!(status, 200, "{answer}");
                        let scores: BTreeSet<_> = answer.lines().collect();
                        assert_eq!((scores.len(), answer.lines().count()), (1, SHARED), "{answer}");
                        continue;
                    }
                    let recommend =
                        service.get("/recommend/1?limit=500").header("accept", "application/json");
                    let (status, answer) = json(recommend).await;
                    assert_eq!((status, &answer["stored"]), (200, &Value::from(200)));
                    let products = answer["recommendations"].as_array().expect("a list");
                    let ids = products.iter().filter_map(|product| product["product_id"].as_str());
                    let turns: BTreeSet<_> =
                        ids.filter_map(|id| Some(id.split_once('-')?.0.to_owned())).collect();
                    assert_eq!((products.len(), turns.len()), (200, 1), "{turns:?}");
                    seen.extend(turns);
                }
                seen
            })
        })
        .collect();
    for turn in 1..=10 {
        let table = put(&path, turn).await;
        service.metrics_say(&loaded(turn)).await;
        let (_, model) = json(service.get("/model")).await;
        assert_eq!(model["table"]["version"].as_str(), table.version.as_deref());
    }
    done.store(true, Ordering::Relaxed);
    let mut seen = BTreeSet::new();
    for client in clients {
        seen.extend(client.await.expect("no client fails"));
    }
    assert!(seen.len() > 2, "several tables have served: {seen:?}");
}

/// A table that is damaged, of other columns or gone leaves the old one serving; a good one ends it.
#[tokio::test]
async fn a_table_that_does_not_fit_leaves_the_old_one_serving() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, service) = watching(&folder, &[]).await;
    let score = text(service.post("/predict/pair", "1,0")).await;
    assert_eq!(score.0, 200);
    let good = std::fs::read(&path).expect("a file");
    let other = folder.path().join("other.redb");
    store_table(&other, &["a".to_owned()], Base::Empty, Vec::new()).await.expect("a table");
    for (at, bad) in
        [Some(std::fs::read(&other).expect("a file")), Some(good[..9000].to_vec()), Some(vec![]), None]
            .into_iter()
            .enumerate()
    {
        match bad {
            Some(bad) => {
                std::fs::write(&other, bad).expect("written");
                std::fs::rename(&other, &path).expect("renamed");
            }
            None => std::fs::remove_file(&path).expect("removed"),
        }
        service.metrics_say("imba_table_reload_failed 1").await;
        service.metrics_say(&format!("imba_table_reloads_total{{outcome=\"failed\"}} {}", at + 1)).await;
        assert_eq!(text(service.post("/predict/pair", "1,0")).await, score);
        assert_eq!(text(service.get("/readyz")).await.0, 200, "the old table is as good as before");
        std::fs::write(&other, &good).expect("written");
        std::fs::rename(&other, &path).expect("renamed");
        service.metrics_say("imba_table_reload_failed 0").await;
    }
}

/// A table has an age, and one from which it is old.
#[tokio::test]
async fn an_old_table_is_told_of() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, service) = watching(&folder, &[("features.max_age", "1s")]).await;
    service.metrics_say("imba_table_rows 200").await;
    service.metrics_say("imba_table_old 1").await;
    put(&path, 1).await;
    service.metrics_say(&loaded(1)).await;
    service.metrics_say("imba_table_old 0").await;
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
}

/// A user of many products is read in its turn among other heavy work, and one of few at once.
#[tokio::test]
async fn a_user_of_many_products_waits_for_its_turn() {
    const MANY: usize = 50_000;
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("table.redb");
    let row = |user: &str, at: usize| (PairKey::new(user, &format!("{at:05}")), recorded_row());
    let rows = (0..MANY).map(|at| row("many", at)).chain((0..5).map(|at| row("few", at)));
    store_table(&path, &columns(), Base::Empty, rows.collect()).await.expect("a table");
    let admission = Admission::new(AdmissionLimits { at_once: 1, rows: MANY, bytes: MANY });
    let store = EmbeddedStore::open(&path, &columns(), OPTIONS).expect("a store").admitted(admission.clone());
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let other = tokio::spawn(async move { admission.run(false, move || wait.recv().is_ok()).await });
    tokio::task::yield_now().await;

    let mut many = store.products_of("many");
    assert!(std::future::poll_fn(|context| Poll::Ready(many.as_mut().poll(context).is_pending())).await);
    assert_eq!(store.products_of("few").await.expect("read").len(), 5);
    assert!(std::future::poll_fn(|context| Poll::Ready(many.as_mut().poll(context).is_pending())).await);
    done.send(()).expect("it waits");
    assert!(other.await.expect("no panic"));
    let many = many.await.expect("read");
    assert_eq!((many.len(), many[MANY - 1].0.as_str()), (MANY, "49999"));

    // Pairs are found whether those of a user follow each other or not.
    let keys = [("many", "00007"), ("few", "00001"), ("many", "x"), ("many", "49999"), ("nobody", "1")];
    let found = store.get_many(&keys.map(|(user, product)| PairKey::new(user, product))).await.expect("read");
    let found: Vec<_> = found.into_iter().map(|row| row.expect("a good row").is_some()).collect();
    assert_eq!(found, [true, true, false, true, false]);
}
