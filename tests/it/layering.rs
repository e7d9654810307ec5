//! The invariants of docs/ARCHITECTURE.md, which are absences: what a module does not know.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file below `folder`, by path from the root, with its text up to its tests.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut folders = vec![root().join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                files.push(entry);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} holds sources");
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("a source");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            (file.strip_prefix(root()).expect("below the root").display().to_string(), code)
        })
        .collect()
}

/// No file of `folder` other than those of `allowed` says any of `words`.
fn absent(folder: &str, words: &[&str], allowed: &[&str]) {
    for (file, code) in sources(folder) {
        if allowed.iter().any(|allowed| file.starts_with(allowed)) {
            continue;
        }
        for (number, line) in
            code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for word in words {
                assert!(!line.contains(word), "{file}:{}: {word} has no place here: {line}", number + 1);
            }
        }
    }
}

#[test]
fn the_engine_knows_no_runtime_no_http_and_no_files() {
    absent("crates/gbtree/src", &["tokio", "hyper", "axum", "std::fs", "std::net", "std::env"], &[]);
}

#[test]
fn only_the_edge_knows_http() {
    absent(
        "src",
        &["axum::", "hyper::", "tower"],
        &["src/http", "src/server.rs", "src/app.rs", "src/cli/healthcheck.rs"],
    );
}

#[test]
fn only_the_composition_root_names_adapters() {
    let elsewhere = ["src/app", "src/features/embedded.rs", "src/scorer/embedded.rs"];
    absent("src", &["EmbeddedScorer", "features::embedded", "scorer::embedded"], &elsewhere);
}

#[test]
fn only_the_embedded_scorer_and_the_model_commands_know_the_engine() {
    absent("src", &["gbtree::"], &["src/scorer/embedded.rs", "src/cli/score.rs", "src/cli/model.rs"]);
}

#[test]
fn only_the_adapters_know_aws() {
    let adapters = ["src/aws.rs", "src/scorer/sagemaker", "src/features/dynamodb", "src/model/s3.rs"];
    absent("src", &["aws_config::", "aws_sdk_", "aws_smithy_", "aws_types::"], &adapters);
    absent("src", &["SageMakerScorer"], &["src/app", "src/scorer/sagemaker.rs"]);
    absent("src", &["DynamoStore"], &["src/app", "src/features/dynamodb.rs"]);
    absent("src", &["S3Object"], &["src/app", "src/model/s3.rs"]);
}

#[test]
fn only_the_embedded_store_knows_redb() {
    absent("src", &["redb::"], &["src/features/embedded.rs"]);
}

#[test]
fn data_flows_one_way() {
    absent("src/inference.rs".trim_end_matches("inference.rs"), &["crate::cli"], &["src/cli", "src/main.rs"]);
    for folder in ["src/features", "src/scorer", "src/rows", "src/config"] {
        absent(folder, &["crate::http", "crate::inference", "crate::app"], &[]);
    }
    absent("src/features", &["crate::scorer"], &[]);
    absent("src/scorer", &["crate::features"], &[]);
    absent("src/config", &["crate::features", "crate::scorer", "crate::rows"], &[]);
}

#[test]
fn the_environment_has_one_door() {
    absent("src", &["env::var"], &["src/config/source.rs"]);
}

#[test]
fn files_stay_small_enough_to_read() {
    for folder in ["src", "tests/it", "crates/gbtree/src"] {
        for (file, code) in sources(folder) {
            let lines = code.lines().count();
            assert!(lines <= 400, "{file} has {lines} lines: does it hold one thing?");
        }
    }
}
