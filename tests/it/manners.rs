use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::{folder, imba, run, run_with_input};
use crate::service::{fixture, fixture_lines};

/// The first lines of the demo's table.
fn pairs(count: usize) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/features.csv");
    let text = std::fs::read_to_string(path).expect("the demo's table");
    text.lines().take(count + 1).map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn columns_that_are_no_features_are_carried_through() {
    let folder = folder();
    let table = pairs(50);
    let score = |ids: &[&str]| {
        let mut command = imba(&folder);
        run_with_input(command.args(["score", "--model", "demo"]).args(ids), &table)
    };
    let (code, stdout, stderr) = score(&["--id", "user_id,product_id"]);
    assert_eq!((code, stderr.as_str(), stdout.lines().count()), (0, "", 50));
    for (line, row) in stdout.lines().zip(table.lines().skip(1)) {
        let ids: Vec<&str> = row.split(',').take(2).collect();
        assert!(line.starts_with(&format!("{},0.", ids.join(","))), "{line} of {row}");
    }
    let (code, stdout, _) = score(&["--id", "product_id"]);
    assert!(code == 1 && stdout.is_empty(), "user_id is no feature of the model");
    let (code, _, stderr) = score(&["--id", "user_id,product_id,shop"]);
    assert!(code == 1 && stderr.contains("shop"), "{stderr}");
}

/// On a terminal, a command that reads a file shows how far it is: never among its answers.
#[test]
fn progress_is_no_part_of_the_scores() {
    let folder = folder();
    let rows = (fixture_lines("rows.csv").join("\n") + "\n").repeat(20);
    std::fs::write(folder.path().join("rows.csv"), &rows).expect("written");
    let score = "score --model $MODEL --input rows.csv";
    let (code, _, _) = run(on_a_terminal(&format!("{score} > watched.txt"), &[]).current_dir(&folder));
    assert_eq!(code, 0);
    let (code, stdout, stderr) =
        run(imba(&folder).args(["score", "--input", "rows.csv", "--model"]).arg(fixture("binary.ubj")));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(folder.path().join("watched.txt")).expect("scores"), stdout);
}

/// The program with a terminal at its ends.
fn on_a_terminal(arguments: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new("script");
    command.args(["-qefc", &format!("{} {arguments}", env!("CARGO_BIN_EXE_imba")), "/dev/null"]);
    command.env_clear().env("TERM", "xterm").env("MODEL", fixture("binary.ubj")).stdin(Stdio::null());
    command.envs(variables.iter().copied());
    command
}

#[test]
fn no_color_means_none() {
    const ESCAPE: char = '\u{1b}';
    let folder = folder();
    // Help, usage errors and the log of a service that then fails.
    let log = "serve";
    let settings = [("IMBA__MODEL__PATH", "demo"), ("IMBA__FEATURES__EMBEDDED__PATH", "/proc/none/store")];
    for arguments in ["--help", "dance", log] {
        let said = |variables: &[(&str, &str)]| {
            let variables = [&settings[..], variables].concat();
            run(on_a_terminal(arguments, &variables).current_dir(&folder)).1
        };
        let (coloured, plain) = (said(&[]), said(&[("NO_COLOR", "1")]));
        assert!(coloured.contains(ESCAPE), "{arguments}: {coloured:?}");
        assert!(!plain.contains(ESCAPE), "{arguments}: {plain:?}");
        assert!(said(&[("NO_COLOR", "")]).contains(ESCAPE), "{arguments}: an empty variable says nothing");
    }
}

/// Whoever reads the output may have had enough, as `head` has.
#[test]
fn a_closed_pipe_is_no_error() {
    let folder = folder();
    std::fs::write(folder.path().join("table.csv"), pairs(2000)).expect("written");
    let home = |command: &mut Command| {
        command.env("IMBA__MODEL__PATH", "demo");
    };
    let mut import = imba(&folder);
    home(import.args(["features", "import", "table.csv"]));
    assert_eq!(run(&mut import).0, 0);
    for arguments in [
        "--help",
        "--version",
        "config",
        "model demo",
        "completions bash",
        "features status",
        "features get 1 2",
        "features export",
        "score --model demo --id user_id,product_id --input table.csv",
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = imba(&folder);
        home(command.args(arguments.split(' ')));
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(std::process::Child::wait_with_output);
        let output = output.expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.as_ref()), (Some(0), ""), "{arguments}");
    }
}

#[test]
fn failures_name_what_to_do() {
    let folder = folder();
    let fails = |arguments: &[&str], variables: &[(&str, &str)], words: &str| {
        let (code, stdout, stderr) = run(imba(&folder).args(arguments).envs(variables.iter().copied()));
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.contains(words), "no {words} in {stderr}");
    };
    fails(&["features", "get", "1", "2"], &[], "load one with `imba features import`");
    fails(
        &["features", "status"],
        &[("IMBA__FEATURES__KIND", "none")],
        "set features.kind to \"embedded\" or \"dynamodb\"",
    );
    fails(
        &["serve"],
        &[("IMBA__MODEL__PATH", "nowhere")],
        "set model.path to a model that xgboost saved, or to \"demo\"",
    );
    fails(
        &["serve"],
        &[("IMBA__FEATURES__EMBEDDED__PATH", "/proc/none/store")],
        "set features.embedded.path to a place that can be written, or to \":memory:\"",
    );
    fails(
        &["healthcheck"],
        &[("IMBA__SERVER__LISTEN", "127.0.0.1:1")],
        "is imba running, and is server.listen the same?",
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    fails(&["--listen", &address], &[], "choose another address with --listen");
}

#[test]
fn what_differs_from_the_defaults() {
    let folder = folder();
    std::fs::write(folder.path().join("mine.toml"), "server.deadline = '3s'\nserver.drain = '25s'\n")
        .expect("written");
    let (code, stdout, _) = run(imba(&folder)
        .args(["config", "--changed", "--config", "mine.toml"])
        .env("IMBA__SERVER__ROWS_LIMIT", "100000")
        .env("HOME", folder.path()));
    let keys: Vec<&str> =
        stdout.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
    // Those of this test, those of its harness; neither the store's place nor what is said again.
    assert_eq!(
        (code, keys),
        (0, vec!["model.path", "server.deadline", "server.listen", "server.static_dir"])
    );
    assert!(stdout.contains("server.deadline = \"3s\" # mine.toml, line 1"), "{stdout}");
    std::fs::write(folder.path().join("printed.toml"), &stdout).expect("written");
    assert_eq!(run(imba(&folder).args(["config", "--config", "printed.toml"])).0, 0);
}
