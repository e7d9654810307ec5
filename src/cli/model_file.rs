//! A model file named on the command line: what it may cost to read.

use std::path::Path;

use bytesize::ByteSize;
use clap::Args;

use super::CommandError;
use crate::config::DEMO;
use crate::demo;
use crate::model::file::read_file;

#[derive(Args)]
pub(super) struct ModelLimits {
    /// Largest model file to read, e.g. 2GiB.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    size_limit: usize,
    /// Most memory that the decoded model may take, e.g. 2GiB.
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = size)]
    pub(super) memory_limit: usize,
}

impl ModelLimits {
    /// The content of the regular file at `path`, unless it is too large; `demo` is the built-in model.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, CommandError> {
        if path.as_os_str() == DEMO {
            return Ok(demo::model());
        }
        read_file(path, self.size_limit, "--size-limit")
            .map_err(|error| CommandError::of(path.display(), error))
    }
}

fn size(text: &str) -> Result<usize, String> {
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let size = text.parse::<ByteSize>().ok().filter(|size| has_unit && size.as_u64() > 0);
    let size = size.and_then(|size| usize::try_from(size.as_u64()).ok());
    size.ok_or_else(|| "expected a size with its unit, like \"512MiB\" or \"2GiB\"".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;
    use crate::config::Config;
    use crate::config::source::Settings;

    #[test]
    fn the_defaults_are_those_of_the_service() {
        let command = ModelLimits::augment_args(clap::Command::new("test"));
        let limits = ModelLimits::from_arg_matches(&command.get_matches_from(["test"])).unwrap();
        let model = Config::resolve(&Settings::defaults()).unwrap().model;
        assert_eq!((limits.size_limit, limits.memory_limit), (model.size_limit, model.memory_limit));
        assert_eq!(model.memory_limit, crate::scorer::embedded::LoadOptions::default().memory_limit);
        for wrong in ["1", "0MiB", "much", "-1MiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
