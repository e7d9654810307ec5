//! `imba features`: the feature store from the command line.

use std::fs::File;
use std::io::{Write, stderr, stdout};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CommandError, ConfigArgs, block_on, progress};
use crate::app::open_store;
use crate::features::table::{Report, Table};
use crate::features::{PairKey, check_id};
use crate::http::python_float;
use crate::schema::Schema;

/// How many bad lines are listed one by one.
const LISTED: usize = 20;

#[derive(Subcommand)]
pub(super) enum FeaturesCommand {
    /// Load a CSV table into the store.
    ///
    /// The header is user_id,product_id and then the features by name in any order, or user_id,product_id,feature with
    /// the features as one quoted, comma-separated string in model order. Rows go in by batches of 10,000: a batch with a
    /// bad row is left out whole, its bad lines are listed, and the exit code is 1. Running it again replaces rows and
    /// never doubles them.
    Import(ImportArgs),
    /// Print the stored features of one user and product, a name and a value per line.
    Get(GetArgs),
}

#[derive(Args)]
pub(super) struct ImportArgs {
    /// The table.
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Args)]
pub(super) struct GetArgs {
    /// The user's identifier.
    user: String,
    /// The product's identifier.
    product: String,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn features(command: &FeaturesCommand) -> Result<(), CommandError> {
    match command {
        FeaturesCommand::Import(args) => import(args),
        FeaturesCommand::Get(args) => get(args),
    }
}

fn import(args: &ImportArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let name = args.file.display();
    let file = File::open(&args.file).map_err(|error| CommandError::of(&name, error))?;
    let bar = progress::bytes_of(Some(&file));
    let schema = Schema::new(config.features.columns.clone());
    let table = Table::open(file, &schema).map_err(|error| CommandError::of(&name, error))?;
    let store = open_store(&config.features)?;
    let report = block_on(table.load_into(&*store, |bytes| bar.set_position(bytes)))?;
    bar.finish_and_clear();
    let Report { loaded, left_out, bad } = report.map_err(|error| CommandError::of(&name, error))?;
    // The outcome is the exit code; these lines are for people.
    let mut say = stderr().lock();
    for bad in bad.iter().take(LISTED) {
        let _ = writeln!(say, "{name}: line {}: {}", bad.line, bad.what);
    }
    if bad.len() > LISTED {
        let _ = writeln!(say, "{name}: and {} more bad lines", bad.len() - LISTED);
    }
    let _ = writeln!(say, "{name}: {loaded} rows loaded");
    if bad.is_empty() {
        return Ok(());
    }
    Err(CommandError::of(
        name,
        format!("{} bad lines; {left_out} good rows of their batches were not loaded", bad.len()),
    ))
}

fn get(args: &GetArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let id = |name, id| check_id(id).map_err(|error| CommandError::of(name, error));
    let pair = PairKey::new(id("user", &args.user)?, id("product", &args.product)?);
    let store = open_store(&config.features)?;
    let row = block_on(store.get(&pair))?.map_err(CommandError::failed)?;
    let row = row.ok_or_else(|| CommandError::failed(format!("no features are stored for {pair}")))?;
    let mut text = String::new();
    for (name, value) in config.features.columns.iter().zip(&row) {
        text.push_str(name);
        text.push('\t');
        if !value.is_nan() {
            python_float(f64::from(*value), &mut text);
        }
        text.push('\n');
    }
    stdout().write_all(text.as_bytes()).map_err(CommandError::failed)
}
