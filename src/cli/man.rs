//! `imba man`: the manual pages, generated from `--help`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::{Cli, CommandError};

#[derive(Args)]
pub(super) struct ManArgs {
    /// The folder; created if missing.
    folder: PathBuf,
}

pub(super) fn write(args: &ManArgs) -> Result<(), CommandError> {
    fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.folder))
        .map_err(|error| CommandError::of(args.folder.display(), error))
}
