//! `imba config`: the values in force, as TOML that can be read back, each with where it came from.

use std::fmt::Write;

use clap::Args;

use super::{CommandError, ConfigArgs};
use crate::config::Config;
use crate::config::source::{Origin, Raw, Settings};

/// Keys whose values are never printed.
const SECRET: [&str; 1] = ["access.sigv4_credentials"];

#[derive(Args)]
pub(super) struct SettingsArgs {
    /// Print only the values that differ from the built-in defaults.
    #[arg(long)]
    changed: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn print(args: &SettingsArgs) -> Result<(), CommandError> {
    let settings = Settings::layered(&args.config.files);
    let defaults = Settings::defaults();
    Config::resolve(&settings)?;
    let mut text = String::new();
    for (key, setting) in settings.iter() {
        let is_default =
            || defaults.get(key).is_some_and(|default| default.raw.says_as_much_as(&setting.raw));
        if args.changed && (setting.origin == Origin::DataFolder || is_default()) {
            continue;
        }
        let value = match &setting.raw {
            Raw::Text(text) if SECRET.contains(&key) && !text.is_empty() => quoted("(hidden)"),
            Raw::Text(text) => quoted(text),
            Raw::Bare(text) => text.clone(),
            Raw::List(items) => {
                format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
            }
            Raw::Other(kind) => panic!("{key} is {kind}, which resolve refuses: this is a bug"),
        };
        writeln!(text, "{key} = {value} # {}", setting.origin)
            .expect("writing to a String does not fail: this is a bug");
    }
    super::print(&text)
}

/// A TOML basic string, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
