//! The command line: its commands, and the exit code of each outcome.

#![allow(clippy::doc_markdown, reason = "the doc comments of arguments are the text of --help")]

mod completions;
mod features;
mod healthcheck;
mod key;
mod man;
mod model;
mod model_file;
mod progress;
mod score;
mod serve;
mod settings;
mod verify;
mod version;

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::app::StartError;
use crate::cause::chain;
use crate::config::{Config, Mistakes, source};

/// Exit code of a command that failed. Usage errors are clap's 2.
const FAILED: u8 = 1;
/// Exit code for a configuration with mistakes (`EX_USAGE` of BSD's sysexits).
const BAD_CONFIG: u8 = 64;

/// How long standard error may take to accept the last line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Will this customer buy this product again? Scores XGBoost models over HTTP.
///
/// Without a command, imba serves. Without a configuration, it serves the built-in demo on http://127.0.0.1:8080/.
#[derive(Parser)]
#[command(name = "imba", version, long_version = version::LONG, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    serve: serve::ServeArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the configuration comes from.
#[derive(Args, Clone)]
struct ConfigArgs {
    /// Configuration file (TOML) over the built-in defaults; may be repeated, later files win.
    ///
    /// Environment variables win over files: IMBA__SECTION__KEY, e.g. IMBA__SERVER__LISTEN=0.0.0.0:8080.
    #[arg(long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service until SIGTERM or SIGINT.
    ///
    /// Loads the model, opens the feature store and scores a first row before it listens; the bound address is logged.
    /// On SIGTERM or SIGINT it stops accepting connections, finishes the requests in progress (for at most server.drain)
    /// and exits 0, also during start-up. A second signal ends it at once, with exit code 1.
    Serve(serve::ServeArgs),
    /// Score a file of rows with a model file, printing one line per row.
    Score(score::ScoreArgs),
    /// Show what a model file contains.
    Model(model::ModelArgs),
    /// Load, read or check the feature store.
    #[command(subcommand)]
    Features(features::FeaturesCommand),
    /// Compare the SageMaker endpoint's scores with the in-process model's, row by row.
    ///
    /// Prints how many rows were compared, how many differ, the largest and the mean difference, and the first rows that
    /// differ; exits 1 if any do. The endpoint is scorer.sagemaker.endpoint_name, whatever scorer.kind says.
    Verify(verify::VerifyArgs),
    /// Create API keys for callers.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Check the configuration, and print each value in force and where it came from.
    Config(settings::SettingsArgs),
    /// Check that the running service is alive: exit 0 if it answers, 1 if not. For a container's HEALTHCHECK.
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print a shell's completion script, e.g. imba completions bash > /etc/bash_completion.d/imba
    Completions(completions::CompletionsArgs),
    /// Write the manual pages, one per command, to a folder.
    #[command(hide = true)]
    Man(man::ManArgs),
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] Mistakes),
    #[error(transparent)]
    Start(#[from] StartError),
    /// Worded for the person at the terminal.
    #[error("{0}")]
    Failed(String),
    /// Whoever read standard output has what it wanted, as `head` does.
    #[error("standard output was closed")]
    ClosedPipe,
}

impl CommandError {
    /// A failure, with all its causes.
    fn failed(what: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(chain(what.into().as_ref()))
    }

    /// A failure of the file or stream `name`, with all its causes.
    fn of(name: impl Display, what: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(format!("{name}: {}", chain(what.into().as_ref())))
    }

    /// A failure of standard output.
    fn output(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::of("standard output", error),
        }
    }
}

/// `1 row`, `2 rows`.
fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Writes `text` to standard output.
fn print(text: &str) -> Result<(), CommandError> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CommandError::output)
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, Mistakes> {
        source::load(&self.files)
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let Cli { serve, command } = Cli::parse();
    let outcome = match command.unwrap_or(Command::Serve(serve)) {
        Command::Serve(args) => serve::serve(&args),
        Command::Score(args) => score::score(&args),
        Command::Model(args) => model::model(&args),
        Command::Features(command) => features::features(&command),
        Command::Verify(args) => verify::verify(&args),
        Command::Key(command) => key::key(&command),
        Command::Config(args) => settings::print(&args),
        Command::Healthcheck(args) => healthcheck::healthcheck(&args),
        Command::Completions(args) => completions::print_completions(&args),
        Command::Man(args) => man::write(&args),
    };
    match outcome {
        Ok(()) | Err(CommandError::ClosedPipe) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("imba: {}\n", chain(&error)));
            ExitCode::from(if matches!(error, CommandError::Config(_)) { BAD_CONFIG } else { FAILED })
        }
    }
}

/// Writes `line` to standard error, waiting no longer than `PATIENCE`: the exit code must not depend on a reader.
fn say(line: String) {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        // If standard error is closed there is nowhere to report it.
        let _ = stderr().write_all(line.as_bytes());
        let _ = said.send(());
    });
    let _ = heard.recv_timeout(PATIENCE);
}

/// A runtime for a command that needs no more than one thread.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(CommandError::failed)?.block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::cause;
    use crate::features::dynamodb::TableError;
    use crate::upstream::UpstreamError;

    #[test]
    fn a_failure_names_all_its_causes_and_each_once() {
        let sentence = "User: imba is not authorized to perform: dynamodb:DescribeTable";
        let refused =
            UpstreamError::Refused { code: "AccessDeniedException".to_owned(), source: cause(sentence) };
        let error = StartError::DynamoDb { table: "imba".to_owned(), source: TableError::Unknown(refused) };
        assert_eq!(
            chain(&CommandError::from(error)),
            format!(
                "features.dynamodb.table: \"imba\": the table cannot be described, which needs the permission \
                 dynamodb:DescribeTable: it refuses the call (AccessDeniedException): {sentence}"
            )
        );
        let disk = io::Error::other(io::Error::from_raw_os_error(28));
        assert_eq!(
            CommandError::of("table.csv", disk).to_string(),
            "table.csv: No space left on device (os error 28)"
        );
    }
}
