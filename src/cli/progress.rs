//! A progress bar over the bytes of a file, shown on a terminal only.

use std::fs::File;
use std::io::{IsTerminal, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error for reading `file`; hidden if that is not a terminal or `file` is not a regular file.
pub(super) fn bytes_of(file: Option<&File>) -> ProgressBar {
    let size = file.and_then(|file| file.metadata().ok()).filter(std::fs::Metadata::is_file);
    match size {
        Some(size) if stderr().is_terminal() => {
            let style = "{bar:30} {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
            let bar = ProgressBar::new(size.len());
            bar.set_style(
                ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        }
        _ => ProgressBar::hidden(),
    }
}

/// The same for a command that prints while it reads: also hidden if standard output is a terminal, where the two would mix.
pub(super) fn beside_output(file: &File) -> ProgressBar {
    if stdout().is_terminal() { ProgressBar::hidden() } else { bytes_of(Some(file)) }
}
