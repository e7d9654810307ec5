//! The program under signals and limits, with the streams and files that hang in real life.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::service::{PATIENCE, fixture};

/// `imba serve` over the small model, without the demo's tables, on a free port.
fn serve(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    command
        .current_dir(folder)
        .env_clear()
        .env("IMBA__SERVER__LISTEN", "127.0.0.1:0")
        .env("IMBA__SERVER__STATIC_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("static"))
        .env("IMBA__LOG__FORMAT", "json")
        .env("IMBA__MODEL__PATH", fixture("binary.ubj"))
        .env("IMBA__FEATURES__EMBEDDED__SEED", "")
        .env("IMBA__PRODUCTS__NAMES", "")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// The address that a start tells; what it writes after that is not read.
fn address_of(child: &mut Child) -> SocketAddr {
    let mut log = BufReader::new(child.stderr.as_mut().expect("a pipe"));
    loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).expect("UTF-8"), 0, "it ended");
        let event: Value = serde_json::from_str(&line).expect("a JSON line");
        if let Some(address) = event["server.address"].as_str() {
            return address.parse().expect("an address");
        }
    }
}

fn terminate(child: &Child) {
    let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().expect("kill runs");
    assert!(sent.success());
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

/// The exit code, without reading what the program writes.
fn exit_code(mut child: Child) -> Option<i32> {
    let (ends, ended) = mpsc::channel();
    let id = child.id();
    thread::spawn(move || ends.send(child.wait()));
    let Ok(status) = ended.recv_timeout(PATIENCE) else {
        let _ = Command::new("kill").arg("-KILL").arg(id.to_string()).status();
        panic!("it did not end");
    };
    status.expect("a child").code()
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("it listens")
}

/// Sends `requests` requests for `/livez` down one connection, and counts the answers.
fn answers(stream: &mut TcpStream, requests: usize) -> usize {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let path = "x".repeat(2000);
    let mut answered = 0;
    for _ in 0..requests {
        let request = format!(
            "GET /livez?{path} HTTP/1.1\r\nhost: localhost\r\nx-request-id: {}\r\n\r\n",
            &path[..100]
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut piece = [0; 1024];
            let size = stream.read(&mut piece).expect("an answer");
            assert_ne!(size, 0, "closed");
            answer.extend_from_slice(&piece[..size]);
        }
        answered += usize::from(answer.starts_with(b"HTTP/1.1 200"));
    }
    answered
}

/// A log that nobody reads freezes nothing: requests are answered, and SIGTERM is heard.
#[test]
fn a_full_pipe_for_the_log_freezes_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let mut child = serve(&folder).spawn().expect("it runs");
    let address = address_of(&mut child);
    let mut stream = connect(address);
    // Each line has more than 100 bytes: several times what a pipe holds, which is 64 KiB.
    assert_eq!(answers(&mut stream, 3000), 3000);
    terminate(&child);
    assert_eq!(exit_code(child), Some(0));
}

/// More idle connections than the process may have files do not keep others out, and it goes on listening.
#[test]
fn idle_connections_leave_room_within_the_limit_on_open_files() {
    let folder = tempfile::tempdir().expect("folder");
    let mut child = limited(&serve(&folder), 256).spawn().expect("it runs");
    let address = address_of(&mut child);
    let idle: Vec<TcpStream> = (0..400).map(|_| connect(address)).collect();
    for _ in 0..3 {
        assert_eq!(answers(&mut connect(address), 2), 2);
    }
    // The last ones are still of use, the first ones are closed.
    assert_eq!(answers(&mut idle.last().expect("one").try_clone().expect("a socket"), 1), 1);
    let mut first = idle[0].try_clone().expect("a socket");
    first.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert_eq!(first.read(&mut [0; 1]).expect("closed"), 0);
    terminate(&child);
    assert_eq!(exit_code(child), Some(0));
}

/// `command` in a process that may have so many files open.
fn limited(command: &Command, files: u32) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("ulimit -n {files} && exec \"$0\"")).arg(command.get_program());
    shell.current_dir(command.get_current_dir().expect("a folder")).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::null()).stderr(Stdio::piped());
    shell
}

/// A start that hangs on a file hears SIGTERM, and leaves the file behind.
#[test]
fn a_start_that_hangs_hears_sigterm() {
    for key in ["IMBA__FEATURES__EMBEDDED__SEED", "IMBA__PRODUCTS__NAMES"] {
        let folder = tempfile::tempdir().expect("folder");
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe);
        let mut child = serve(&folder).env(key, &pipe).spawn().expect("it runs");
        let mut log = [0; 1];
        // Its first line: the model is loaded, and the signals are listened for.
        child.stderr.as_mut().expect("a pipe").read_exact(&mut log).expect("a line");
        terminate(&child);
        let mut stderr = child.stderr.take().expect("a pipe");
        assert_eq!(exit_code(child), Some(0), "{key}");
        let mut log = String::new();
        stderr.read_to_string(&mut log).expect("UTF-8");
        assert!(log.contains("stopped before the service was ready"), "{log}");
    }
}

/// A named pipe is no model, nor is a file larger than the limit; the start says so at once.
#[test]
fn a_model_that_would_hang_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let (pipe, sparse) = (folder.path().join("pipe"), folder.path().join("sparse"));
    mkfifo(&pipe);
    std::fs::File::create(&sparse).expect("created").set_len(3 << 30).expect("sparse");
    for (path, words) in [
        (&pipe, "expected a regular file"),
        (&sparse, "3221225472 bytes are more than the 1073741824 of model.size_limit"),
    ] {
        let mut command = serve(&folder);
        let output = command.env("IMBA__MODEL__PATH", path).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
}

/// A reader that leaves is no failure, and prints nothing; a full disk is one, and is named.
#[test]
fn a_closed_pipe_is_no_failure_and_a_full_disk_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let model = fixture("binary.ubj");
    let (model, rows) = (model.to_string_lossy(), fixture("rows.csv"));
    let rows = rows.to_string_lossy();
    for arguments in
        [vec!["config"], vec!["model", &model], vec!["score", "--model", &model, "--input", &rows]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = serve(&folder);
        let output = command.args(&arguments).stdout(writer).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{arguments:?}");

        let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
        let mut command = serve(&folder);
        let output = command.args(&arguments).stdout(full).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr.contains("standard output: No space left on device"), "{arguments:?}: {stderr}");
    }
}
