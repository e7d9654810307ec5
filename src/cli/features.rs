//! `imba features`: the feature store from the command line.

mod export;
mod status;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write, stderr};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

use super::{CommandError, ConfigArgs, block_on, counted, print, progress};
use crate::app::scorer::configured_schema;
use crate::app::store::{Loading, PairSet, open_remote, open_store, open_writer};
use crate::config::{self, Store};
use crate::features::table::{BadRow, FeatureTable, Report};
use crate::row::{PairKey, Schema, check_id, python_float};
use crate::upstream::aws::AwsContext;

/// Most bad lines that are listed one by one.
const LISTED: usize = 20;

#[derive(Subcommand)]
pub(super) enum FeaturesCommand {
    /// Load a table into the store: CSV, plain or gzipped, or Parquet.
    ///
    /// The header is user_id,product_id and then the feature names in any order, or user_id,product_id,feature with all
    /// features as one quoted, comma-separated string in model order. Rows are loaded in batches of 10,000: a batch with a
    /// bad row is left out entirely, its bad lines are listed, and the exit code is 1. Importing again replaces rows and
    /// never duplicates them. The embedded store switches to the new rows at the end, all at once; a running service picks
    /// them up by itself. If an import to DynamoDB fails, the error says which line to resume from with --from-line.
    Import(ImportArgs),
    /// Print the stored features of a user and product, one name and value per line.
    Get(GetArgs),
    /// Show which table the store holds. The embedded store is read completely and its checksums are verified: exit 0 if all
    /// of it is good.
    Status(ConfigArgs),
    /// Print the store as a CSV table that `imba features import` reads: the embedded store in order of user and product, a
    /// DynamoDB table in no order. Unreadable rows are left out, the first of them are listed, and the exit code is 1.
    Export(ConfigArgs),
}

#[derive(Args)]
pub(super) struct ImportArgs {
    /// The file of the table.
    file: PathBuf,
    /// Replace the whole table: pairs that are not in the file are removed. If any row is bad, the old table stays as it is.
    ///
    /// The embedded store switches at once. In DynamoDB the new rows are written one by one, each tagged with the table's
    /// version, and then items without that version are deleted. If that is interrupted, run the same command again. Nothing
    /// else may write to the table meanwhile.
    #[arg(long)]
    replace: bool,
    /// Read and check the whole file without loading it. With --replace, a DynamoDB table is read as well, to count the items
    /// that would be deleted.
    #[arg(long, conflicts_with = "from_line")]
    dry_run: bool,
    /// Skip the rows before this line of the file (row, for Parquet). A failed import says which line to resume from.
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
        FeaturesCommand::Status(args) => status::status(args),
        FeaturesCommand::Export(args) => export::export(args),
    }
}

fn import(args: &ImportArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let is_remote = matches!(config.features.store, Store::DynamoDb(_));
    if args.replace && args.from_line > 1 && !is_remote {
        let what =
            "--from-line with --replace resumes an import to DynamoDB; the embedded store always starts over";
        return Err(CommandError::failed(what));
    }
    let name = args.file.display();
    let open = || File::open(&args.file).map_err(|error| CommandError::of(&name, error));
    let file = open()?;
    let bar = progress::bytes_of(Some(&file));
    let done = block_on(async {
        let aws = AwsContext::new(config.aws.clone());
        let schema = configured_schema(&config, &aws).await?;
        let table =
            |file| FeatureTable::open_file(file, &schema).map_err(|error| CommandError::of(&name, error));
        let (opened, progress) = (table(file)?, |bytes| bar.set_position(bytes));
        let unit = opened.unit();
        if args.dry_run {
            return dry_run(args, &config.features, &schema, &aws, opened, &bar).await;
        }
        let source = args.file.display().to_string();
        let mut loading = if args.replace { Loading::InPlace(String::new()) } else { Loading::Beside };
        let mut opened = opened;
        if args.replace && is_remote {
            // What is written to DynamoDB is visible at once, so the whole table is checked first.
            let report = opened.check(|_| {}, progress).map_err(|error| CommandError::of(&name, error))?;
            refuse(&name, unit, &report)?;
            loading =
                Loading::InPlace(version_of(&args.file).map_err(|error| CommandError::of(&name, error))?);
            opened = table(open()?)?;
        }
        let writer = open_writer(&config.features, &schema, &aws, &loading, &source).await?;
        let loaded = opened.load_into(&*writer, args.from_line, progress).await;
        let report = loaded.map_err(|error| CommandError::of(&name, error))?;
        if args.replace {
            refuse(&name, unit, &report)?;
        }
        writer.finish().await.map_err(|error| CommandError::of(&name, error))?;
        Ok(Done { report, unit, others: None })
    })?;
    bar.finish_and_clear();
    let Done { report: Report { loaded, left_out, bad }, unit, others } = done?;
    list(&name, unit, &bad);
    let outcome = if args.dry_run { "would be loaded" } else { "loaded" };
    let _ = writeln!(stderr(), "{name}: {} {outcome}", counted(loaded, "row"));
    if let Some(others) = others {
        let _ = writeln!(
            stderr(),
            "{name}: {} not in the file would be deleted from the table",
            counted(others, "item")
        );
    }
    if bad.is_empty() {
        return Ok(());
    }
    let (bad, good) = (counted(bad.len() as u64, &format!("bad {unit}")), counted(left_out, "good row"));
    Err(CommandError::of(name, format!("{bad}; {good} of the same batches skipped")))
}

/// How an import went, or would go.
struct Done {
    report: Report,
    unit: &'static str,
    /// Items that are not in the file.
    others: Option<u64>,
}

async fn dry_run(
    args: &ImportArgs,
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
    table: FeatureTable<'_>,
    bar: &ProgressBar,
) -> Result<Done, CommandError> {
    let unit = table.unit();
    let remote = if args.replace { open_remote(features, schema, aws).await? } else { None };
    let mut pairs = PairSet::default();
    let take = |pair: &PairKey| {
        if remote.is_some() {
            pairs.insert(pair);
        }
    };
    let report = table.check(take, |bytes| bar.set_position(bytes));
    let report = report.map_err(|error| CommandError::of(args.file.display(), error))?;
    let others = match &remote {
        Some(remote) => Some(remote.count_others(&pairs).await.map_err(CommandError::failed)?),
        None => None,
    };
    Ok(Done { report, unit, others })
}

/// A replacement must have no bad row, and at least one row.
fn refuse(name: impl Display, unit: &str, report: &Report) -> Result<(), CommandError> {
    list(&name, unit, &report.bad);
    let what = match report.bad.len() {
        0 if report.loaded > 0 => return Ok(()),
        0 => "the table has no rows; the store is unchanged".to_owned(),
        bad => format!("{}; the store is unchanged", counted(bad as u64, &format!("bad {unit}"))),
    };
    Err(CommandError::of(name, what))
}

/// The SHA-256 of a file's content, in hexadecimal.
fn version_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", bytes::Bytes::copy_from_slice(&hasher.finalize()))),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// For people; programs look at the exit code.
fn list(name: impl Display, unit: &str, bad: &[BadRow]) {
    let mut say = stderr().lock();
    for bad in bad.iter().take(LISTED) {
        let _ = writeln!(say, "{name}: {unit} {}: {}", bad.line, bad.what);
    }
    if bad.len() > LISTED {
        let more = counted((bad.len() - LISTED) as u64, &format!("more bad {unit}"));
        let _ = writeln!(say, "{name}: and {more}");
    }
}

fn get(args: &GetArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let id = |name, id| check_id(id).map_err(|error| CommandError::of(name, error));
    let pair = PairKey::new(id("user", &args.user)?, id("product", &args.product)?);
    let (schema, found) = block_on(async {
        let aws = AwsContext::new(config.aws.clone());
        let schema = configured_schema(&config, &aws).await?;
        let store = open_store(&config.features, &schema, &aws).await?;
        let found = store.get_many(std::slice::from_ref(&pair)).await.map_err(CommandError::failed)?;
        Ok::<_, CommandError>((schema, found.into_iter().next()))
    })??;
    let row = found.transpose().map_err(|unreadable| CommandError::of(&pair, unreadable))?.flatten();
    let row = row.ok_or_else(|| CommandError::failed(format!("no features are stored for {pair}")))?;
    let mut text = String::new();
    for (at, (name, value)) in schema.names().iter().zip(row.iter()).enumerate() {
        text.push_str(name);
        text.push('\t');
        if schema.has_categories(at) {
            schema.write(at, *value, &mut text);
        } else if !value.is_nan() {
            python_float(f64::from(*value), &mut text);
        }
        text.push('\n');
    }
    print(&text)
}
