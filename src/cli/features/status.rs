//! `imba features status`: which table the store holds, and whether it is whole.

use std::fmt;
use std::io::{Write, stderr, stdout};
use std::path::Path;

use bytesize::ByteSize;

use super::super::{CommandError, ConfigArgs, block_on, print};
use super::LISTED;
use crate::app::scorer::configured_schema;
use crate::app::store::{LocalStore, OpenedStore, RemoteStore, open_either};
use crate::cause::chain;
use crate::features::{TableInfo, VersionedTable};
use crate::row::{PairKey, Schema};
use crate::upstream::aws::AwsContext;

pub(super) fn status(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    block_on(async {
        let aws = AwsContext::new(config.aws.clone());
        let schema = configured_schema(&config, &aws).await?;
        match open_either(&config.features, &schema, &aws).await? {
            OpenedStore::Remote(store) => remote(&store).await,
            OpenedStore::Local(store, path) => local(&store, &path, &schema),
        }
    })?
}

async fn remote(store: &RemoteStore) -> Result<(), CommandError> {
    let found = store.status().await.map_err(CommandError::failed)?;
    let mut text = String::new();
    for (name, value) in found.into_iter().chain(told(&store.table())) {
        fmt::Write::write_fmt(&mut text, format_args!("{name:<10}{value}\n"))
            .map_err(CommandError::failed)?;
    }
    print(&text)
}

/// What is known of a table of features.
fn told(table: &TableInfo) -> Vec<(&'static str, String)> {
    let unknown = || "unknown".to_owned();
    let rows = if *table == TableInfo::default() { unknown() } else { table.rows.to_string() };
    let loaded = table.loaded_at.map_or_else(unknown, |at| humantime::format_rfc3339_seconds(at).to_string());
    vec![
        ("rows", rows),
        ("version", table.version.clone().unwrap_or_else(unknown)),
        ("source", table.source.clone().unwrap_or_else(unknown)),
        ("loaded", loaded),
    ]
}

fn local(store: &LocalStore, path: &Path, schema: &Schema) -> Result<(), CommandError> {
    let size = path.metadata().map_err(|error| CommandError::of(path.display(), error))?.len();
    let (mut read, mut damaged) = (0_u64, Vec::new());
    let scanned = store.for_each(|(user, product), row| {
        read += 1;
        if let Err(why) = row {
            damaged.push(format!("{}: {why}", PairKey::new(user, product)));
        }
        true
    });
    let mut out = stdout().lock();
    let file = [
        ("file", path.display().to_string()),
        ("size", ByteSize(size).to_string()),
        ("columns", schema.width().to_string()),
    ];
    for (name, value) in file.into_iter().chain(told(&store.table())) {
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
