use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::service::{RECORDED, TestService, columns, fixture, json, text};

/// Exit code, standard output and standard error.
fn imba(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    // The program may end before it has read.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

fn of_the_engine(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/gbtree/tests").join(name);
    path.to_string_lossy().into_owned()
}

/// The file of categories: colours blue, green, red, shops 5 and 27, and a price.
const CATEGORIES: &str = "categories.json";

/// Under a header a category is the one that the model was trained with; without one, and in arrays, its code.
#[test]
fn categories_by_value_and_by_code() {
    let model = of_the_engine(CATEGORIES);
    let score = |form: &str, input: &str| imba(&["score", "--model", &model, "--format", form], input);
    let (code, by_code, said) = score("csv", "2,1,0.5\n0,0,1\n,0,1\n");
    assert_eq!((code, said.as_str()), (0, ""));
    for (form, input) in [
        ("csv", "colour,shop,price\nred,27,0.5\nblue,5,1\n,5,1\n"),
        ("csv", "price,shop,colour\n0.5,27.0,red\n1,5.0,\"blue\"\n1,5.0,NA\n"),
        (
            "json",
            r#"{"colour": "red", "shop": 27, "price": 0.5} {"colour": "blue", "shop": "5", "price": 1} {"colour": null, "shop": 5, "price": 1}"#,
        ),
        ("json", "[2, 1, 0.5] [0, 0, 1] [null, 0, 1]"),
    ] {
        assert_eq!(score(form, input), (0, by_code.clone(), String::new()), "{input}");
    }
    for (form, input, words) in [
        ("csv", "colour,shop,price\nmauve,27,0.5\n", "\"mauve\" is not a category"),
        ("csv", "colour,shop,price\nred,28,0.5\n", "\"28\" is not a category"),
        ("csv", "red,27,0.5\n", "\"red\" is not a number"),
        ("json", r#"{"colour": true, "shop": 27, "price": 0.5}"#, "expected a category"),
    ] {
        let (code, _, said) = score(form, input);
        assert!(code == 1 && said.contains(words), "{input}: {said}");
    }
}

/// The same on the wire, in the store's table and in what is exported from it.
#[tokio::test]
async fn categories_through_the_service() {
    let service =
        TestService::builder().with("model.path", &of_the_engine(CATEGORIES)).pairs(Vec::new()).start().await;
    let (status, scores) = text(service.post("/predict", "colour,shop,price\nred,27,0.5\n")).await;
    assert_eq!((status, scores.clone()), text(service.post("/predict", "2,1,0.5")).await);
    let body = r#"{"instances": [{"colour": "red", "shop": 27, "price": 0.5}, [2, 1, 0.5], {"colour": "mauve", "shop": 27, "price": 1}]}"#;
    let (_, answer) = json(service.post_json("/predict", body)).await;
    let scores = &answer["predictions"];
    assert_eq!(scores[0]["score"], scores[1]["score"], "{answer}");
    assert_eq!(scores[2]["error"]["code"], "wrong_value", "{answer}");

    let folder = tempfile::tempdir().expect("folder");
    let table = "user_id,product_id,colour,shop,price\n1,2,red,27,0.5\n1,3,,5,1\n";
    std::fs::write(folder.path().join("table.csv"), table).expect("written");
    let features = |arguments: &[&str], model: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
        command
            .arg("features")
            .args(arguments)
            .current_dir(&folder)
            .env_clear()
            .env("IMBA__MODEL__PATH", model);
        let Output { status, stdout, stderr } = command.output().expect("it runs");
        (
            status.code(),
            String::from_utf8_lossy(&stdout).into_owned(),
            String::from_utf8_lossy(&stderr).into_owned(),
        )
    };
    let model = of_the_engine(CATEGORIES);
    assert_eq!(features(&["import", "table.csv"], &model).0, Some(0));
    assert_eq!(features(&["export"], &model), (Some(0), table.to_owned(), String::new()));
    assert!(features(&["get", "1", "2"], &model).1.starts_with("colour\tred\nshop\t27\n"));
    // Its rows are of these categories: a model of others reads other rows.
    let other = folder.path().join("other.json");
    let content = std::fs::read_to_string(&model).expect("a model");
    assert!(content.contains("\"colour\""), "it names its features");
    std::fs::write(&other, renamed_category(&content)).expect("written");
    let (code, _, said) = features(&["get", "1", "2"], &other.to_string_lossy());
    assert!(code == Some(1) && said.contains("made for other columns"), "{said}");
}

/// Puts another letter into the name of the last colour, wherever it stands.
fn rename(value: &mut Value, done: &mut bool) {
    match value {
        Value::Object(members) => {
            // Letters are numbers in the file: r, e, d.
            if let Some(Value::Array(values)) = members.get_mut("values")
                && let Some(at) = values.windows(3).position(|three| three == [114, 101, 100])
            {
                values[at] = Value::from(116);
                *done = true;
            }
            members.values_mut().for_each(|member| rename(member, done));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, done)),
        _ => {}
    }
}

/// The model with another name for the last colour, as long as the one before.
fn renamed_category(model: &str) -> String {
    let mut document: Value = serde_json::from_str(model).expect("JSON");
    let mut done = false;
    rename(&mut document, &mut done);
    assert!(done, "the file names red");
    document.to_string()
}

#[test]
fn limits_of_a_model_file() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR).expect("a named pipe");
    let sparse = std::fs::File::create(path("sparse")).expect("a file");
    sparse.set_len(3 << 30).expect("a sparse file");
    let model = fixture("binary.ubj").to_string_lossy().into_owned();
    for (file, flags, words) in [
        (path("pipe"), &[][..], "expected a regular file"),
        (folder.path().to_string_lossy().into_owned(), &[], "expected a regular file"),
        (path("sparse"), &[], "3221225472 bytes are more than the 1073741824 of --size-limit"),
        (model.clone(), &["--size-limit", "1KiB"], "of --size-limit"),
        (model.clone(), &["--memory-limit", "1KiB"], "--memory-limit allows"),
    ] {
        for command in [&["model"][..], &["score", "--model"]] {
            let arguments = [command, &[file.as_str()], flags].concat();
            let (code, stdout, said) = imba(&arguments, RECORDED);
            assert!(code == 1 && stdout.is_empty() && said.contains(words), "{arguments:?}: {said}");
        }
    }
    assert_eq!(imba(&["model", &model, "--memory-limit", "16MiB", "--size-limit", "1MiB"], "").0, 0);
    assert_eq!(imba(&["model", &model, "--memory-limit", "16"], "").0, 2);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_imba"));
    serve
        .current_dir(&folder)
        .env_clear()
        .env("IMBA__MODEL__PATH", &model)
        .env("IMBA__MODEL__MEMORY_LIMIT", "1KiB");
    let Output { status, stderr, .. } = serve.output().expect("it runs");
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.code() == Some(1) && said.contains("model.memory_limit"), "{said}");
}

/// A model of 2^20 features, of which its two trees ask for two.
fn wide_model(folder: &TempDir) -> PathBuf {
    const WIDTH: usize = 1 << 20;
    let path = folder.path().join("wide.json");
    let tree = |feature: usize| {
        format!(
            r#"{{"base_weights": [0, -1, 1], "categories": [], "categories_nodes": [], "categories_segments": [],
            "categories_sizes": [], "default_left": [1, 0, 0], "id": 0, "left_children": [1, -1, -1],
            "loss_changes": [1, 0, 0], "parents": [2147483647, 0, 0], "right_children": [2, -1, -1],
            "split_conditions": [0.5, -1, 1], "split_indices": [{feature}, 0, 0], "split_type": [0, 0, 0],
            "sum_hessian": [2, 1, 1], "tree_param": {{"num_deleted": "0", "num_feature": "{WIDTH}", "num_nodes": "3",
            "size_leaf_vector": "1"}}}}"#
        )
    };
    let model = format!(
        r#"{{"learner": {{"attributes": {{}}, "feature_names": [], "feature_types": [], "gradient_booster":
        {{"model": {{"gbtree_model_param": {{"num_parallel_tree": "1", "num_trees": "2"}}, "iteration_indptr": [0, 1, 2],
        "tree_info": [0, 0], "trees": [{}, {}]}}, "name": "gbtree"}}, "learner_model_param": {{"base_score": "0E0",
        "boost_from_average": "1", "num_class": "0", "num_feature": "{WIDTH}", "num_target": "1"}},
        "objective": {{"name": "reg:squarederror", "reg_loss_param": {{"scale_pos_weight": "1"}}}}}}, "version": [2, 1, 4]}}"#,
        tree(7),
        tree(1_000_000)
    );
    std::fs::write(&path, model).expect("written");
    path
}

/// Rows that list a few of a million features are scored as what they list, and by memory of that size.
#[test]
fn wide_sparse_rows() {
    let folder = tempfile::tempdir().expect("folder");
    let model = wide_model(&folder).to_string_lossy().into_owned();
    let mut rows = String::new();
    for at in 0..1100 {
        writeln!(rows, "1 7:{} {}:3 1000000:{}", at % 2, 8 + at, at % 3).expect("written");
    }
    let (code, stdout, said) = imba(&["score", "--model", &model, "--format", "libsvm"], &rows);
    assert_eq!((code, said.as_str()), (0, ""));
    for (at, score) in stdout.lines().enumerate() {
        let side = |goes_right: bool| if goes_right { 1.0 } else { -1.0 };
        let expected = side(at % 2 == 1) + side(at % 3 > 0);
        assert_eq!(score.parse(), Ok(expected), "row {at}");
    }
    assert_eq!(stdout.lines().count(), 1100);
    let (code, stdout, _) =
        imba(&["score", "--model", &model, "--format", "libsvm", "--output", "leaf"], "0 7:1\n");
    assert_eq!((code, stdout.as_str()), (0, "2,1\n"));
}

/// What travels in a model file is told, for people and for programs.
#[test]
fn model_tells_the_card() {
    let (code, stdout, _) = imba(&["model", "demo/model.ubj"], "");
    assert_eq!(code, 0);
    for label in ["threshold ", "trained ", "trained on ", "metric ", "seen "] {
        assert!(stdout.lines().any(|line| line.starts_with(label)), "no {label} in\n{stdout}");
    }
    assert!(stdout.contains("95 % interval") && !stdout.contains("imba.card"), "{stdout}");
    let (_, stdout, _) = imba(&["model", "demo/model.ubj", "--json"], "");
    let facts: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(facts["card"]["version"], 1);
    assert!(
        facts["threshold"].is_number() && facts["features"][0]["name"] == columns()[0].as_str(),
        "{facts}"
    );
    let (_, stdout, _) = imba(&["model", &of_the_engine(CATEGORIES)], "");
    assert!(
        stdout.contains("3 categories, by value under a header, otherwise by code from 0: blue, green, red"),
        "{stdout}"
    );
}
