use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::service::{RECORDED, fixture, fixture_lines};

/// The program, in a folder of its own, configured for the small model.
pub(crate) fn imba(folder: &TempDir) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    command
        .current_dir(folder)
        .env_clear()
        .env("IMBA__SERVER__LISTEN", "127.0.0.1:0")
        .env("IMBA__SERVER__STATIC_DIR", root.join("static"))
        .env("IMBA__MODEL__PATH", fixture("binary.ubj"))
        .stdin(Stdio::null());
    command
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("folder")
}

/// Exit code, standard output and standard error.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

pub(crate) fn run_with_input(command: &mut Command, input: &str) -> (i32, String, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // The program may stop reading early.
        let _ = stdin.write_all(input.as_bytes());
    });
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

fn table(folder: &TempDir, rows: &str) -> std::path::PathBuf {
    let path = folder.path().join("table.csv");
    std::fs::write(&path, format!("user_id,product_id,feature\n{rows}")).expect("written");
    path
}

#[test]
fn score_equals_the_official_package() {
    let expected = fixture_lines("scores.txt").join("\n") + "\n";
    let rows = fixture("rows.csv");
    for model in ["binary.ubj", "binary.json"] {
        let output =
            run(imba(&folder()).arg("score").arg("--model").arg(fixture(model)).arg("--input").arg(&rows));
        assert_eq!(output, (0, expected.clone(), String::new()));
    }
    let text = std::fs::read_to_string(&rows).expect("fixture");
    let (code, stdout, _) =
        run_with_input(imba(&folder()).arg("score").arg("--model").arg(fixture("binary.ubj")), &text);
    assert_eq!((code, stdout), (0, expected));
}

#[test]
fn score_reads_other_forms() {
    let expected = fixture_lines("scores.txt")[0].clone() + "\n";
    let cells: Vec<&str> = RECORDED.split(',').collect();
    let libsvm: Vec<String> = cells.iter().enumerate().map(|(at, cell)| format!("{at}:{cell}")).collect();
    for (form, input) in [
        ("libsvm", format!("0 {}\n", libsvm.join(" "))),
        ("json", format!("[{RECORDED}]")),
        ("json", format!("{{\"instances\": [[{RECORDED}]]}}")),
        ("csv", RECORDED.to_owned()),
    ] {
        let folder = folder();
        let mut command = imba(&folder);
        command.args(["score", "--format", form, "--model"]).arg(fixture("binary.ubj"));
        assert_eq!(run_with_input(&mut command, &input), (0, expected.clone(), String::new()), "{form}");
    }
}

#[test]
fn score_stops_at_a_bad_row_after_scoring_what_came_before() {
    let folder = folder();
    let mut command = imba(&folder);
    command.args(["score", "--model"]).arg(fixture("binary.ubj"));
    let (code, stdout, stderr) = run_with_input(&mut command, &format!("{RECORDED}\n1,2\n{RECORDED}\n"));
    assert_eq!((code, stdout), (1, fixture_lines("scores.txt")[0].clone() + "\n"));
    assert_eq!(stderr, "imba: -: line 2: 2 columns, expected 18\n");
}

#[test]
fn margins_and_iterations() {
    let score = |args: &[&str]| {
        let folder = folder();
        let mut command = imba(&folder);
        command.args(["score", "--model"]).arg(fixture("binary.ubj")).args(args);
        run_with_input(&mut command, RECORDED)
    };
    let margin: f64 = score(&["--output", "margin"]).1.trim().parse().expect("a number");
    let probability: f64 = fixture_lines("scores.txt")[0].parse().expect("a number");
    assert!((1.0 / (1.0 + (-margin).exp()) - probability).abs() < 1e-6, "{margin} {probability}");
    assert_eq!(score(&["--iterations", "0..20"]).1.trim(), fixture_lines("scores.txt")[0]);
    for all in ["0..0", "0..", ".."] {
        assert_eq!(score(&["--iterations", all]).1.trim(), fixture_lines("scores.txt")[0], "{all}");
    }
    assert_eq!(score(&["--iterations", "5..0"]).1, score(&["--iterations", "5..20"]).1);
    assert_ne!(score(&["--iterations", "0..5"]).1.trim(), fixture_lines("scores.txt")[0]);
    let (code, _, stderr) = score(&["--iterations", "0..21"]);
    assert!(code == 1 && stderr.contains("20"), "{stderr}");
    assert_eq!(score(&["--iterations", "five"]).0, 2);
}

/// Leaves and contributions of the recorded row, as the official package gives them.
#[test]
fn leaves_and_contributions() {
    for (output, tolerance) in [("leaf", 0.0), ("contributions", 1e-5)] {
        let folder = folder();
        let mut command = imba(&folder);
        command.args(["score", "--output", output, "--model"]).arg(fixture("binary.ubj"));
        let (code, stdout, stderr) =
            run_with_input(&mut command, &fixture_lines("rows.csv")[..10].join("\n"));
        assert_eq!((code, stderr.as_str()), (0, ""));
        let expected = fixture_lines(&format!("{output}.txt"));
        assert_eq!(stdout.lines().count(), expected.len());
        for (found, expected) in stdout.lines().zip(&expected) {
            let numbers = |line: &str| {
                line.split(',').map(|cell| cell.parse().expect("a number")).collect::<Vec<f64>>()
            };
            let (found, expected) = (numbers(found), numbers(expected));
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= tolerance, "{output}: {found} {expected}");
            }
        }
    }
}

/// A model of no rounds scores every row alike, and sends none to a leaf.
#[test]
fn a_model_without_trees() {
    let folder = folder();
    let path = folder.path().join("model.json");
    let model = serde_json::json!({"version": [2, 1, 4], "learner": {
        "attributes": {}, "feature_names": ["a", "b"], "feature_types": ["float", "float"],
        "learner_model_param": {"base_score": "2.5E-1", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "binary:logistic"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_trees": "0", "num_parallel_tree": "1"},
            "tree_info": [], "iteration_indptr": [0], "trees": []}}}});
    std::fs::write(&path, model.to_string()).expect("written");
    let score = |output: &str| {
        let mut command = imba(&folder);
        command.args(["score", "--output", output, "--model"]).arg(&path);
        run_with_input(&mut command, "1,2\n3,4\n")
    };
    assert_eq!(score("score"), (0, "0.25\n0.25\n".to_owned(), String::new()));
    let (code, stdout, stderr) = score("leaf");
    assert!(code == 1 && stdout.is_empty() && stderr.contains("no trees"), "{stdout}{stderr}");
}

#[test]
fn a_file_that_is_no_model_is_refused() {
    let folder = folder();
    for (content, word) in [("{\"learner\": {}}", "learner"), ("hello", "model"), ("", "empty")] {
        let path = folder.path().join("model");
        std::fs::write(&path, content).expect("written");
        for command in ["model", "score"] {
            let mut imba = imba(&folder);
            imba.arg(command);
            if command == "score" {
                imba.arg("--model");
            }
            let (code, stdout, stderr) = run(imba.arg(&path));
            assert_eq!((code, stdout), (1, String::new()));
            assert!(stderr.starts_with("imba: ") && stderr.contains(word), "{stderr}");
        }
        let (code, _, stderr) = run(imba(&folder).arg("serve").env("IMBA__MODEL__PATH", &path));
        assert!(code == 1 && stderr.contains("imba: model.path: "), "{stderr}");
    }
    let (code, _, stderr) = run(imba(&folder).args(["model", "nowhere"]));
    assert!(code == 1 && stderr.contains("nowhere: No such file"), "{stderr}");
}

#[test]
fn model_tells_what_is_in_a_file() {
    let (code, stdout, _) = run(imba(&folder()).arg("model").arg(fixture("binary.ubj")));
    assert_eq!(code, 0);
    for part in [
        "UBJSON",
        "XGBoost 3.2.0",
        "binary:logistic",
        "trees           20",
        "17 up_order_rate_since_first_order",
    ] {
        assert!(stdout.contains(part), "no {part} in\n{stdout}");
    }
}

#[test]
fn features_in_and_out() {
    let folder = folder();
    let table = table(&folder, &format!("1,2,\"{RECORDED}\"\n"));
    let (code, stdout, stderr) = run(imba(&folder).args(["features", "import"]).arg(&table));
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(stderr.ends_with("table.csv: 1 row loaded\n"), "{stderr}");
    let (code, stdout, _) = run(imba(&folder).args(["features", "get", "1", "2"]));
    assert_eq!(code, 0);
    assert!(stdout.starts_with("up_orders\t1.0\nuser_mean_days_since_prior\t6.67578125\n"), "{stdout}");
    assert_eq!(stdout.lines().count(), 18);
    let (code, _, stderr) = run(imba(&folder).args(["features", "get", "1", "3"]));
    assert_eq!((code, stderr.as_str()), (1, "imba: no features are stored for user 1, product 3\n"));
}

#[test]
fn a_bad_table_names_its_lines() {
    let folder = folder();
    let table = table(&folder, &format!("1,2,\"{RECORDED}\"\n1,3,\"1,2\"\n"));
    let (code, _, stderr) = run(imba(&folder).args(["features", "import"]).arg(&table));
    assert_eq!(code, 1);
    assert!(stderr.contains("line 3: feature: 2 columns, expected 18"), "{stderr}");
    assert!(stderr.contains("1 bad line; 1 good row of the same batches skipped"), "{stderr}");
    assert_eq!(
        run(imba(&folder).args(["features", "get", "1", "2"])).0,
        1,
        "nothing of the batch was loaded"
    );
}

#[test]
fn config_prints_what_is_in_force_and_where_it_came_from() {
    let folder = folder();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "[server]\ndeadline = '3s'\n").expect("written");
    let (code, stdout, _) = run(imba(&folder).args(["config", "--config", "mine.toml"]));
    assert_eq!(code, 0);
    for line in [
        "server.deadline = \"3s\" # mine.toml, line 2",
        "server.listen = \"127.0.0.1:0\" # environment variable IMBA__SERVER__LISTEN",
        "model.threshold = \"auto\" # built in",
    ] {
        assert!(stdout.lines().any(|found| found == line), "no {line} in\n{stdout}");
    }
    // What is printed can be read back.
    std::fs::write(folder.path().join("printed.toml"), &stdout).expect("written");
    assert_eq!(run(imba(&folder).args(["config", "--config", "printed.toml"])).0, 0);
}

#[test]
fn exit_codes() {
    let folder = folder();
    let (code, _, stderr) =
        run(imba(&folder).arg("serve").env("IMBA__SERVER__LISTEN", "x").env("IMBA__LOG__LEVEL", "y"));
    assert_eq!(code, 64);
    assert!(
        stderr.contains("2 mistakes") && stderr.contains("server.listen") && stderr.contains("log.level"),
        "{stderr}"
    );
    assert_eq!(run(imba(&folder).arg("dance")).0, 2);
    assert_eq!(run(imba(&folder).arg("--help")).0, 0);
    let (code, _, stderr) = run(imba(&folder).arg("healthcheck").env("IMBA__SERVER__LISTEN", "127.0.0.1:1"));
    assert!(code == 1 && stderr.contains("http://127.0.0.1:1/livez"), "{stderr}");
    let (code, _, stderr) = run(imba(&folder).env("IMBA__SERVER__STATIC_DIR", "nowhere"));
    assert!(
        code == 1 && stderr.contains("server.static_dir: nowhere/index_imba.html: No such file"),
        "{stderr}"
    );
    let (code, _, stderr) = run(imba(&folder).env("IMBA__FEATURES__EMBEDDED__SEED", "nowhere.csv"));
    assert!(code == 1 && stderr.contains("features.embedded.seed: nowhere.csv: No such file"), "{stderr}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let (code, _, stderr) = run(imba(&folder).env("IMBA__SERVER__LISTEN", &address));
    assert!(
        code == 1 && stderr.contains(&format!("server.listen: {address}: Address already in use")),
        "{stderr}"
    );
}

/// Waits for the line that tells the bound address.
pub(crate) fn bound(child: &mut Child) -> String {
    let stderr = BufReader::new(child.stderr.as_mut().expect("a pipe"));
    for line in stderr.lines() {
        let line = line.expect("UTF-8");
        let event: serde_json::Value = serde_json::from_str(&line).expect("a JSON line");
        if let Some(address) = event["server.address"].as_str() {
            return address.to_owned();
        }
    }
    panic!("the address was not logged");
}

#[test]
fn serves_until_sigterm_then_exits_0() {
    let folder = folder();
    let mut child = imba(&folder).stderr(Stdio::piped()).spawn().expect("it runs");
    let address = bound(&mut child);
    assert_eq!(run(imba(&folder).arg("healthcheck").env("IMBA__SERVER__LISTEN", &address)).0, 0);
    assert_eq!(
        run(imba(&folder).args(["healthcheck", "--ready"]).env("IMBA__SERVER__LISTEN", &address)).0,
        0
    );
    let (code, _, stderr) = run(imba(&folder).args(["features", "get", "1", "2"]));
    assert_eq!((code, stderr.as_str()), (1, "imba: no features are stored for user 1, product 2\n"));
    let killed = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().expect("kill runs");
    assert!(killed.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let mut rest = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut rest).expect("UTF-8");
    assert!(rest.contains("SIGTERM: stopping") && rest.contains("drained"), "{rest}");
}

/// SIGHUP makes it look at once, whatever the interval, and say what it found.
#[test]
fn sighup_reloads_the_model() {
    let folder = folder();
    let path = folder.path().join("model");
    std::fs::copy(fixture("binary.ubj"), &path).expect("copied");
    let command = || imba(&folder);
    let mut serve = command();
    serve.env("IMBA__MODEL__PATH", &path).env("IMBA__MODEL__RELOAD_INTERVAL", "off");
    serve.env("IMBA__FEATURES__EMBEDDED__RELOAD_INTERVAL", "off");
    let mut child = serve.stderr(Stdio::piped()).spawn().expect("it runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let pid = child.id().to_string();
    let mut wait_for = |words: &str| {
        let mut log = String::new();
        while !log.contains(words) {
            assert_ne!(stderr.read_line(&mut log).expect("UTF-8"), 0, "no {words} in {log}");
        }
    };
    wait_for("server.address");
    let hang_up =
        || assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());
    hang_up();
    wait_for("is the one in use");
    std::fs::copy(fixture("binary.json"), &path).expect("copied");
    hang_up();
    wait_for("model reloaded from");
    std::fs::write(&path, "no model").expect("written");
    hang_up();
    wait_for("the old model goes on serving");
    let table = table(&folder, &format!("1,2,\"{RECORDED}\"\n"));
    let (code, _, stderr) = run(command().args(["features", "import", "--replace"]).arg(&table));
    assert_eq!(code, 0, "beside a running service: {stderr}");
    hang_up();
    wait_for("features reloaded from");
    assert_eq!(run(command().args(["features", "status"])).0, 0);
    child.kill().expect("killed");
    child.wait().expect("it ends");
}

/// The access log is at level info: a higher level is without it.
#[test]
fn a_quiet_log_is_quiet() {
    let folder = folder();
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let mut command = imba(&folder);
    command
        .env("IMBA__LOG__LEVEL", "warn")
        .env("IMBA__SERVER__LISTEN", port.to_string())
        .env("IMBA__PRODUCTS__NAMES", "");
    let mut child =
        command.env("IMBA__FEATURES__EMBEDDED__SEED", "").stderr(Stdio::piped()).spawn().expect("it runs");
    let alive = || run(imba(&folder).arg("healthcheck").env("IMBA__SERVER__LISTEN", port.to_string())).0 == 0;
    while !alive() {
        assert!(child.try_wait().expect("a child").is_none(), "it serves");
    }
    let killed = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// The demo's tables belong to the demo's model: beside another the service starts without them and says so.
#[test]
fn another_model_needs_no_other_settings() {
    let folder = folder();
    let mut child = imba(&folder).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut log = String::new();
    while !log.contains("server.address") {
        assert_ne!(stderr.read_line(&mut log).expect("UTF-8"), 0, "{log}");
    }
    child.kill().expect("killed");
    child.wait().expect("it ends");
    for words in [
        "features.embedded.seed: the demo's table is left out: the model is another",
        "products.names: the demo's table is left out",
        "\"features.pairs\":0",
    ] {
        assert!(log.contains(words), "no {words} in {log}");
    }
}
