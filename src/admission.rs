//! One bound on CPU-heavy work: decoding and encoding of large bodies, scoring and explaining of many rows.
//!
//! Small work runs where it is: handing it over takes longer than doing it. Large work runs on the blocking pool, a few at
//! a time, so that small requests find a free core.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// Permits for large work; cheap to clone.
#[derive(Clone)]
pub struct Admission {
    permits: Arc<Semaphore>,
}

impl Default for Admission {
    /// Leaves one core, where there are several, to small requests.
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::new((cores - 1).max(1))
    }
}

impl Admission {
    /// Lets `at_once` pieces of large work run at the same time.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)) }
    }

    /// Does `work`: here if it is small, else on the blocking pool when it is its turn. A panic in it goes on here.
    pub async fn run<T: Send + 'static>(
        &self,
        is_small: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if is_small {
            return work();
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("nobody closes this semaphore: this is a bug");
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by its caller, who may be gone before it is done.
            let _permit = permit;
            work()
        });
        done.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}
