//! `imba features export`: the store as a table that can be imported.

use std::io::{self, BufWriter, Stdout, Write, stderr, stdout};

use super::super::{CommandError, ConfigArgs, block_on};
use super::LISTED;
use crate::app::scorer::configured_schema;
use crate::app::store::{OpenedStore, open_either};
use crate::features::UnreadableRow;
use crate::features::table::KEYS;
use crate::formats::csv::write_cell;
use crate::row::{PairKey, Schema};
use crate::upstream::aws::AwsContext;

pub(super) fn export(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    block_on(async {
        let aws = AwsContext::new(config.aws.clone());
        let schema = configured_schema(&config, &aws).await?;
        let store = open_either(&config.features, &schema, &aws).await?;
        let mut table = Printed::begin(&schema);
        let (name, scanned) = match &store {
            OpenedStore::Local(store, path) => {
                let scanned = store.for_each(|(user, product), row| table.put(user, product, row.as_deref()));
                (path.display().to_string(), scanned)
            }
            OpenedStore::Remote(store) => {
                let scanned =
                    store.for_each(|pair, row| table.put(pair.user(), pair.product(), row.as_deref()));
                (store.name().to_owned(), scanned.await)
            }
        };
        let left_out = table.end()?;
        scanned.map_err(|error| CommandError::of(&name, error))?;
        match left_out {
            0 => Ok(()),
            1 => Err(CommandError::of(name, "1 unreadable row is left out")),
            left_out => Err(CommandError::of(name, format!("{left_out} unreadable rows are left out"))),
        }
    })?
}

/// The table on its way out.
struct Printed<'s> {
    schema: &'s Schema,
    out: BufWriter<Stdout>,
    written: io::Result<()>,
    line: String,
    cell: String,
    left_out: usize,
}

impl<'s> Printed<'s> {
    fn begin(schema: &'s Schema) -> Self {
        let mut out = BufWriter::new(stdout());
        let mut line = KEYS.join(",");
        for name in schema.names() {
            line.push(',');
            write_cell(name, &mut line);
        }
        let written = writeln!(out, "{line}");
        Self { schema, out, written, line, cell: String::new(), left_out: 0 }
    }

    /// Whether there is somebody to write more to.
    fn put(&mut self, user: &str, product: &str, row: Result<&[f32], &UnreadableRow>) -> bool {
        let row = match row {
            Ok(row) => row,
            Err(why) => {
                self.left_out += 1;
                if self.left_out <= LISTED {
                    let _ = writeln!(stderr(), "{}: {why}", PairKey::new(user, product));
                }
                return true;
            }
        };
        self.line.clear();
        write_cell(user, &mut self.line);
        self.line.push(',');
        write_cell(product, &mut self.line);
        for (at, value) in row.iter().enumerate() {
            self.line.push(',');
            self.cell.clear();
            self.schema.write(at, *value, &mut self.cell);
            // A missing value is an empty cell, without quotes.
            if !self.cell.is_empty() {
                write_cell(&self.cell, &mut self.line);
            }
        }
        self.written = writeln!(self.out, "{}", self.line);
        self.written.is_ok()
    }

    /// How many rows are left out.
    fn end(mut self) -> Result<usize, CommandError> {
        self.written.and_then(|()| self.out.flush()).map_err(CommandError::output)?;
        Ok(self.left_out)
    }
}
