//! `imba verify`: scores the same rows by the endpoint and in process, and reports how far they differ.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use clap::Args;
use tokio::runtime::{Builder, Runtime};

use super::score::FormatArg;
use super::{CommandError, ConfigArgs, print, progress};
use crate::app::scorer::{Compared, open_compared};
use crate::cause::chain;
use crate::config::ModelPath;
use crate::formats::stream::{StreamError, for_each_row};
use crate::row::{Batch, python_float};
use crate::scorer::Scores;
use crate::scorer::shadowed::differences;

/// Most rows, and most values, sent to the endpoint in one call: a value takes some ten bytes, and a body at most 6 MiB.
const BLOCK_ROWS: usize = 500;
const BLOCK_VALUES: usize = 512 * 1024;

#[derive(Args)]
pub(super) struct VerifyArgs {
    /// The model file; by default, the configured one.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The file of rows.
    #[arg(long, value_name = "FILE")]
    rows: PathBuf,
    /// Format of the rows, as in imba score.
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// CSV columns that are not features, e.g. user_id,product_id.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    id: Vec<String>,
    /// Scores that differ by no more than this count as equal.
    #[arg(long, value_name = "NUMBER", default_value_t = 1e-6)]
    tolerance: f64,
    /// How many differing rows to list.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    list: usize,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn verify(args: &VerifyArgs) -> Result<(), CommandError> {
    let mut config = args.config.load()?;
    if let Some(model) = &args.model {
        config.model.path = ModelPath::File(model.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build().map_err(CommandError::failed)?;
    let compared = runtime.block_on(open_compared(&config))?;
    let schema = compared.model.schema();
    let file = File::open(&args.rows).map_err(|error| CommandError::of(args.rows.display(), error))?;
    let bar = progress::bytes_of(Some(&file));
    let input = BufReader::new(bar.wrap_read(file));

    let mut comparison = Comparison::new(args, &runtime, &compared, schema.width());
    let read = for_each_row(input, args.format.form(), &schema, &args.id, |row| comparison.push(row.values));
    let read = read.and_then(|()| Ok(comparison.score()?));
    bar.finish_and_clear();
    read.map_err(|error: StreamError| CommandError::of(args.rows.display(), error))?;
    print(&comparison.report())?;
    match comparison.differing {
        0 if comparison.rows == 0 => Err(CommandError::of(args.rows.display(), "has no rows")),
        0 => Ok(()),
        1 => Err(CommandError::failed("1 row differs")),
        differing => Err(CommandError::failed(format!("{differing} rows differ"))),
    }
}

/// What is known so far.
struct Comparison<'v> {
    args: &'v VerifyArgs,
    runtime: &'v Runtime,
    compared: &'v Compared,
    block: Batch,
    rows: usize,
    differing: usize,
    /// And the row it is of.
    largest: (f64, usize),
    sum: f64,
    listed: String,
}

impl<'v> Comparison<'v> {
    fn new(args: &'v VerifyArgs, runtime: &'v Runtime, compared: &'v Compared, width: usize) -> Self {
        Self {
            args,
            runtime,
            compared,
            block: Batch::new(width),
            rows: 0,
            differing: 0,
            largest: (0.0, 0),
            sum: 0.0,
            listed: String::new(),
        }
    }

    fn push(&mut self, row: &[f32]) -> io::Result<()> {
        self.block.push(row);
        if self.block.len() < BLOCK_ROWS && self.block.values().len() < BLOCK_VALUES {
            Ok(())
        } else {
            self.score()
        }
    }

    fn score(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let width = self.block.width();
        let block = std::mem::replace(&mut self.block, Batch::new(width));
        let place = format!("rows {} to {}", self.rows + 1, self.rows + block.len());
        let (endpoint, model) = self
            .runtime
            .block_on(async {
                tokio::try_join!(
                    self.compared.endpoint.score(block.clone().into()),
                    self.compared.model.score(block.into())
                )
            })
            .map_err(|error| io::Error::other(format!("{place}: {}", chain(&error))))?;
        let differences: Vec<f64> = differences(&endpoint, &model)
            .ok_or_else(|| {
                let outputs = (endpoint.model.outputs, model.model.outputs);
                io::Error::other(format!(
                    "the endpoint returns {} numbers per row (scorer.sagemaker.outputs), the model {}",
                    outputs.0, outputs.1
                ))
            })?
            .collect();
        for (at, difference) in differences.into_iter().enumerate() {
            self.rows += 1;
            self.sum += difference;
            if difference > self.largest.0 {
                self.largest = (difference, self.rows);
            }
            if difference > self.args.tolerance {
                self.differing += 1;
                if self.differing <= self.args.list {
                    let (endpoint, model) = (numbers(&endpoint, at), numbers(&model, at));
                    line(
                        &mut self.listed,
                        format_args!("row {}: endpoint {endpoint}, model {model}", self.rows),
                    );
                }
            }
        }
        Ok(())
    }

    fn report(&self) -> String {
        let mut text = String::new();
        let mean = if self.rows == 0 { 0.0 } else { self.sum / self.rows as f64 };
        line(&mut text, format_args!("rows compared       {}", self.rows));
        line(
            &mut text,
            format_args!(
                "rows that differ    {} (by more than {})",
                self.differing,
                python(self.args.tolerance)
            ),
        );
        let (largest, row) = self.largest;
        let row = if row == 0 { String::new() } else { format!(" (row {row})") };
        line(&mut text, format_args!("largest difference  {}{row}", python(largest)));
        line(&mut text, format_args!("mean difference     {}", python(mean)));
        text.push_str(&self.listed);
        text
    }
}

fn numbers(scores: &Scores, row: usize) -> String {
    let numbers = scores.rows().nth(row).unwrap_or_default();
    numbers.iter().map(|number| python(*number)).collect::<Vec<_>>().join(",")
}

fn python(number: f64) -> String {
    let mut text = String::new();
    python_float(number, &mut text);
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String does not fail: this is a bug");
}
