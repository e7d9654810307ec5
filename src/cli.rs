//! The command line: what can be asked for, and the exit code of what came of it.

#![allow(clippy::doc_markdown, reason = "the doc comments of arguments are the text of --help")]

mod features;
mod healthcheck;
mod model;
mod progress;
mod score;
mod serve;
mod settings;
mod verify;

use std::error::Error;
use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::StartError;
use crate::cause::chain;
use crate::config::{Config, Mistakes, source};

/// Exit code of a command that failed. Usage errors are clap's 2.
const FAILED: u8 = 1;
/// Exit code for a configuration with mistakes (`EX_USAGE` of BSD's sysexits).
const BAD_CONFIG: u8 = 64;

/// Will this customer buy this product again? Scores XGBoost models over HTTP.
///
/// Without a command, imba serves: with no configuration either, the embedded demo on http://127.0.0.1:8080/.
#[derive(Parser)]
#[command(name = "imba", version, arg_required_else_help = false, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the configuration comes from.
#[derive(Args, Clone)]
struct ConfigArgs {
    /// Configuration file (TOML) over the built-in defaults; may be given several times, later files win.
    ///
    /// The environment wins over files: IMBA__SECTION__KEY, e.g. IMBA__SERVER__LISTEN=0.0.0.0:8080.
    #[arg(long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service until SIGTERM or SIGINT.
    ///
    /// Loads the model, opens the feature store, scores a first row, and only then listens; the bound address is logged.
    /// On SIGTERM or SIGINT it accepts no more connections, finishes what runs (bounded by server.drain) and exits 0.
    Serve(ConfigArgs),
    /// Score a file of rows with a model file: one line per row on standard output.
    Score(score::ScoreArgs),
    /// Show what is in a model file.
    Model(model::ModelArgs),
    /// Load or read the feature store.
    #[command(subcommand)]
    Features(features::FeaturesCommand),
    /// Compare the scores of the SageMaker endpoint with those of the model in process, row by row.
    ///
    /// Prints how many rows were compared and how many differ, the largest and the mean difference, and the first rows that
    /// differ; exits 1 if any does. The endpoint is scorer.sagemaker.endpoint_name, whatever scorer.kind says.
    Verify(verify::VerifyArgs),
    /// Check the configuration, and print what is in force and where each value came from.
    Config(ConfigArgs),
    /// Ask the running service whether it is alive: exit 0 if it answers, 1 if not. For a container's HEALTHCHECK.
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] Mistakes),
    #[error(transparent)]
    Start(#[from] StartError),
    /// In words for the person at the terminal.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// With all that is behind it.
    fn failed(what: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(chain(&*what.into()))
    }

    /// A failure of the file or stream `name`.
    fn of(name: impl std::fmt::Display, what: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(format!("{name}: {}", chain(&*what.into())))
    }
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, Mistakes> {
        source::load(&self.files)
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let outcome = match command.unwrap_or(Command::Serve(config)) {
        Command::Serve(config) => serve::serve(&config),
        Command::Score(args) => score::score(&args),
        Command::Model(args) => model::model(&args),
        Command::Features(command) => features::features(&command),
        Command::Verify(args) => verify::verify(&args),
        Command::Config(config) => settings::print(&config),
        Command::Healthcheck(args) => healthcheck::healthcheck(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(stderr(), "imba: {}", chain(&error));
            ExitCode::from(if matches!(error, CommandError::Config(_)) { BAD_CONFIG } else { FAILED })
        }
    }
}

/// A runtime for a command that needs no more than one thread.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(CommandError::failed)?.block_on(work))
}
