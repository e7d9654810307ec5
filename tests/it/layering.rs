//! The invariants of docs/ARCHITECTURE.md, which are absences: what a module does not reach, and what it does not name.

use std::collections::{BTreeMap, BTreeSet};
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

/// The imports of `src`: which module names which, where a module is the path below `crate::`, cut to `depth` names.
struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    fn read(depth: usize) -> Self {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (file, code) in sources("src") {
            let path = file.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::");
            let module = cut(&path, depth);
            if ["lib", "main"].contains(&module.as_str()) {
                continue;
            }
            let named = imports.entry(module.clone()).or_default();
            for path in crate_paths(&code) {
                let other = cut(&path, depth);
                if other != module {
                    named.insert(other);
                }
            }
        }
        Self(imports)
    }

    /// All that `module` names, and all that those name.
    fn reach(&self, module: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![module];
        while let Some(module) = next.pop() {
            for other in self.0.get(module).into_iter().flatten() {
                if reached.insert(other.as_str()) {
                    next.push(other);
                }
            }
        }
        reached
    }
}

/// The first `depth` names of `path` that are modules: type names begin with a capital.
fn cut(path: &str, depth: usize) -> String {
    let is_module = |name: &&str| name.starts_with(|first: char| first.is_ascii_lowercase());
    path.split("::").take_while(is_module).take(depth).collect::<Vec<_>>().join("::")
}

/// Every path below `crate::` that `code` names, the parts of a `use` list one by one.
fn crate_paths(code: &str) -> Vec<String> {
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = lines.join("\n");
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split("};").next().unwrap_or_default();
            paths.extend(list.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()));
            continue;
        }
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches("::");
        if let Some(list) = rest[end..].strip_prefix('{') {
            let list = list.split('}').next().unwrap_or_default();
            paths.extend(list.split(',').map(|one| format!("{path}::{}", one.trim())));
        } else {
            paths.push(path.to_owned());
        }
    }
    paths
}

#[test]
fn no_circle_between_modules() {
    let imports = Imports::read(1);
    for module in imports.0.keys() {
        assert!(!imports.reach(module).contains(module.as_str()), "{module} reaches itself: {:?}", imports.0);
    }
}

/// What every module may reach.
const GROUND: [&str; 4] = ["cause", "config", "row", "telemetry"];

#[test]
fn what_each_module_reaches_at_most() {
    let imports = Imports::read(1);
    let allowed: BTreeMap<&str, Vec<&str>> = BTreeMap::from([
        ("cause", vec![]),
        ("row", vec![]),
        ("config", vec![]),
        ("demo", vec![]),
        ("cache", vec![]),
        ("telemetry", vec!["config"]),
        ("access", vec!["cause", "config", "telemetry"]),
        ("admission", GROUND.to_vec()),
        ("formats", GROUND.to_vec()),
        ("upstream", GROUND.to_vec()),
        ("model", [&GROUND[..], &["upstream"]].concat()),
        ("features", [&GROUND[..], &["cache", "upstream", "formats", "admission"]].concat()),
        ("scorer", [&GROUND[..], &["upstream", "formats", "model", "admission"]].concat()),
    ]);
    for (module, allowed) in &allowed {
        for reached in imports.reach(module) {
            assert!(allowed.contains(&reached), "{module} reaches {reached}");
        }
    }
    for module in ["inference", "readiness", "products", "server"] {
        for above in ["api", "app", "cli"] {
            assert!(!imports.reach(module).contains(above), "{module} reaches {above}");
        }
    }
    assert!(!imports.reach("api").contains("app"), "an API does not put itself together");
    assert!(!imports.reach("app").contains("cli"), "a service does not know what started it");
}

/// An API knows what all share, and no other API.
#[test]
fn apis_do_not_import_each_other() {
    let protocols: Vec<String> = fs::read_dir(root().join("src/api"))
        .expect("the APIs")
        .map(|entry| {
            entry.expect("an entry").file_name().to_string_lossy().trim_end_matches(".rs").to_owned()
        })
        .filter(|name| {
            ![
                "access",
                "address",
                "answers",
                "layers",
                "fault",
                "body",
                "media",
                "openapi",
                "ops",
                "page",
                "routes",
                "rows",
                "state",
                "target",
                "work",
                "invocations",
                "json",
                "kserve",
            ]
            .contains(&name.as_str())
        })
        .collect();
    assert!(protocols.iter().any(|name| name == "native"), "{protocols:?}");
    let imports = Imports::read(2);
    for protocol in &protocols {
        let module = format!("api::{protocol}");
        for other in protocols.iter().filter(|other| *other != protocol) {
            let named = imports.0.get(&module).is_some_and(|named| named.contains(&format!("api::{other}")));
            assert!(!named, "{module} imports api::{other}");
        }
    }
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
                let is_said = line.match_indices(word).any(|(at, _)| {
                    !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
                });
                assert!(!is_said, "{file}:{}: {word} has no place here: {line}", number + 1);
            }
        }
    }
}

#[test]
fn the_engine_knows_no_runtime_no_http_and_no_files() {
    absent("crates/gbtree/src", &["tokio", "hyper", "axum", "std::fs", "std::net", "std::env"], &[]);
}

#[test]
fn only_the_edge_knows_http_servers() {
    let edge =
        ["src/api", "src/server", "src/app.rs", "src/app/tests.rs", "src/app/jwks.rs", "src/cli/healthcheck"];
    absent("src", &["axum::", "hyper::", "tower"], &edge);
}

#[test]
fn only_the_composition_root_names_adapters() {
    let words =
        ["EmbeddedScorer", "EmbeddedStore", "SageMakerScorer", "DynamoStore", "S3Object", "LocalFile"];
    let adapters = ["src/features/", "src/scorer/", "src/model/", "src/config"];
    absent("src", &words, &[&["src/app"], &adapters[..]].concat());
}

#[test]
fn libraries_stay_behind_their_adapters() {
    absent("src", &["gbtree::"], &["src/scorer/embedded", "src/cli/model"]);
    absent("src", &["redb::"], &["src/features/embedded", "src/access"]);
    absent("src", &["jsonwebtoken::", "use ring::"], &["src/access"]);
    let aws = [
        "src/upstream/aws",
        "src/scorer/sagemaker",
        "src/features/dynamodb",
        "src/model/s3",
        "src/access/sigv4.rs",
    ];
    absent(
        "src",
        &["aws_config::", "aws_sdk_", "aws_smithy_", "aws_types::", "aws_credential_types::", "aws_sigv4::"],
        &aws,
    );
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
