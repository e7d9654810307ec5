//! The `imba` program; see [`imba::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    imba::cli::run()
}
