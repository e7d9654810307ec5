use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use imba::features::VersionedTable;
use imba::features::embedded::Base;
use imba::row::PairKey;
use tempfile::TempDir;

use super::store::flip;
use crate::service::{RECORDED, columns, fixture, open_table, store_table};

/// The program in a folder of its own, configured for the small model.
fn imba(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null()).stderr(Stdio::piped());
    command.env("IMBA__SERVER__LISTEN", "127.0.0.1:0").env("IMBA__MODEL__PATH", fixture("binary.ubj"));
    command.env("IMBA__SERVER__STATIC_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("static"));
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.stdout(Stdio::piped()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("a code"), text(stdout), text(stderr))
}

/// Reads the log until a line holds `words`; gives that line.
fn wait_for(child: &mut Child, words: &str) -> String {
    let mut stderr = BufReader::new(child.stderr.as_mut().expect("a pipe"));
    let mut log = String::new();
    loop {
        let before = log.len();
        assert_ne!(stderr.read_line(&mut log).expect("UTF-8"), 0, "no {words} in {log}");
        if log[before..].contains(words) {
            return log[before..].to_owned();
        }
    }
}

fn kill(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("it ends");
}

fn table_of(rows: std::ops::Range<usize>) -> String {
    let rows: Vec<_> = rows.map(|at| format!("{},{at},\"{RECORDED}\"\n", at % 7)).collect();
    rows.concat()
}

const HEADER: &str = "user_id,product_id,feature\n";

/// A seed that is killed half-way is no table: the next start begins again and holds all of it.
#[test]
fn a_seed_cut_short_is_never_served() {
    let folder = tempfile::tempdir().expect("folder");
    let seed = folder.path().join("seed.csv");
    assert!(Command::new("mkfifo").arg(&seed).status().expect("mkfifo runs").success());
    let serve = || {
        let mut command = imba(&folder, &["serve"]);
        command.env("IMBA__FEATURES__EMBEDDED__SEED", "seed.csv").spawn().expect("it runs")
    };
    let child = serve();
    let mut pipe = OpenOptions::new().write(true).open(&seed).expect("a reader");
    pipe.write_all(HEADER.as_bytes()).expect("written");
    // Two batches and more: some of it is in the file by now.
    pipe.write_all(table_of(0..25_000).as_bytes()).expect("written");
    kill(child);
    drop(pipe);
    assert!(!folder.path().join("data/features.redb").exists(), "there is no store yet");
    let (code, _, stderr) = run(&mut imba(&folder, &["features", "status"]));
    assert!(code == 1 && stderr.contains("there is no feature store yet"), "{stderr}");

    fs::remove_file(&seed).expect("removed");
    fs::write(&seed, HEADER.to_owned() + &table_of(0..30_000)).expect("written");
    let mut child = serve();
    let line = wait_for(&mut child, "feature store open");
    assert!(line.contains("\"features.pairs\":30000"), "{line}");
    kill(child);
}

/// One bad row in a seed that was asked for: no start, and no store that the next start takes for whole.
#[test]
fn a_seed_with_a_bad_row_is_not_begun() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("seed.csv"), HEADER.to_owned() + &table_of(0..15_000) + "1,2,3\n")
        .expect("written");
    for _ in 0..2 {
        let mut serve = imba(&folder, &["serve"]);
        let (code, _, stderr) = run(serve.env("IMBA__FEATURES__EMBEDDED__SEED", "seed.csv"));
        assert!(code == 1 && stderr.contains("1 bad rows, the first in line 15002"), "{stderr}");
        assert!(!folder.path().join("data/features.redb").exists());
    }
}

/// An import killed at any moment leaves the old table, and the next import is not in its way.
#[test]
fn an_import_cut_short_changes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let write = |name: &str, rows| {
        fs::write(folder.path().join(name), HEADER.to_owned() + &table_of(rows)).expect("written");
    };
    write("old.csv", 0..20);
    write("new.csv", 0..30_000);
    assert_eq!(run(&mut imba(&folder, &["features", "import", "old.csv"])).0, 0);
    let rows = || {
        let (code, stdout, stderr) = run(&mut imba(&folder, &["features", "status"]));
        assert_eq!((code, stderr.as_str()), (0, ""));
        let line = stdout.lines().find(|line| line.starts_with("rows")).expect("a number of rows");
        line.trim_start_matches("rows").trim().parse::<u64>().expect("a number")
    };
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..8 {
        let child = imba(&folder, &["features", "import", "new.csv", "--replace"]).spawn().expect("it runs");
        // Real: any moment of another process will do.
        std::thread::sleep(Duration::from_millis(random.u64(..1500)));
        kill(child);
        let rows = rows();
        assert!([20, 30_000].contains(&rows), "{rows} rows");
    }
    assert_eq!(run(&mut imba(&folder, &["features", "import", "old.csv", "--replace"])).0, 0);
    assert_eq!(rows(), 20);
}

#[test]
fn an_empty_file_is_not_a_new_store() {
    let folder = tempfile::tempdir().expect("folder");
    let store = folder.path().join("features.redb");
    File::create(&store).expect("made");
    fs::write(folder.path().join("table.csv"), HEADER.to_owned() + &table_of(0..1)).expect("written");
    for command in [
        &["serve"][..],
        &["features", "import", "table.csv"],
        &["features", "get", "1", "2"],
        &["features", "status"],
    ] {
        let (code, _, stderr) = run(imba(&folder, command).env("IMBA__FEATURES__EMBEDDED__PATH", &store));
        assert!(
            code == 1 && stderr.contains("features.redb: this is not a feature store: it is empty"),
            "{stderr}"
        );
    }
    assert_eq!(store.metadata().expect("a file").len(), 0);
}

/// What the file system says is said: here that the file may not grow, as a full disk would.
#[test]
fn a_full_disk_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    // A user each: what one user's rows share takes no room.
    let rows: Vec<String> = (0..40_000).map(|at| format!("{at},{at},\"{RECORDED}\"\n")).collect();
    fs::write(folder.path().join("table.csv"), HEADER.to_owned() + &rows.concat()).expect("written");
    let limited = |blocks: u32, arguments: &[&str]| {
        let plain = imba(&folder, &[]);
        let mut shell = Command::new("sh");
        shell.current_dir(&folder).env_clear().stdin(Stdio::null()).stderr(Stdio::piped());
        shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("IMBA__FEATURES__EMBEDDED__SEED", "table.csv");
        let program = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec {} {}",
            env!("CARGO_BIN_EXE_imba"),
            arguments.join(" ")
        );
        run(shell.args(["-c", &program]))
    };
    let import = &["features", "import", "table.csv"][..];
    // At the beginning of the file, and somewhere in it.
    for (blocks, arguments) in [(512, import), (2100, import), (512, &["serve"]), (2100, &["serve"])] {
        let (code, _, stderr) = limited(blocks, arguments);
        assert!(code == 1 && stderr.contains("File too large (os error 27)"), "{arguments:?}: {stderr}");
        let left: Vec<_> = fs::read_dir(folder.path().join("data")).expect("a folder").flatten().collect();
        assert!(
            left.iter().all(|file| file.file_name() == "features.redb.lock"),
            "nothing is left behind: {left:?}"
        );
    }
}

#[test]
fn status_tells_of_damage() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("table.csv"), HEADER.to_owned() + &table_of(0..500)).expect("written");
    assert_eq!(run(&mut imba(&folder, &["features", "import", "table.csv"])).0, 0);
    let (code, stdout, _) = run(&mut imba(&folder, &["features", "status"]));
    assert_eq!(code, 0);
    for words in ["rows      500", "source    table.csv", "state     good"] {
        assert!(stdout.contains(words), "no {words} in {stdout}");
    }
    let store = folder.path().join("data/features.redb");
    let bytes = fs::read(&store).expect("a file");
    let value = RECORDED.split(',').nth(2).expect("a value").parse::<f32>().expect("a number").to_le_bytes();
    let at = bytes.windows(4).position(|window| window == value).expect("the value");
    flip(&store, at as u64, 1);
    for command in [
        &["features", "status"][..],
        &["features", "export"],
        &["serve"],
        &["features", "import", "table.csv"],
    ] {
        let (code, _, stderr) = run(&mut imba(&folder, command));
        assert!(code == 1 && stderr.contains("the feature store is damaged"), "{command:?}: {stderr}");
    }
    assert_eq!(run(&mut imba(&folder, &["features", "import", "table.csv", "--replace"])).0, 0);
    assert_eq!(run(&mut imba(&folder, &["features", "status"])).0, 0);
}

/// What `export` prints can be imported, and is the same table.
#[tokio::test]
async fn an_export_is_a_table() {
    let folder = tempfile::tempdir().expect("folder");
    let mut random = fastrand::Rng::with_seed(1);
    let path = folder.path().join("data/features.redb");
    for turn in 0..5 {
        let mut id = || {
            let letters = ['a', ',', '"', 'é', ' ', '\'', '0', '-', '字', '\\', '#'];
            let text: String =
                (0..random.usize(1..8)).map(|_| letters[random.usize(..letters.len())]).collect();
            format!("x{}", text.trim_end())
        };
        let mut keys: Vec<_> = (0..300).map(|_| PairKey::new(&id(), &id())).collect();
        keys.sort();
        keys.dedup();
        let value = |at: usize, random: &mut fastrand::Rng| loop {
            let value = f32::from_bits(random.u32(..));
            match at {
                0 => return 1.0,
                _ if value.is_finite() => return value,
                _ if value.is_nan() => return f32::NAN,
                _ => {}
            }
        };
        let rows =
            keys.into_iter().map(|key| (key, (0..18).map(|at| value(at, &mut random)).collect())).collect();
        let before = store_table(&path, &columns(), Base::Empty, rows).await.expect("a table");
        let (code, csv, stderr) = run(&mut imba(&folder, &["features", "export"]));
        assert_eq!((code, stderr.as_str()), (0, ""));
        fs::write(folder.path().join("export.csv"), csv).expect("written");
        let (code, _, stderr) = run(&mut imba(&folder, &["features", "import", "export.csv", "--replace"]));
        assert_eq!(code, 0, "{stderr}");
        let after = open_table(&path, &columns());
        let after = after.table();
        assert_eq!((&after.version, after.rows), (&before.version, before.rows), "turn {turn}");
    }
}

/// A table may be compressed, in one piece or several; one that is cut off changes nothing.
#[test]
fn a_compressed_table() {
    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("1.csv"), HEADER.to_owned() + &table_of(0..300)).expect("written");
    fs::write(at("2.csv"), table_of(300..500)).expect("written");
    let gzip = "gzip -k 1.csv 2.csv && cat 1.csv.gz 2.csv.gz > table.csv && head -c 1000 table.csv > cut.csv";
    assert!(Command::new("sh").current_dir(&folder).args(["-c", gzip]).status().expect("it runs").success());
    let (code, _, stderr) = run(&mut imba(&folder, &["features", "import", "table.csv"]));
    assert_eq!((code, stderr.as_str()), (0, "table.csv: 500 rows loaded\n"));
    let (code, _, stderr) = run(&mut imba(&folder, &["features", "import", "cut.csv", "--replace"]));
    assert!(code == 1 && stderr.contains("the table cannot be read"), "{stderr}");
    let (_, stdout, _) = run(&mut imba(&folder, &["features", "status"]));
    assert!(stdout.contains("rows      500"), "{stdout}");
}
