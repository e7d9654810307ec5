//! `imba score`: a file of rows through a model file, one line out for each row in.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write, stdin, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{CommandError, progress};
use crate::http::python_float;
use crate::rows::stream::{Form, StreamError, for_each_row};
use crate::schema::Schema;

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
    output: Output,
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
enum Output {
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

/// A range of boosting iterations, without an end to reach the last.
#[derive(Clone)]
struct Iterations {
    from: usize,
    to: Option<usize>,
}

fn iterations(text: &str) -> Result<Iterations, String> {
    let (from, to) = text.split_once("..").ok_or("expected A..B, like 0..100")?;
    let number = |text: &str| match text.trim() {
        "" => Ok(0),
        text => text.parse().map_err(|_| format!("{text:?} is not a whole number")),
    };
    Ok(Iterations { from: number(from)?, to: Some(number(to)?).filter(|to| *to > 0) })
}

pub(super) fn score(args: &ScoreArgs) -> Result<(), CommandError> {
    let model = load(args)?;
    let schema = Schema::new(names(&model));
    let form = args.format.form();
    let mut block = Block::new(&model, args.output, BufWriter::with_capacity(BUFFER, stdout().lock()));
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
        (Err(StreamError::Io(error)), _) | (Ok(()), Err(error))
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            // The reader has what it wanted, as `head` does.
            Ok(())
        }
        (Err(error), _) => Err(CommandError::of(args.input.display(), error)),
        (Ok(()), Err(error)) => Err(CommandError::failed(error)),
    }
}

fn load(args: &ScoreArgs) -> Result<gbtree::Model, CommandError> {
    let name = args.model.display();
    let bytes = fs::read(&args.model).map_err(|error| CommandError::of(&name, error))?;
    let model = gbtree::Model::from_bytes(&bytes).map_err(|error| CommandError::of(&name, error))?;
    match &args.iterations {
        Some(Iterations { from, to }) => {
            let range = *from..to.unwrap_or(model.num_iterations());
            model.slice(range).map_err(|error| CommandError::of(name, error))
        }
        None => Ok(model),
    }
}

/// The model's feature names, or f0, f1, … as XGBoost calls them when a file has none.
fn names(model: &gbtree::Model) -> Vec<String> {
    match model.feature_names() {
        [] => (0..model.num_features()).map(|at| format!("f{at}")).collect(),
        names => names.to_vec(),
    }
}

/// Rows waiting for the model, and where its numbers go.
struct Block<'m, W> {
    model: &'m gbtree::Model,
    output: Output,
    rows: Vec<f32>,
    line: String,
    out: W,
}

impl<'m, W: Write> Block<'m, W> {
    fn new(model: &'m gbtree::Model, output: Output, out: W) -> Self {
        Self { model, output, rows: Vec::new(), line: String::new(), out }
    }

    fn push(&mut self, row: &[f32]) -> io::Result<()> {
        self.rows.extend_from_slice(row);
        if self.rows.len() < BLOCK_ROWS * row.len() { Ok(()) } else { self.score() }
    }

    fn score(&mut self) -> io::Result<()> {
        let model = self.model;
        match self.output {
            Output::Score => self.print(model.num_outputs(), |rows, out| model.predict(rows, out), float),
            Output::Margin => self.print(model.num_margins(), |rows, out| model.margin(rows, out), float),
            Output::Leaf => self.print(
                model.num_trees(),
                |rows, out| model.leaves(rows, out),
                |leaf: u32, line| {
                    line.push_str(&leaf.to_string());
                },
            ),
            Output::Contributions => {
                self.print(model.num_contributions(), |rows, out| model.contributions(rows, out), float)
            }
        }
    }

    /// Prints the `width` numbers of each waiting row, as `give` has them from the model.
    fn print<T: Copy + Default>(
        &mut self,
        width: usize,
        give: impl FnOnce(&[f32], &mut [T]) -> Result<(), gbtree::ShapeError>,
        spell: impl Fn(T, &mut String),
    ) -> io::Result<()> {
        let mut numbers = vec![T::default(); self.rows.len() / self.model.num_features() * width];
        give(&self.rows, &mut numbers).map_err(io::Error::other)?;
        self.rows.clear();
        for row in numbers.chunks_exact(width.max(1)) {
            self.line.clear();
            for (at, number) in row.iter().enumerate() {
                if at > 0 {
                    self.line.push(',');
                }
                spell(*number, &mut self.line);
            }
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

fn float(number: f32, line: &mut String) {
    python_float(f64::from(number), line);
}
