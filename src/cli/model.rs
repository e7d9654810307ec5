//! `imba model`: what a model file contains.

mod card;
mod facts;

use std::path::PathBuf;

use clap::Args;
use gbtree::{Limits, LoadError};

use self::facts::Facts;
use super::model_file::ModelLimits;
use super::{CommandError, print};

#[derive(Args)]
pub(super) struct ModelArgs {
    /// The model file, or demo for the built-in one.
    file: PathBuf,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: ModelLimits,
}

pub(super) fn model(args: &ModelArgs) -> Result<(), CommandError> {
    let name = args.file.display();
    let bytes = args.limits.read(&args.file)?;
    let limits = Limits::new().decoded(args.limits.memory_limit);
    let model = gbtree::Model::from_bytes_with(&bytes, &limits).map_err(|error| match error {
        LoadError::TooLarge { .. } => {
            let what = "the model needs more memory than --memory-limit allows";
            CommandError::of(&name, what)
        }
        other => CommandError::of(&name, other),
    })?;
    let facts = Facts::of(&name.to_string(), &bytes, &model);
    if args.json {
        let json = serde_json::to_string_pretty(&facts).map_err(CommandError::failed)?;
        return print(&(json + "\n"));
    }
    print(&facts.text())
}
