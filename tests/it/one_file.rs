use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::cli::{folder, run};

/// The program in a folder of its own, with nothing said and nothing beside it.
fn imba(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// A running service: its address, and what it logged until it listened.
struct Serving {
    child: Child,
    address: String,
    log: String,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it runs");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut log = String::new();
        let address = loop {
            let from = log.len();
            assert_ne!(stderr.read_line(&mut log).expect("UTF-8"), 0, "{log}");
            let event: serde_json::Value = serde_json::from_str(&log[from..]).expect("a JSON line");
            if let Some(address) = event["server.address"].as_str() {
                break address.to_owned();
            }
        };
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(drop));
        Self { child, address, log }
    }

    /// The page, and the score of a pair of the demo's.
    async fn answers(&self) {
        let url = |path: &str| format!("http://{}{path}", self.address);
        let page = reqwest::get(url("/")).await.expect("an answer").text().await.expect("a text");
        assert!(page.contains("<html"), "{page}");
        let request = reqwest::Client::new().post(url("/predict/pair")).body("1,2");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let score: f64 = answer.text().await.expect("a text").parse().expect("a number");
        assert!((0.0..1.0).contains(&score), "{score}");
        let request = reqwest::Client::new().get(url("/recommend/1?limit=1"));
        let names = request.header("accept", "application/json").send().await.expect("an answer");
        let names = names.text().await.expect("a text");
        assert!(names.contains("product_name"), "{names}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn serves_the_demo_from_an_empty_folder_and_keeps_its_store_in_the_home() {
    let (folder, home) = (folder(), folder());
    let mut command = imba(&folder);
    command.args(["--listen", "127.0.0.1:0"]).env("HOME", home.path());
    let serving = Serving::start(command);
    serving.answers().await;
    let store = home.path().join(".local/share/imba/features.redb");
    assert!(store.is_file());
    assert!(serving.log.contains(&format!("feature store open at {}", store.display())), "{}", serving.log);
    assert_eq!(entries(folder.path()), Vec::<String>::new());
    // The other commands find it.
    let (code, stdout, stderr) = run(imba(&folder).args(["features", "status"]).env("HOME", home.path()));
    assert!(code == 0 && stdout.contains(&store.display().to_string()), "{stdout}{stderr}");
    let (code, stdout, _) = run(imba(&folder).arg("config").env("XDG_DATA_HOME", "/elsewhere"));
    let line =
        "features.embedded.path = \"/elsewhere/imba/features.redb\" # built in, in the folder for data";
    assert!(code == 0 && stdout.lines().any(|found| found == line), "{stdout}");
}

#[tokio::test]
async fn keeps_its_store_beside_the_sources_in_a_checkout() {
    let (folder, home) = (folder(), folder());
    std::fs::create_dir(folder.path().join("config")).expect("made");
    std::fs::write(folder.path().join("config/default.toml"), "").expect("written");
    let mut command = imba(&folder);
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("HOME", home.path());
    Serving::start(command).answers().await;
    assert!(folder.path().join("data/features.redb").is_file());
    assert_eq!(entries(home.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_in_memory_leaves_no_file_and_ends_with_its_service() {
    let folder = folder();
    let in_memory = || {
        let mut command = imba(&folder);
        command.env("IMBA__FEATURES__EMBEDDED__PATH", ":memory:").env("HOME", folder.path());
        command
    };
    let mut command = in_memory();
    command.args(["--listen", "127.0.0.1:0"]);
    let serving = Serving::start(command);
    serving.answers().await;
    assert!(serving.log.contains("feature store open at :memory:"), "{}", serving.log);
    let card = reqwest::get(format!("http://{}/model", serving.address)).await.expect("an answer");
    let card: serde_json::Value = serde_json::from_str(&card.text().await.expect("a text")).expect("JSON");
    assert_eq!(card["table"]["source"], "the demo", "{card}");
    assert_eq!(entries(folder.path()), Vec::<String>::new());
    for arguments in [&["features", "status"][..], &["features", "get", "1", "2"], &["features", "export"]] {
        let (code, _, stderr) = run(in_memory().args(arguments));
        assert!(code == 1 && stderr.contains("features.embedded.path: is \":memory:\""), "{stderr}");
    }
    std::fs::write(folder.path().join("table.csv"), "user_id,product_id,feature\n").expect("written");
    let (code, _, stderr) = run(in_memory().args(["features", "import", "table.csv"]));
    assert!(code == 1 && stderr.contains("no other process can read it"), "{stderr}");
    // A bad seed is refused as it is beside a file.
    std::fs::write(folder.path().join("seed.csv"), "user_id,product_id,feature\n1,2,3\n").expect("written");
    let (code, _, stderr) = run(in_memory().env("IMBA__FEATURES__EMBEDDED__SEED", "seed.csv"));
    assert!(code == 1 && stderr.contains("features.embedded.seed: seed.csv: 1 bad rows"), "{stderr}");
}

#[test]
fn the_demos_model_is_a_model_like_any_other() {
    let folder = folder();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = root.join("tests/fixtures/rows.csv");
    let score =
        |model: &Path| run(imba(&folder).arg("score").arg("--model").arg(model).arg("--input").arg(&rows));
    let built_in = score(Path::new("demo"));
    assert_eq!(built_in.0, 0, "{}", built_in.2);
    assert_eq!(built_in, score(&root.join("demo/model.ubj")));
    let (code, stdout, _) = run(imba(&folder).args(["model", "demo"]));
    assert!(code == 0 && stdout.contains("binary:logistic"), "{stdout}");
}

#[test]
fn listen_says_where_over_everything_else() {
    let folder = folder();
    let (code, _, stderr) = run(imba(&folder).args(["--listen", "8080"]));
    let said =
        "server.listen: expected an address and port like \"127.0.0.1:8080\", found \"8080\" (--listen)";
    assert!(code == 64 && stderr.contains(said), "{stderr}");
    let mut command = imba(&folder);
    command.args(["--listen", "127.0.0.1:0"]).env("IMBA__SERVER__LISTEN", "127.0.0.1:1");
    assert!(!Serving::start(command).address.ends_with(":1"));
}

#[test]
fn says_what_it_is() {
    let folder = folder();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(imba(&folder).arg("-V")), (0, format!("imba {version}\n"), String::new()));
    let (code, stdout, _) = run(imba(&folder).arg("--version"));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!((code, lines[0]), (0, format!("imba {version}").as_str()));
    let words: Vec<_> =
        lines[1..].iter().map(|line| line.split_once(' ').expect("a word and a value")).collect();
    assert_eq!(words.iter().map(|(word, _)| *word).collect::<Vec<_>>(), ["commit", "features", "target"]);
    assert!(words.iter().all(|(_, value)| !value.trim().is_empty()), "{stdout}");
    assert!(words[2].1.contains(std::env::consts::ARCH), "{stdout}");
}

#[test]
fn completions_and_manual_pages() {
    let folder = folder();
    for shell in ["bash", "fish", "zsh"] {
        let (code, stdout, _) = run(imba(&folder).args(["completions", shell]));
        assert!(
            code == 0 && stdout.contains("healthcheck") && stdout.contains("listen"),
            "{shell}: {stdout}"
        );
    }
    let (code, _, stderr) = run(imba(&folder).args(["man", "man1"]));
    assert_eq!(code, 0, "{stderr}");
    let pages = entries(&folder.path().join("man1"));
    for page in ["imba.1", "imba-serve.1", "imba-features-import.1"] {
        assert!(pages.iter().any(|found| found == page), "no {page} in {pages:?}");
    }
    let page = std::fs::read_to_string(folder.path().join("man1/imba-serve.1")).expect("a page");
    assert!(page.contains("SIGTERM"), "{page}");
}
