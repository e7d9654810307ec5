//! A bulkhead: at most so many calls to an upstream in flight, and so many callers waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::UpstreamError;

/// Permits for calls, and the queue before them.
pub struct Bulkhead {
    permits: Semaphore,
    queue: WaitQueue,
}

impl Bulkhead {
    /// Lets `in_flight` calls pass at once, while `waiting` callers wait.
    #[must_use]
    pub fn new(in_flight: usize, waiting: usize) -> Self {
        let queue = WaitQueue { waiting: Arc::default(), limit: waiting };
        Self { permits: Semaphore::new(in_flight.min(Semaphore::MAX_PERMITS)), queue }
    }

    /// The queue, for components that make their callers wait elsewhere: one bound covers all of them.
    #[must_use]
    pub fn queue(&self) -> WaitQueue {
        self.queue.clone()
    }

    /// A permit for one call, at once or when another call ends.
    ///
    /// # Errors
    /// As many callers as may wait are waiting.
    pub async fn permit(&self) -> Result<SemaphorePermit<'_>, UpstreamError> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let _slot = self.queue.enter().ok_or(UpstreamError::Overloaded)?;
        Ok(self.permits.acquire().await.expect("nobody closes this semaphore: this is a bug"))
    }
}

/// How many callers wait for one upstream, wherever they do; cheap to clone.
#[derive(Clone)]
pub struct WaitQueue {
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

impl WaitQueue {
    /// A slot, if one is free.
    #[must_use]
    pub fn enter(&self) -> Option<QueueSlot> {
        let slot = QueueSlot(Arc::clone(&self.waiting));
        // Counted before it is compared, so that two simultaneous callers count as two.
        (slot.0.fetch_add(1, Ordering::Relaxed) < self.limit).then_some(slot)
    }
}

/// A caller's slot in the queue, given back when it is dropped.
pub struct QueueSlot(Arc<AtomicUsize>);

impl Drop for QueueSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
