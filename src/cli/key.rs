//! `imba key`: API keys for callers.

use clap::{Args, Subcommand};

use super::{CommandError, print, say};
use crate::access::key::{generate, hash, hex};
use crate::access::scope::Scopes;
use crate::config::access::is_name;

/// Create API keys for callers.
#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Create a key: prints it, this once, and below it the line to add to the access.keys file.
    ///
    /// The caller sends the key as x-api-key or as Authorization: Bearer. The line holds only the key's SHA-256, so reading the
    /// file lets nobody in. A running service re-reads the file within access.reload_interval, or on SIGHUP.
    New(NewArgs),
}

#[derive(Args)]
pub(super) struct NewArgs {
    /// Name of the key: letters, digits, hyphens and underscores.
    #[arg(long)]
    name: String,
    /// A plan from the configuration, access.plans.NAME; without one, no limit applies.
    #[arg(long, default_value = "", hide_default_value = true)]
    plan: String,
    /// What the caller may do, separated by commas: predict, explain, recommend, users, admin. By default all but admin.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
}

pub(super) fn key(command: &KeyCommand) -> Result<(), CommandError> {
    let KeyCommand::New(NewArgs { name, plan, scopes }) = command;
    if !is_name(name) {
        return Err(CommandError::Failed(
            "--name: expected 1 to 64 letters, digits, hyphens and underscores".into(),
        ));
    }
    if !plan.is_empty() && !is_name(plan) {
        return Err(CommandError::Failed("--plan: expected the NAME of an access.plans.NAME".into()));
    }
    let scopes = if scopes.is_empty() {
        Scopes::USUAL
    } else {
        Scopes::parse(&scopes.join(" ")).map_err(|what| CommandError::Failed(format!("--scopes: {what}")))?
    };
    let key = generate()
        .map_err(|_| CommandError::Failed("the system's source of random numbers failed".into()))?;
    print(&format!("{key}\n{name},{},{plan},{scopes}\n", hex(&hash(&key))))?;
    say("The first line is the key, shown only this once. Add the second to the file that access.keys names.\n".into());
    Ok(())
}
