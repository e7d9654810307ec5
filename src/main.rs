//! The `imba` program; see [`imba::cli`].

use std::process::ExitCode;

/// A request allocates dozens of times, a call of AWS hundreds of times: the allocator's speed is in every answer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    imba::cli::run()
}
