//! `imba config`: what is in force, as TOML that could be read back, each key with where its value came from.

use std::fmt::Write;

use super::{CommandError, ConfigArgs};
use crate::config::Config;
use crate::config::source::{Raw, Settings};

/// Keys whose values are nobody's business.
const SECRET: [&str; 1] = ["access.sigv4_credentials"];

pub(super) fn print(args: &ConfigArgs) -> Result<(), CommandError> {
    let settings = Settings::layered(&args.files);
    Config::resolve(&settings)?;
    let mut text = String::new();
    for (key, setting) in settings.iter() {
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
