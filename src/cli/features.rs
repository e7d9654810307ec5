//! `imba features`: the feature store from the command line.

use std::fs::File;
use std::io::{Write, stderr};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CommandError, ConfigArgs, block_on, print, progress};
use crate::app::scorer::configured_schema;
use crate::app::store::open_store;
use crate::features::table::{FeatureTable, Report};
use crate::row::{PairKey, check_id, python_float};
use crate::upstream::aws::AwsContext;

/// How many bad lines are listed one by one.
const LISTED: usize = 20;

#[derive(Subcommand)]
pub(super) enum FeaturesCommand {
    /// Load a CSV table into the store.
    ///
    /// The header is user_id,product_id and then the features by name in any order, or user_id,product_id,feature with
    /// the features as one quoted, comma-separated string in model order. Rows go in by batches of 10,000: a batch with a
    /// bad row is left out whole, its bad lines are listed, and the exit code is 1. When the store fails, the error names the
    /// line to go on from with --from-line. Running it again replaces rows and never doubles them.
    Import(ImportArgs),
    /// Print the stored features of one user and product, a name and a value per line.
    Get(GetArgs),
}

#[derive(Args)]
pub(super) struct ImportArgs {
    /// The table.
    file: PathBuf,
    /// Read and check the whole table, and load nothing. The store is not opened.
    #[arg(long, conflicts_with = "from_line")]
    dry_run: bool,
    /// Skip the rows before this line of the file: an import that failed says from which line to go on.
    #[arg(long, value_name = "LINE", default_value_t = 1)]
    from_line: u64,
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
    let report = block_on(async {
        let aws = AwsContext::new(config.aws.clone());
        let schema = configured_schema(&config, &aws).await?;
        let table = FeatureTable::open(file, &schema).map_err(|error| CommandError::of(&name, error))?;
        if args.dry_run {
            return table.check(|bytes| bar.set_position(bytes)).map_err(CommandError::failed);
        }
        let opened = open_store(&config.features, &schema, &aws).await?;
        let loaded = table.load_into(&*opened.writer, args.from_line, |bytes| bar.set_position(bytes)).await;
        loaded.map_err(|error| CommandError::of(&name, error))
    })?;
    bar.finish_and_clear();
    let Report { loaded, left_out, bad } = report?;
    // The outcome is the exit code; these lines are for people.
    let mut say = stderr().lock();
    for bad in bad.iter().take(LISTED) {
        let _ = writeln!(say, "{name}: line {}: {}", bad.line, bad.what);
    }
    if bad.len() > LISTED {
        let _ = writeln!(say, "{name}: and {} more bad lines", bad.len() - LISTED);
    }
    let outcome = if args.dry_run { "are good and would be loaded" } else { "loaded" };
    let _ = writeln!(say, "{name}: {loaded} rows {outcome}");
    if bad.is_empty() {
        return Ok(());
    }
    let not_loaded = if args.dry_run { "would not be loaded" } else { "were not loaded" };
    Err(CommandError::of(
        name,
        format!("{} bad lines; {left_out} good rows of their batches {not_loaded}", bad.len()),
    ))
}

fn get(args: &GetArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let id = |name, id| check_id(id).map_err(|error| CommandError::of(name, error));
    let pair = PairKey::new(id("user", &args.user)?, id("product", &args.product)?);
    let (schema, found) = block_on(async {
        let aws = AwsContext::new(config.aws.clone());
        let schema = configured_schema(&config, &aws).await?;
        let opened = open_store(&config.features, &schema, &aws).await?;
        let found = opened.store.get_many(std::slice::from_ref(&pair)).await.map_err(CommandError::failed)?;
        Ok::<_, CommandError>((schema, found.into_iter().next()))
    })??;
    let row = found.transpose().map_err(|unreadable| CommandError::of(&pair, unreadable))?.flatten();
    let row = row.ok_or_else(|| CommandError::failed(format!("no features are stored for {pair}")))?;
    let mut text = String::new();
    for (name, value) in schema.names().iter().zip(&row) {
        text.push_str(name);
        text.push('\t');
        if !value.is_nan() {
            python_float(f64::from(*value), &mut text);
        }
        text.push('\n');
    }
    print(&text)
}
