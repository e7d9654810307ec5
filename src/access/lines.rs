//! Files with one caller per line: four fields with commas between them, the last one or two of which may be absent; empty lines, and those that begin
//! with `#`, are skipped.

use std::sync::Arc;

use super::scope::Scopes;
use super::{Caller, Meters, Plans};
use crate::config::access::is_name;

/// Largest file.
pub(super) const LARGEST: u64 = 16 * 1024 * 1024;

/// A line that is none. No part of a secret is in its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LineError {
    /// 1-based.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// The lines of `text` with their numbers; they look like `form`.
pub(super) fn read<'t>(
    text: &'t str,
    form: &'static str,
) -> impl Iterator<Item = Result<(usize, [&'t str; 4]), LineError>> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(move |(number, line)| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        match fields[..] {
            [name, secret] => Ok((number, [name, secret, "", ""])),
            [name, secret, plan] => Ok((number, [name, secret, plan, ""])),
            [name, secret, plan, scopes] => Ok((number, [name, secret, plan, scopes])),
            _ => Err(LineError {
                line: number,
                what: format!("expected {form}, found {} fields", fields.len()),
            }),
        }
    })
}

/// The caller of a line, or what is wrong with it.
pub(super) fn caller(
    kind: &'static str,
    name: &str,
    plan: &str,
    scopes: &str,
    plans: &Plans,
    meters: &Meters,
) -> Result<Caller, String> {
    if !is_name(name) {
        return Err("the name is not 1 to 64 letters, digits, hyphens and underscores".to_owned());
    }
    let scopes = if scopes.is_empty() { Scopes::USUAL } else { Scopes::parse(scopes)? };
    let plan = plans.named(plan)?;
    let meter = plan.is_some().then(|| meters.of(kind, name));
    Ok(Caller { kind, name: Arc::from(name), scopes, plan, meter })
}
