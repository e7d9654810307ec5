//! `imba score`: scores a file of rows with a model file, one line out per row in.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::runtime::{Builder, Runtime};

use super::model_file::ModelLimits;
use super::{CommandError, progress};
use crate::app::scorer::inference_over;
use crate::cause::chain;
use crate::formats::csv::write_cell;
use crate::formats::stream::{Form, StreamError, StreamRow, for_each_row};
use crate::formats::text::{Spelling, write_row};
use crate::inference::{Inference, InferenceError, InferenceRequest, Input};
use crate::row::{Batch, Decoded};
use crate::scorer::Output;

/// Most rows given to the model at once, and most bytes that they and their results take together.
const BLOCK_ROWS: usize = 1024;
const BLOCK_BYTES: usize = 8 * 1024 * 1024;
const BUFFER: usize = 256 * 1024;

#[derive(Args)]
pub(super) struct ScoreArgs {
    /// The model file, or demo for the built-in one.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The file of rows; - is standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Format of the rows.
    ///
    /// csv: one row per line, in the model's order or in that of a header with its feature names. True and False are 1 and 0;
    /// an empty cell, `nan`, `NA`, `<NA>` or `null` is missing. Under a header, categories are given by value if the model
    /// file lists them (see imba model), otherwise by code. libsvm: as XGBoost reads it, label or label:weight, then
    /// index:value with indices from 0; blank lines and comments are skipped. json: rows one after another, as arrays or as
    /// objects keyed by name, or {"instances": [row, …]}; null is missing.
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// CSV columns that are not features, copied in front of the numbers, e.g. user_id,product_id.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    id: Vec<String>,
    /// What to print for each row; several numbers are separated by commas.
    #[arg(long, value_enum, default_value_t)]
    output: OutputArg,
    /// Use only these boosting iterations, like XGBoost's iteration_range: from A up to but not including B. Without B, or
    /// with 0, up to the last.
    #[arg(long, value_name = "A..B", value_parser = iterations)]
    iterations: Option<Iterations>,
    #[command(flatten)]
    limits: ModelLimits,
}

#[derive(ValueEnum, Clone, Copy, Default)]
pub(super) enum FormatArg {
    #[default]
    Csv,
    Libsvm,
    Json,
}

impl FormatArg {
    pub(super) fn form(self) -> Form {
        match self {
            Self::Csv => Form::Csv,
            Self::Libsvm => Form::Libsvm,
            Self::Json => Form::Json,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Default, PartialEq)]
enum OutputArg {
    /// What the model predicts, e.g. a probability.
    #[default]
    Score,
    /// The sum of the leaves, before the objective's transformation.
    Margin,
    /// The index of the leaf that the row reaches in each tree.
    Leaf,
    /// What each feature adds to the margin (exact TreeSHAP), then the bias; for several classes, one after another.
    Contributions,
}

/// A range of boosting iterations; 0 for the second means up to the last.
type Iterations = (usize, usize);

fn iterations(text: &str) -> Result<Iterations, String> {
    let (from, to) = text.split_once("..").ok_or("expected A..B, like 0..100")?;
    let number = |text: &str| match text.trim() {
        "" => Ok(0),
        text => text.parse().map_err(|_| format!("{text:?} is not a whole number")),
    };
    Ok((number(from)?, number(to)?))
}

pub(super) fn score(args: &ScoreArgs) -> Result<(), CommandError> {
    let form = args.format.form();
    if form != Form::Csv && !args.id.is_empty() {
        return Err(CommandError::failed("--id names CSV columns: it needs --format csv"));
    }
    let inference = load(args)?;
    let schema = Arc::clone(inference.schema());
    let runtime = Builder::new_current_thread().enable_all().build().map_err(CommandError::failed)?;
    let out = BufWriter::with_capacity(BUFFER, stdout().lock());
    let mut block = Block::new(&inference, args, &runtime, out);
    let take = |row: StreamRow<'_>| block.push(row);
    let read = if args.input == Path::new("-") {
        for_each_row(stdin().lock(), form, &schema, &args.id, take)
    } else {
        let file = File::open(&args.input).map_err(|error| CommandError::of(args.input.display(), error))?;
        let bar = progress::beside_output(&file);
        let input = BufReader::with_capacity(BUFFER, bar.wrap_read(file));
        let read = for_each_row(input, form, &schema, &args.id, take);
        bar.finish_and_clear();
        read
    };
    // Rows before a bad one are scored all the same.
    match (read, block.finish()) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(StreamError::Io(error)), _) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(CommandError::output(error))
        }
        (Err(error), _) => Err(CommandError::of(args.input.display(), error)),
        (Ok(()), Err(error)) => Err(CommandError::output(error)),
    }
}

/// The use case over the model alone.
fn load(args: &ScoreArgs) -> Result<Inference, CommandError> {
    let name = args.model.display();
    let bytes = args.limits.read(&args.model)?;
    let inference = inference_over(&bytes, args.iterations, args.limits.memory_limit)
        .map_err(|error| CommandError::of(&name, error))?;
    if inference.schema().width() == 0 {
        return Err(CommandError::of(name, "the model has no features, so there is nothing to score"));
    }
    if args.output == OutputArg::Leaf && inference.model().trees == Some(0) {
        return Err(CommandError::of(name, "the model has no trees, so that no row reaches a leaf"));
    }
    Ok(inference)
}

/// Rows waiting for the model, and where its numbers go.
struct Block<'m, W> {
    inference: &'m Inference,
    output: OutputArg,
    /// Whether rows are kept sparse, as the values they list: wide rows list few.
    is_sparse: bool,
    runtime: &'m Runtime,
    capacity: usize,
    rows: Batch,
    /// What is printed in front of each row's numbers, if anything.
    prefixes: Vec<String>,
    line: String,
    out: W,
}

impl<'m, W: Write> Block<'m, W> {
    fn new(inference: &'m Inference, args: &ScoreArgs, runtime: &'m Runtime, out: W) -> Self {
        let width = inference.schema().width();
        let (model, output) = (inference.model(), args.output);
        // Contributions are as wide as the rows, whatever these list.
        let is_sparse = args.format.form() == Form::Libsvm && output != OutputArg::Contributions;
        let numbers = match output {
            OutputArg::Score | OutputArg::Margin => model.outputs,
            OutputArg::Leaf => model.trees.unwrap_or_default(),
            OutputArg::Contributions => model.outputs * (width + 1),
        };
        let values = if is_sparse { 0 } else { width };
        let bytes = values * size_of::<f32>() + numbers * size_of::<f64>();
        let capacity = (BLOCK_BYTES / bytes.max(1)).clamp(1, BLOCK_ROWS);
        let (rows, prefixes, line) = (Self::rows(width, is_sparse), Vec::new(), String::new());
        Self { inference, output, is_sparse, runtime, capacity, rows, prefixes, line, out }
    }

    fn rows(width: usize, is_sparse: bool) -> Batch {
        if is_sparse { Batch::sparse(width) } else { Batch::new(width) }
    }

    fn push(&mut self, row: StreamRow<'_>) -> io::Result<()> {
        match row.listed {
            Some(places) if self.is_sparse => self.rows.push_listed(row.values, places),
            _ => self.rows.push(row.values),
        }
        if !row.ids.is_empty() {
            let mut prefix = String::new();
            for id in row.ids {
                write_cell(id, &mut prefix);
                prefix.push(',');
            }
            self.prefixes.push(prefix);
        }
        let is_full = self.rows.len() >= self.capacity
            || self.rows.held() * (size_of::<f32>() + size_of::<u32>()) >= BLOCK_BYTES;
        if is_full { self.score() } else { Ok(()) }
    }

    fn score(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let empty = Self::rows(self.inference.schema().width(), self.is_sparse);
        let rows = std::mem::replace(&mut self.rows, empty);
        let request = |output| InferenceRequest {
            input: Input::Rows(Decoded::good(rows, Batch::len)),
            target: None,
            output,
            all_or_nothing: true,
        };
        let failed = |error: InferenceError| io::Error::other(chain(&error));
        let output = match self.output {
            OutputArg::Score => Output::Score,
            OutputArg::Margin => Output::Margin,
            OutputArg::Leaf => Output::Leaf,
            OutputArg::Contributions => {
                let explaining = self.inference.explain(request(Output::Score));
                let answer = self.runtime.block_on(explaining).map_err(failed)?;
                return self.print(answer.results.rows().map(|row| row.contributions), Spelling::Float);
            }
        };
        let answer = self.runtime.block_on(self.inference.predict(request(output))).map_err(failed)?;
        let spelling = if output == Output::Leaf { Spelling::Whole } else { Spelling::Float };
        self.print(answer.results.rows(), spelling)
    }

    /// Prints each of `rows` on a line.
    fn print<'r, T: Into<f64> + Copy + 'r>(
        &mut self,
        rows: impl Iterator<Item = &'r [T]>,
        spelling: Spelling,
    ) -> io::Result<()> {
        let mut prefixes = self.prefixes.drain(..);
        for row in rows {
            self.line.clear();
            self.line.push_str(prefixes.next().as_deref().unwrap_or_default());
            write_row(row, spelling, &mut self.line);
            self.line.push('\n');
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.score()?;
        self.out.flush()
    }
}
