//! One bound on heavy work: decoding and encoding of large bodies, scoring and explaining of many rows.
//!
//! Small work runs where it is: handing it over takes longer than doing it. Large work is admitted by its size or refused at
//! once, and runs on a few threads of its own, so that small requests find a free core.

mod density;
mod pressure;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use self::density::Density;
use self::pressure::Pressure;
use self::workers::Workers;

/// The bound on the heavy work of one service; cheap to clone.
#[derive(Clone)]
pub struct Admission(Arc<Shared>);

struct Shared {
    workers: Workers,
    rows: Pool,
    bytes: Pool,
    density: Density,
    pressure: Pressure,
}

/// As much as may be waits already; a later try may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much work is waiting")]
pub struct Overloaded {
    /// Time after which another try is worth it, in whole seconds.
    pub retry_after: Duration,
}

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
        let (rows, bytes) = (Pool::new(limits.rows), Pool::new(limits.bytes));
        let workers = Workers::new(limits.at_once.max(1));
        Self(Arc::new(Shared { workers, rows, bytes, density: Density::new(), pressure: Pressure::new() }))
    }

    /// Admits a request of so many `rows`, until the lease is dropped. One request is always admitted, however large.
    ///
    /// # Errors
    /// There is no room beside those that are admitted.
    pub fn admit(&self, rows: usize) -> Result<Lease, Overloaded> {
        let lease = self.rows(rows)?;
        self.0.pressure.admitted();
        Ok(lease)
    }

    /// Admits the `rows` of a body of so many `bytes`.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub fn admit_body(&self, rows: usize, bytes: usize) -> Result<Lease, Overloaded> {
        self.0.density.note(rows, bytes);
        self.admit(rows)
    }

    /// Room for a body that is yet to come, of as many bytes as were announced.
    ///
    /// # Errors
    /// It is not worth reading: there is no room for it, or none would be left for the rows that it is likely to have.
    pub fn expect(&self, bytes: usize) -> Result<Expected, Overloaded> {
        let rows = self.rows(self.0.density.rows_in(bytes))?;
        let mut body = self.body();
        body.grow(bytes)?;
        Ok(Expected { bytes: body, rows })
    }

    fn rows(&self, rows: usize) -> Result<Lease, Overloaded> {
        let mut lease = self.lease(|shared| &shared.rows);
        if !self.0.rows.take(rows, true) {
            return Err(self.0.refuse());
        }
        lease.size = rows;
        Ok(lease)
    }

    /// A lease on bytes that grows as a body arrives.
    #[must_use]
    pub fn body(&self) -> Lease {
        self.lease(|shared| &shared.bytes)
    }

    fn lease(&self, pool: fn(&Shared) -> &Pool) -> Lease {
        Lease { shared: Arc::clone(&self.0), pool, size: 0 }
    }

    /// Does `work`: here if it is small, else on a thread of its own kind when it is its turn. Work whose caller is gone before
    /// its turn is not begun.
    ///
    /// # Panics
    /// If `work` does: the panic goes on here.
    pub async fn run<T: Send + 'static>(
        &self,
        is_small: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if is_small { work() } else { self.0.workers.run(work).await }
    }
}

impl Shared {
    fn refuse(&self) -> Overloaded {
        Overloaded { retry_after: self.pressure.refused() }
    }
}

/// The room of a body on its way.
pub struct Expected {
    /// For its bytes.
    pub bytes: Lease,
    /// For its rows, to be given back just before they are admitted, or when it is late.
    pub rows: Lease,
}

/// A share of what may be under way, given back when it is dropped.
pub struct Lease {
    shared: Arc<Shared>,
    pool: fn(&Shared) -> &Pool,
    size: usize,
}

impl Lease {
    /// What it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes so much more.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn grow(&mut self, by: usize) -> Result<(), Overloaded> {
        if !(self.pool)(&self.shared).take(by, false) {
            return Err(self.shared.refuse());
        }
        self.size += by;
        Ok(())
    }

    /// Gives back all but `size`.
    pub fn shrink(&mut self, size: usize) {
        let less = self.size.saturating_sub(size);
        (self.pool)(&self.shared).used.fetch_sub(less, Ordering::Relaxed);
        self.size -= less;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shrink(0);
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
        let refused = Overloaded { retry_after: Duration::from_secs(1) };
        assert_eq!([one.grow(6), other.grow(5), other.grow(4)], [Ok(()), Err(refused), Ok(())]);
        drop(one);
        assert_eq!(other.grow(6), Ok(()));
    }

    #[test]
    fn a_body_is_not_read_when_it_would_be_refused_afterwards() {
        let admission = admission(8, 100);
        assert!(admission.expect(101).is_err());
        let Expected { mut bytes, rows } = admission.expect(100).map_err(|_| "refused").unwrap();
        assert!(admission.expect(1).is_err(), "all is taken by what was announced");
        bytes.shrink(40);
        drop(rows);
        assert_eq!(
            (bytes.size(), admission.expect(60).is_ok(), admission.expect(61).is_ok()),
            (40, true, false)
        );
        drop(bytes);
        let four = admission.admit_body(4, 19).map_err(|_| "refused").unwrap();
        let two = admission.expect(10).map_err(|_| "refused").unwrap();
        assert!(admission.expect(15).is_err(), "of its three rows only two would find room");
        assert!(admission.admit(3).is_err(), "two rows are promised");
        drop(two.rows);
        assert!(admission.admit(3).is_ok());
        drop(four);
        assert!(admission.expect(50).is_ok(), "one body is always let in, of ten rows or more");
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
        assert!(tokio::time::timeout(Duration::from_millis(10), gone).await.is_err());
        assert_eq!(admission.run(true, || 7).await, 7, "small work does not wait");
        end.send(()).expect("it listens");
        running.await.expect("no panic");
        assert_eq!(admission.run(false, || 8).await, 8);
    }
}
