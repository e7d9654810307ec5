//! `imba key`: keys of callers.

use clap::{Args, Subcommand};

use super::{CommandError, print, say};
use crate::access::key::{generate, hash, hex};
use crate::access::scope::Scopes;
use crate::config::access::is_name;

/// Keys of callers.
#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key: prints it, this once, and below it the line for the file that access.keys names.
    ///
    /// The key goes to the caller, who sends it as x-api-key or as Authorization: Bearer. The line holds the key's SHA-256: whoever
    /// reads the file cannot ask anything. A running service reads the file again within access.reload_interval, or on SIGHUP.
    New(NewArgs),
}

#[derive(Args)]
pub(super) struct NewArgs {
    /// What the key is called: letters, digits, hyphens and underscores.
    #[arg(long)]
    name: String,
    /// A plan of the configuration, access.plans.NAME; none for no limit.
    #[arg(long, default_value = "")]
    plan: String,
    /// What its caller may do, with commas: predict, explain, recommend, users, admin; all but admin where none is named.
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
    let key = generate().map_err(|_| CommandError::Failed("the system has no random numbers".into()))?;
    print(&format!("{key}\n{name},{},{plan},{scopes}\n", hex(&hash(&key))))?;
    say("The first line is the key; it is shown this once. The second is for the file that access.keys names.\n".into());
    Ok(())
}
