//! `imba score`: a file of rows through a model file, one line out for each row in.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::runtime::{Builder, Runtime};

use super::{CommandError, progress};
use crate::app::scorer::inference_over;
use crate::cause::chain;
use crate::formats::stream::{Form, StreamError, for_each_row};
use crate::formats::text::{Spelling, write_row};
use crate::inference::{Inference, InferenceError, InferenceRequest, Input};
use crate::row::{Batch, Decoded};
use crate::scorer::Output;

/// Rows given to the model at once.
const BLOCK_ROWS: usize = 1024;
const BUFFER: usize = 256 * 1024;

#[derive(Args)]
pub(super) struct ScoreArgs {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The rows; - for standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Form of the rows.
    ///
    /// csv: one row per line in the model's order, or in that of a header with its feature names; an empty cell or nan is
    /// missing. libsvm: index:value, indices from 0. json: rows one after the other as arrays or objects by name, or
    /// {"instances": [row, …]}; null is missing.
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// What to print for each row, on a line, several numbers separated by commas.
    #[arg(long, value_enum, default_value_t)]
    output: OutputArg,
    /// Use only these boosting iterations, like XGBoost's iteration_range: from A up to but not including B; 0 for B, or
    /// nothing, means up to the last.
    #[arg(long, value_name = "A..B", value_parser = iterations)]
    iterations: Option<Iterations>,
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
    /// The sum of the leaves before the objective's transformation.
    Margin,
    /// The number of the leaf that the row reaches in each tree.
    Leaf,
    /// What each feature adds to the margin (exact TreeSHAP), then the bias; classes one after the other.
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
    let inference = load(args)?;
    let schema = Arc::clone(inference.schema());
    let form = args.format.form();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(CommandError::failed)?;
    let out = BufWriter::with_capacity(BUFFER, stdout().lock());
    let mut block = Block::new(&inference, args.output, &runtime, out);
    let take = |row: &[f32]| block.push(row);
    let read = if args.input == Path::new("-") {
        for_each_row(stdin().lock(), form, &schema, take)
    } else {
        let file = File::open(&args.input).map_err(|error| CommandError::of(args.input.display(), error))?;
        let bar = progress::bytes_of(Some(&file));
        let read = for_each_row(BufReader::with_capacity(BUFFER, bar.wrap_read(file)), form, &schema, take);
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
    let bytes = fs::read(&args.model).map_err(|error| CommandError::of(&name, error))?;
    inference_over(&bytes, args.iterations).map_err(|error| CommandError::of(name, error))
}

/// Rows waiting for the model, and where its numbers go.
struct Block<'m, W> {
    inference: &'m Inference,
    output: OutputArg,
    runtime: &'m Runtime,
    rows: Batch,
    line: String,
    out: W,
}

impl<'m, W: Write> Block<'m, W> {
    fn new(inference: &'m Inference, output: OutputArg, runtime: &'m Runtime, out: W) -> Self {
        let rows = Batch::new(inference.schema().width());
        Self { inference, output, runtime, rows, line: String::new(), out }
    }

    fn push(&mut self, row: &[f32]) -> io::Result<()> {
        self.rows.push(row);
        if self.rows.len() < BLOCK_ROWS { Ok(()) } else { self.score() }
    }

    fn score(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::replace(&mut self.rows, Batch::new(self.inference.schema().width()));
        let request = |output| InferenceRequest {
            input: Input::Rows(Decoded::good(rows, |rows| rows.len())),
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
                let rows = answer.results.rows().map(|row| row.contributions);
                return print(rows, Spelling::Float, &mut self.line, &mut self.out);
            }
        };
        let answer = self.runtime.block_on(self.inference.predict(request(output))).map_err(failed)?;
        let spelling = if output == Output::Leaf { Spelling::Whole } else { Spelling::Float };
        print(answer.results.rows(), spelling, &mut self.line, &mut self.out)
    }

    fn finish(mut self) -> io::Result<()> {
        self.score()?;
        self.out.flush()
    }
}

/// Prints each of `rows` on a line.
fn print<'r, T: Into<f64> + Copy + 'r>(
    rows: impl Iterator<Item = &'r [T]>,
    spelling: Spelling,
    line: &mut String,
    out: &mut impl Write,
) -> io::Result<()> {
    for row in rows {
        line.clear();
        write_row(row, spelling, line);
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}
