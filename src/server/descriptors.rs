//! The limit on open files, and the connections that it allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Most connections unless the operator says otherwise: each takes some kilobytes, whatever it does.
const MOST: usize = 16_384;
/// Open files that are not connections (the store, upstreams, the page): a quarter, but no more than this.
const RESERVE: usize = 256;

/// Raises the limit on open files as far as the process may, and returns how many connections are served at once: `wanted`,
/// or with 0 as many as the limit allows; fewer where it does not allow that many.
#[must_use]
pub(super) fn connections(wanted: usize) -> usize {
    let files = raise();
    let allowed = allowed(files);
    if wanted > allowed {
        warn!(
            "server.connections: {wanted} connections need more open files than the limit of {files} leaves room for; \
             {allowed} are served at once"
        );
    }
    match wanted {
        0 => allowed.min(MOST),
        wanted => wanted.min(allowed),
    }
}

/// The limit on open files, raised from the soft one to the hard one.
fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            warn!("the limit on open files stays at {current:?}: {error}");
            current
        }
    };
    raised.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

fn allowed(files: usize) -> usize {
    (files - RESERVE.min(files / 4)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_open_files_is_kept_for_others() {
        assert_eq!(allowed(256), 192);
        assert_eq!(allowed(1024), 768);
        assert_eq!(allowed(65_536), 65_280);
        assert_eq!(allowed(1), 1);
    }
}
