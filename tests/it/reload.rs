use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imba::model::model_version;
use tempfile::TempDir;

use crate::service::{PATIENCE, RECORDED, TestService, fixture, json, text};

/// A service whose model file is a test's to change.
async fn watching(folder: &TempDir) -> (PathBuf, TestService) {
    let path = folder.path().join("model");
    put(&path, &std::fs::read(fixture("binary.ubj")).expect("fixture"));
    let service = TestService::builder()
        .with("model.path", &path.to_string_lossy())
        .with("model.reload_interval", "20ms")
        .start()
        .await;
    (path, service)
}

/// Replaces the file at `path` as a careful deployment does: whole, by a rename.
fn put(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, content).expect("written");
    std::fs::rename(&new, path).expect("renamed");
}

async fn version(service: &TestService) -> String {
    let (_, model) = json(service.get("/model")).await;
    model["version"].as_str().expect("a version").to_owned()
}

/// Two models take turns under load: each answer is whole, and that of the model it names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_under_load_mixes_nothing() {
    // Enough rows to be scored in pieces, and enough of those to be overtaken by a swap.
    let body = Arc::new(vec![RECORDED; 10_000].join("\n"));
    let folder = tempfile::tempdir().expect("folder");
    let (path, service) = watching(&folder).await;
    let service = Arc::new(service);
    let mut answers = HashMap::new();
    let mut models = Vec::new();
    for name in ["binary.ubj", "softprob.ubj"] {
        let file = std::fs::read(fixture(name)).expect("fixture");
        let alone = TestService::builder().with("model.path", &fixture(name).to_string_lossy()).start().await;
        let (status, answer) = text(alone.post("/predict", body.as_str().to_owned())).await;
        assert_eq!(status, 200);
        answers.insert(model_version(&file), answer);
        models.push(file);
    }
    let (answers, done) = (Arc::new(answers), Arc::new(AtomicBool::new(false)));
    let served = Arc::new(Mutex::new(HashSet::new()));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (service, body) = (Arc::clone(&service), Arc::clone(&body));
            let (answers, done, served) = (Arc::clone(&answers), Arc::clone(&done), Arc::clone(&served));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let request = service.post("/predict", body.as_str().to_owned());
                    let response = request.send().await.expect("an answer");
                    assert_eq!(response.status(), 200);
                    let version = response.headers()["x-model-version"].to_str().expect("ASCII").to_owned();
                    let answer = response.text().await.expect("a text");
                    assert!(answers[&version] == answer, "not the answer of {version}");
                    served.lock().expect("no panic").insert(version);
                }
            })
        })
        .collect();
    for swap in 0..10 {
        let file = &models[(swap + 1) % 2];
        put(&path, file);
        service.metrics_say(&format!("imba_model_reloads_total{{outcome=\"loaded\"}} {}", swap + 1)).await;
        let version_now = model_version(file);
        assert_eq!(version(&service).await, version_now);
        served.lock().expect("no panic").clear();
        let is_served = async {
            while !served.lock().expect("no panic").contains(&version_now) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, is_served).await.expect("it serves");
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no client fails");
    }
}

/// Whatever is wrong with a new file, the old model serves on, the metrics say so, and a good file ends it.
#[tokio::test]
async fn a_bad_file_leaves_the_old_model_serving() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, service) = watching(&folder).await;
    let good = std::fs::read(fixture("binary.ubj")).expect("fixture");
    let first = version(&service).await;
    let score = text(service.post("/predict", RECORDED)).await;

    let mut failures = 0;
    for bad in [&b"this is no model"[..], &good[..good.len() / 2], b"", b"absent"] {
        if bad == b"absent" {
            std::fs::remove_file(&path).expect("removed");
        } else {
            put(&path, bad);
        }
        failures += 1;
        let line = format!("imba_model_reloads_total{{outcome=\"failed\"}} {failures}");
        let metrics = service.metrics_say(&line).await;
        assert!(metrics.contains("\nimba_model_reload_failed 1\n"), "{metrics}");
        assert_eq!(version(&service).await, first);
        assert_eq!(text(service.post("/predict", RECORDED)).await, score);
        assert_eq!(text(service.get("/readyz")).await.0, 200, "the old model is as good as before");

        // Several looks later the failure has been counted, and logged, once.
        // Real: a look that finds nothing new leaves no trace.
        tokio::time::sleep(Duration::from_millis(100)).await;
        service.metrics_say(&line).await;
        put(&path, &good);
        service.metrics_say("imba_model_reload_failed 0").await;
    }
    let other = std::fs::read(fixture("binary.json")).expect("fixture");
    put(&path, &other);
    let metrics = service.metrics_say("imba_model_reloads_total{outcome=\"loaded\"} 1").await;
    assert!(metrics.contains(&format!("version=\"{}\"", model_version(&other))), "{metrics}");
    assert!(!metrics.contains(&first), "only the model in use: {metrics}");
    assert_eq!(text(service.post("/predict", RECORDED)).await, score, "the same model in another format");
}
