//! Coalescing: callers that come while a call is under way share the next one.
//!
//! An idle upstream is called at once, on the caller's own task. While calls are under way, newcomers gather; the next call
//! takes all of them, up to its limit, as soon as one under way returns. So that a slow call holds up nobody, the next one
//! also starts when there is room for it and a share of the time that calls usually take has passed since the last one
//! started: with 8 at once, an eighth of it. Whoever hangs up leaves the queue.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::upstream::UpstreamError;

/// Shortest and longest time between the starts of calls that are made beside others.
const SPACING: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// A call that can be made for several callers at once.
pub trait Joint: Send + Sync + 'static {
    /// What one caller asks for.
    type Ask: Send + 'static;
    /// What it gets.
    type Answer: Send + 'static;
    /// Or why it gets nothing.
    type Error: From<UpstreamError> + Send + 'static;

    /// Makes the call.
    fn call(&self, ask: Self::Ask) -> impl Future<Output = Result<Self::Answer, Self::Error>> + Send;

    /// Number of items asked for.
    fn size(ask: &Self::Ask) -> usize;

    /// Whether the two can be asked for in one call.
    fn fit(one: &Self::Ask, other: &Self::Ask) -> bool;

    /// Everything that `asks` ask for, in order.
    fn join(asks: &[&Self::Ask]) -> Self::Ask;

    /// The parts of an answer, one of each of `sizes`, in order.
    fn split(answer: Self::Answer, sizes: &[usize]) -> Vec<Self::Answer>;

    /// Whether an error may be due to what one of several callers asked for, so that the others should be asked for apart.
    fn may_be_of_one(error: &Self::Error) -> bool;

    /// The same error, `count` times.
    fn copies(error: Self::Error, count: usize) -> Vec<Self::Error>;
}

/// How much is joined, and how many wait.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most items in a call of several callers; a caller that asks for more gets a call of its own.
    pub items: usize,
    /// Most calls under way at once.
    pub in_flight: usize,
    /// Most callers that wait for the next call.
    pub waiting: usize,
}

/// What joins calls.
pub struct Coalescer<J: Joint>(Arc<Shared<J>>);

struct Shared<J: Joint> {
    joint: J,
    limits: Limits,
    queue: Mutex<Queue<J>>,
}

struct Queue<J: Joint> {
    waiting: VecDeque<Waiter<J>>,
    /// Items of all who wait, some of whom may have hung up.
    size: usize,
    in_flight: usize,
    /// When the last call started.
    started: Instant,
    /// Moving average of the time that calls take.
    usual: Duration,
    is_paced: bool,
}

struct Waiter<J: Joint> {
    ask: J::Ask,
    size: usize,
    reply: oneshot::Sender<Result<J::Answer, J::Error>>,
}

impl<J: Joint> Coalescer<J> {
    /// Joins calls of `joint` within `limits`.
    #[must_use]
    pub fn new(joint: J, limits: Limits) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            size: 0,
            in_flight: 0,
            started: Instant::now(),
            usual: Duration::ZERO,
            is_paced: false,
        };
        Self(Arc::new(Shared { joint, limits, queue: Mutex::new(queue) }))
    }

    /// The answer to `ask`, from a call of its own or a share of one.
    ///
    /// # Errors
    /// Those of the call; also that too many are waiting.
    pub async fn ask(&self, ask: J::Ask) -> Result<J::Answer, J::Error> {
        match self.0.enter(ask) {
            Entry::Alone(ask, flight) => {
                let answer = self.0.joint.call(ask).await;
                flight.land();
                answer
            }
            Entry::Shared(answer) => answer
                .await
                .unwrap_or_else(|_| Err(UpstreamError::garbled("the call ended without an answer").into())),
            Entry::Full => Err(UpstreamError::Overloaded.into()),
        }
    }
}

/// How a caller goes on.
enum Entry<J: Joint> {
    /// With a call of its own, at once.
    Alone(J::Ask, Flight<J>),
    /// With its part of the next call.
    Shared(oneshot::Receiver<Result<J::Answer, J::Error>>),
    /// Not at all.
    Full,
}

impl<J: Joint> Shared<J> {
    fn queue(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, ask: J::Ask) -> Entry<J> {
        let mut queue = self.queue();
        if queue.in_flight == 0 {
            queue.begin();
            return Entry::Alone(ask, Flight::begin(self));
        }
        if queue.waiting.len() >= self.limits.waiting {
            queue.waiting.retain(|waiter| !waiter.reply.is_closed());
            queue.size = queue.waiting.iter().map(|waiter| waiter.size).sum();
            if queue.waiting.len() >= self.limits.waiting {
                return Entry::Full;
            }
        }
        let (reply, answer) = oneshot::channel();
        let size = J::size(&ask);
        queue.waiting.push_back(Waiter { ask, size, reply });
        queue.size += size;
        let has_room = queue.in_flight < self.limits.in_flight;
        if has_room && (queue.size >= self.limits.items || queue.wait(&self.limits).is_zero()) {
            let next = queue.take(self.limits.items);
            drop(queue);
            self.start(next);
        } else if !queue.is_paced && self.limits.in_flight > 1 {
            queue.is_paced = true;
            drop(queue);
            tokio::spawn(Arc::clone(self).pace());
        }
        Entry::Shared(answer)
    }

    /// Starts a call for `waiters`, whom the queue has counted as one. Never under the queue's lock: a runtime that is about
    /// to stop drops the call at once, and what is dropped takes the lock.
    fn start(self: &Arc<Self>, waiters: Vec<Waiter<J>>) {
        if waiters.is_empty() {
            return;
        }
        let flight = Flight::begin(self);
        let shared = Arc::clone(self);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                shared.fly(waiters).await;
                flight.land();
            });
        }
    }

    /// Makes one call for all of `waiters`; if it fails for what one of them may have asked for, calls for each half.
    fn fly(&self, mut waiters: Vec<Waiter<J>>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            waiters.retain(|waiter| !waiter.reply.is_closed());
            if waiters.is_empty() {
                return;
            }
            let all = J::join(&waiters.iter().map(|waiter| &waiter.ask).collect::<Vec<_>>());
            match self.joint.call(all).await {
                Ok(answer) => {
                    let sizes: Vec<_> = waiters.iter().map(|waiter| waiter.size).collect();
                    for (waiter, part) in waiters.into_iter().zip(J::split(answer, &sizes)) {
                        // Whoever hung up meanwhile has no use for it.
                        let _ = waiter.reply.send(Ok(part));
                    }
                }
                Err(error) if waiters.len() > 1 && J::may_be_of_one(&error) => {
                    let others = waiters.split_off(waiters.len() / 2);
                    self.fly(waiters).await;
                    self.fly(others).await;
                }
                Err(error) => {
                    let copies = J::copies(error, waiters.len());
                    for (waiter, error) in waiters.into_iter().zip(copies) {
                        let _ = waiter.reply.send(Err(error));
                    }
                }
            }
        })
    }

    /// While anybody waits: starts a call beside those under way whenever its time has come.
    async fn pace(self: Arc<Self>) {
        loop {
            let (next, wait) = {
                let mut queue = self.queue();
                if queue.waiting.is_empty() {
                    queue.is_paced = false;
                    return;
                }
                let is_due = queue.in_flight < self.limits.in_flight && queue.wait(&self.limits).is_zero();
                let next = if is_due { queue.take(self.limits.items) } else { Vec::new() };
                (next, queue.wait(&self.limits).max(SPACING.0))
            };
            self.start(next);
            tokio::time::sleep(wait).await;
        }
    }
}

impl<J: Joint> Queue<J> {
    /// Counts one more call under way.
    fn begin(&mut self) {
        self.in_flight += 1;
        self.started = Instant::now();
    }

    /// Time until one more call may start beside those under way.
    fn wait(&self, limits: &Limits) -> Duration {
        let share = self.usual / u32::try_from(limits.in_flight).unwrap_or(u32::MAX);
        share.clamp(SPACING.0, SPACING.1).saturating_sub(self.started.elapsed())
    }

    /// The first that wait and fit together, up to `items`, counted as a call under way if there are any.
    fn take(&mut self, items: usize) -> Vec<Waiter<J>> {
        let mut taken: Vec<Waiter<J>> = Vec::new();
        let mut size = 0;
        while let Some(next) = self.waiting.front() {
            let joins =
                taken.first().is_none_or(|first| size + next.size <= items && J::fit(&first.ask, &next.ask));
            if !joins && !next.reply.is_closed() {
                break;
            }
            let Some(next) = self.waiting.pop_front() else { break };
            self.size -= next.size;
            if !next.reply.is_closed() {
                size += next.size;
                taken.push(next);
            }
        }
        if !taken.is_empty() {
            self.begin();
        }
        taken
    }
}

/// A call under way. When it ends, however it does, the next one starts.
struct Flight<J: Joint> {
    shared: Arc<Shared<J>>,
    started: Instant,
    landed: bool,
}

impl<J: Joint> Flight<J> {
    fn begin(shared: &Arc<Shared<J>>) -> Self {
        Self { shared: Arc::clone(shared), started: Instant::now(), landed: false }
    }

    fn land(mut self) {
        self.landed = true;
    }
}

impl<J: Joint> Drop for Flight<J> {
    fn drop(&mut self) {
        let next = {
            let mut queue = self.shared.queue();
            queue.in_flight -= 1;
            if self.landed {
                queue.usual = (queue.usual * 7 + self.started.elapsed()) / 8;
            }
            queue.take(self.shared.limits.items)
        };
        self.shared.start(next);
    }
}
