//! One bound on heavy work: decoding and encoding of large bodies, scoring and explaining of many rows.
//!
//! Small work runs where it is: handing it over takes longer than doing it. Large work is admitted by its size or refused at
//! once, and runs on the blocking pool, a few pieces at a time, so that small requests find a free core.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// The bound on the heavy work of one service; cheap to clone.
#[derive(Clone)]
pub struct Admission(Arc<Shared>);

struct Shared {
    permits: Semaphore,
    rows: Pool,
    bytes: Pool,
}

/// As much as may be waits already; a later try may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much work is waiting")]
pub struct Overloaded;

/// How much heavy work is let in.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionLimits {
    /// Pieces of large work that run at the same time.
    pub at_once: usize,
    /// Rows of large requests that are admitted at the same time.
    pub rows: usize,
    /// Bytes of request bodies that are held at the same time.
    pub bytes: usize,
}

impl AdmissionLimits {
    /// Leaves one core, where there are several, to small requests.
    #[must_use]
    pub fn new(rows: usize, bytes: usize) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { at_once: (cores - 1).max(1), rows, bytes }
    }
}

impl Default for Admission {
    /// For a process that works for one caller alone.
    fn default() -> Self {
        Self::new(AdmissionLimits::new(usize::MAX, usize::MAX))
    }
}

impl Admission {
    /// Admits heavy work within `limits`.
    #[must_use]
    pub fn new(limits: AdmissionLimits) -> Self {
        let permits = Semaphore::new(limits.at_once.clamp(1, Semaphore::MAX_PERMITS));
        Self(Arc::new(Shared { permits, rows: Pool::new(limits.rows), bytes: Pool::new(limits.bytes) }))
    }

    /// Admits a request of so many `rows`, until the lease is dropped. One request is always admitted, however large.
    ///
    /// # Errors
    /// There is no room beside those that are admitted.
    pub fn admit(&self, rows: usize) -> Result<Lease, Overloaded> {
        let mut lease = Lease { shared: Arc::clone(&self.0), pool: |shared| &shared.rows, size: 0 };
        if self.0.rows.take(rows, true) {
            lease.size = rows;
            return Ok(lease);
        }
        Err(Overloaded)
    }

    /// A lease on bytes that grows as a body arrives.
    #[must_use]
    pub fn body(&self) -> Lease {
        Lease { shared: Arc::clone(&self.0), pool: |shared| &shared.bytes, size: 0 }
    }

    /// Does `work`: here if it is small, else on the blocking pool when it is its turn. Work whose caller is gone before its
    /// turn is not begun.
    ///
    /// # Panics
    /// If `work` does: the panic goes on here.
    pub async fn run<T: Send + 'static>(
        &self,
        is_small: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if is_small {
            return work();
        }
        let shared = Arc::clone(&self.0);
        let permit = self.0.permits.acquire().await.expect("nobody closes this semaphore: this is a bug");
        // Held by the work, not by its caller, who may be gone before it is done.
        permit.forget();
        let permit = Permit(shared);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

struct Permit(Arc<Shared>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.permits.add_permits(1);
    }
}

/// A share of what may be under way, given back when it is dropped.
pub struct Lease {
    shared: Arc<Shared>,
    pool: fn(&Shared) -> &Pool,
    size: usize,
}

impl Lease {
    /// Takes so much more.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn grow(&mut self, by: usize) -> Result<(), Overloaded> {
        if !(self.pool)(&self.shared).take(by, false) {
            return Err(Overloaded);
        }
        self.size += by;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        (self.pool)(&self.shared).used.fetch_sub(self.size, Ordering::Relaxed);
    }
}

struct Pool {
    used: AtomicUsize,
    limit: usize,
}

impl Pool {
    fn new(limit: usize) -> Self {
        Self { used: AtomicUsize::new(0), limit }
    }

    /// Takes `size` if there is room, or, `when_empty`, if nothing else is taken.
    fn take(&self, size: usize, when_empty: bool) -> bool {
        let room = |used: usize| {
            let next = used.checked_add(size)?;
            (next <= self.limit || when_empty && used == 0).then_some(next)
        };
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(rows: usize, bytes: usize) -> Admission {
        Admission::new(AdmissionLimits { at_once: 1, rows, bytes })
    }

    #[test]
    fn rows_are_admitted_up_to_the_limit_and_one_request_always() {
        let admission = admission(10, 0);
        let huge = admission.admit(1000).map_err(|_| "refused").unwrap();
        assert!(admission.admit(1).is_err());
        drop(huge);
        let most = admission.admit(9).map_err(|_| "refused").unwrap();
        assert!(admission.admit(1).is_ok());
        assert!(admission.admit(2).is_err());
        drop(most);
        assert!(admission.admit(10).is_ok());
    }

    #[test]
    fn bytes_grow_up_to_the_limit() {
        let admission = admission(0, 10);
        let (mut one, mut other) = (admission.body(), admission.body());
        assert_eq!([one.grow(6), other.grow(5), other.grow(4)], [Ok(()), Err(Overloaded), Ok(())]);
        drop(one);
        assert_eq!(other.grow(6), Ok(()));
    }

    #[tokio::test]
    async fn large_work_runs_one_piece_at_a_time_and_is_dropped_with_its_caller() {
        let admission = admission(0, 0);
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let (end, is_ended) = std::sync::mpsc::channel();
        let running = tokio::spawn({
            let admission = admission.clone();
            async move {
                let work = move || {
                    begun.send(()).expect("the test listens");
                    is_ended.recv().expect("the test ends it");
                };
                admission.run(false, work).await;
            }
        });
        is_begun.await.expect("it runs");
        let gone = admission.run(false, || panic!("nobody waits for this"));
        assert!(tokio::time::timeout(std::time::Duration::from_millis(10), gone).await.is_err());
        assert_eq!(admission.run(true, || 7).await, 7, "small work does not wait");
        end.send(()).expect("it listens");
        running.await.expect("no panic");
        assert_eq!(admission.run(false, || 8).await, 8);
    }
}
