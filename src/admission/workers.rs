//! The threads of heavy work.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// How much they give way, as `nice` counts, to the threads that answer small requests on a core that they share: next to one
/// that is always busy they still get a sixth of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 7;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads that do one piece of work after the other; they end with their owner. How much waits for them is the owner's to
/// bound.
pub(super) struct Workers(Sender<Job>);

impl Workers {
    /// So many threads.
    pub(super) fn new(count: usize) -> Self {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..count {
            let jobs = Arc::clone(&receiver);
            thread::Builder::new()
                .name("work".into())
                .spawn(move || serve(&jobs))
                .expect("the system has room for a few threads more");
        }
        Self(sender)
    }

    /// What `work` gives, done in its turn, unless the caller is gone by then.
    ///
    /// # Panics
    /// If `work` does.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, is_done) = oneshot::channel();
        let job = move || {
            if !done.is_closed() {
                let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
            }
        };
        let outcome = match self.0.send(Box::new(job)) {
            Ok(()) => is_done.await.ok(),
            Err(_) => None,
        };
        outcome
            .expect("the threads end with their owner: this is a bug")
            .unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn serve(jobs: &Mutex<Receiver<Job>>) {
    // Where the system does not allow it, nothing changes.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
