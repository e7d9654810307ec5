//! `imba features`: the feature store from the command line.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write, stderr, stdout};
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Subcommand};

use super::{CommandError, ConfigArgs, block_on, print, progress};
use crate::app::scorer::configured_schema;
use crate::app::store::{LocalStore, open_local, open_store, open_writer};
use crate::cause::chain;
use crate::features::VersionedTable;
use crate::features::table::{BadRow, FeatureTable, KEYS, Report, plain};
use crate::row::{PairKey, Schema, check_id, python_float, write_value};
use crate::upstream::aws::AwsContext;

/// How many bad lines are listed one by one.
const LISTED: usize = 20;

#[derive(Subcommand)]
pub(super) enum FeaturesCommand {
    /// Load a CSV table, which may be compressed with gzip, into the store.
    ///
    /// The header is user_id,product_id and then the features by name in any order, or user_id,product_id,feature with
    /// the features as one quoted, comma-separated string in model order. Rows go in by batches of 10,000: a batch with a
    /// bad row is left out whole, its bad lines are listed, and the exit code is 1. Running it again replaces rows and never
    /// doubles them. The embedded store takes all of it at once at the end, also under a running service, which goes on with
    /// the new table by itself. When a table of DynamoDB fails, the error names the line to go on from with --from-line.
    Import(ImportArgs),
    /// Print the stored features of one user and product, a name and a value per line.
    Get(GetArgs),
    /// Read the whole embedded store, compare it with its checksums, and say what it holds: exit 0 if all of it is good.
    Status(ConfigArgs),
    /// Print the embedded store as a CSV table that `imba features import` reads, ordered by user and product.
    Export(ConfigArgs),
}

#[derive(Args)]
pub(super) struct ImportArgs {
    /// The table.
    file: PathBuf,
    /// Put the table in the place of the one in the store: pairs that are not in the file are gone. A bad row leaves the old
    /// table as it is.
    #[arg(long, conflicts_with = "from_line")]
    replace: bool,
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
        FeaturesCommand::Status(args) => status(args),
        FeaturesCommand::Export(args) => export(args),
    }
}

fn import(args: &ImportArgs) -> Result<(), CommandError> {
    let config = args.config.load()?;
    let name = args.file.display();
    let file = File::open(&args.file).map_err(|error| CommandError::of(&name, error))?;
    let bar = progress::bytes_of(Some(&file));
    let file = plain(file).map_err(|error| CommandError::of(&name, error))?;
    let report = block_on(async {
        let aws = AwsContext::new(config.aws.clone());
        let schema = configured_schema(&config, &aws).await?;
        let table = FeatureTable::open(file, &schema).map_err(|error| CommandError::of(&name, error))?;
        if args.dry_run {
            return table.check(|bytes| bar.set_position(bytes)).map_err(CommandError::failed);
        }
        let source = args.file.display().to_string();
        let writer = open_writer(&config.features, &schema, &aws, args.replace, &source).await?;
        let loaded = table.load_into(&*writer, args.from_line, |bytes| bar.set_position(bytes)).await;
        let report = loaded.map_err(|error| CommandError::of(&name, error))?;
        if report.bad.is_empty() || !args.replace {
            writer.finish().await.map_err(|error| CommandError::of(&name, error))?;
        }
        Ok(report)
    })?;
    bar.finish_and_clear();
    let Report { loaded, left_out, bad } = report?;
    if args.replace && !bad.is_empty() {
        list(&name, &bad);
        let what = format!("{} bad lines; the store is as it was", bad.len());
        return Err(CommandError::of(name, what));
    }
    list(&name, &bad);
    let outcome = if args.dry_run { "are good and would be loaded" } else { "loaded" };
    let _ = writeln!(stderr(), "{name}: {loaded} rows {outcome}");
    if bad.is_empty() {
        return Ok(());
    }
    let not_loaded = if args.dry_run { "would not be loaded" } else { "were not loaded" };
    Err(CommandError::of(
        name,
        format!("{} bad lines; {left_out} good rows of their batches {not_loaded}", bad.len()),
    ))
}

/// The outcome is the exit code; these lines are for people.
fn list(name: impl Display, bad: &[BadRow]) {
    let mut say = stderr().lock();
    for bad in bad.iter().take(LISTED) {
        let _ = writeln!(say, "{name}: line {}: {}", bad.line, bad.what);
    }
    if bad.len() > LISTED {
        let _ = writeln!(say, "{name}: and {} more bad lines", bad.len() - LISTED);
    }
}

/// The embedded store, the columns of its rows, and where it is.
fn local(args: &ConfigArgs) -> Result<(LocalStore, Schema, PathBuf), CommandError> {
    let config = args.load()?;
    let aws = AwsContext::new(config.aws.clone());
    let schema = block_on(configured_schema(&config, &aws))??;
    let (store, path) = open_local(&config.features, &schema)?;
    Ok((store, schema, path))
}

fn status(args: &ConfigArgs) -> Result<(), CommandError> {
    let (store, schema, path) = local(args)?;
    let size = path.metadata().map_err(|error| CommandError::of(path.display(), error))?.len();
    let (mut read, mut damaged) = (0_u64, Vec::new());
    let scanned = store.for_each(|(user, product), row| {
        read += 1;
        if let Err(why) = row {
            damaged.push(format!("{}: {why}", PairKey::new(user, product)));
        }
        true
    });
    let table = store.table();
    let unknown = || "unknown".to_owned();
    let loaded = table.loaded_at.map_or_else(unknown, |at| humantime::format_rfc3339_seconds(at).to_string());
    let mut out = stdout().lock();
    for (name, value) in [
        ("file", path.display().to_string()),
        ("size", ByteSize(size).to_string()),
        ("columns", schema.width().to_string()),
        ("rows", table.rows.to_string()),
        ("version", table.version.clone().unwrap_or_else(unknown)),
        ("source", table.source.clone().unwrap_or_else(unknown)),
        ("loaded", loaded),
    ] {
        writeln!(out, "{name:<10}{value}").map_err(CommandError::output)?;
    }
    if let Err(error) = scanned {
        damaged.push(format!("the rows after the first {read} cannot be read: {}", chain(&error)));
    }
    if damaged.is_empty() {
        return writeln!(out, "{:<10}good", "state").map_err(CommandError::output);
    }
    writeln!(out, "{:<10}damaged", "state").map_err(CommandError::output)?;
    let mut say = stderr().lock();
    for line in damaged.iter().take(LISTED) {
        let _ = writeln!(say, "{}: {line}", path.display());
    }
    Err(CommandError::of(
        path.display(),
        "the store is damaged; load the table again with `imba features import --replace`",
    ))
}

fn export(args: &ConfigArgs) -> Result<(), CommandError> {
    let (store, schema, path) = local(args)?;
    let mut table = csv::Writer::from_writer(BufWriter::new(stdout().lock()));
    let header = KEYS.into_iter().chain(schema.names().iter().map(String::as_str));
    let mut written = table.write_record(header);
    let mut damaged = 0_u64;
    let mut cells = vec![String::new(); schema.width()];
    let scanned = store.for_each(|(user, product), row| {
        let Ok(row) = row else {
            damaged += 1;
            return true;
        };
        for (cell, value) in cells.iter_mut().zip(&row) {
            cell.clear();
            if !value.is_nan() {
                write_value(*value, cell);
            }
        }
        written = table.write_record([user, product].into_iter().chain(cells.iter().map(String::as_str)));
        written.is_ok()
    });
    written.map_err(of_writing).and_then(|()| table.flush()).map_err(CommandError::output)?;
    scanned.map_err(|error| CommandError::of(path.display(), error))?;
    match damaged {
        0 => Ok(()),
        damaged => Err(CommandError::of(path.display(), format!("{damaged} damaged rows are left out"))),
    }
}

/// What the system said; the conversion that the library offers forgets its kind.
fn of_writing(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
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
