//! `imba model`: what is in a model file.

use std::fmt::{Display, Write};
use std::path::PathBuf;

use clap::Args;

use super::{CommandError, model_file, print};
use crate::model::model_version;

#[derive(Args)]
pub(super) struct ModelArgs {
    /// The model file; demo is the one that is built in.
    file: PathBuf,
}

pub(super) fn model(args: &ModelArgs) -> Result<(), CommandError> {
    let name = args.file.display();
    let bytes = model_file(&args.file)?;
    let model = gbtree::Model::from_bytes(&bytes).map_err(|error| CommandError::of(&name, error))?;
    let mut text = String::new();
    let mut line = |label: &str, value: &dyn Display| {
        writeln!(text, "{label:<15} {value}").expect("writing to a String does not fail: this is a bug");
    };

    line("file", &name);
    line("size", &format_args!("{} bytes", bytes.len()));
    line("sha256", &model_version(&bytes));
    line("format", &model.format());
    match model.version() {
        Some(version) => line("saved by", &format_args!("XGBoost {version}")),
        None => line("saved by", &"an XGBoost release that does not say"),
    }
    line("booster", &model.booster());
    line("objective", &model.objective());
    line("trees", &model.num_trees());
    line("iterations", &model.num_iterations());
    if let Some(best) = model.best_iteration() {
        line("best iteration", &format_args!("{best} (--iterations 0..{} applies it)", best + 1));
    }
    line("outputs", &model.num_outputs());
    line("features", &model.num_features());
    for (at, name) in model.feature_names().iter().enumerate() {
        let kind = model.feature_types().get(at).map_or("", String::as_str);
        line("", &format_args!("{at:>4} {name} {kind}").to_string().trim_end());
    }
    for (key, value) in model.attributes() {
        line("attribute", &format_args!("{key} = {value}"));
    }
    print(&text)
}
