//! Dynamic batching: requests that come while a call is in flight share the next one.
//!
//! An idle upstream is called at once, on the caller's own task. While calls are in flight, newcomers wait; the next call
//! takes all of them, up to its limit, as soon as one in flight returns. So that a slow call holds up nobody, the next one
//! also starts when there is room for it and a share of the time that calls usually take has passed since the last one
//! started: with 8 at once, an eighth of it. A caller that hangs up leaves the queue.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::UpstreamError;
use super::bulkhead::{QueueSlot, WaitQueue};
use crate::cause::cause;

/// Shortest and longest interval between the starts of calls that are made beside others.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// A call that can be made for several requests at once.
pub trait BatchCall: Send + Sync + 'static {
    /// What one caller asks for.
    type Request: Send + 'static;
    /// What it gets.
    type Response: Send + 'static;
    /// Why it gets nothing.
    type Error: From<UpstreamError> + Clone + Send + 'static;

    /// Makes the call.
    fn call(
        &self,
        request: Self::Request,
    ) -> impl Future<Output = Result<Self::Response, Self::Error>> + Send;

    /// Number of items asked for.
    fn size(request: &Self::Request) -> usize;

    /// Whether the two fit in one call.
    fn fit(one: &Self::Request, other: &Self::Request) -> bool;

    /// Everything that `requests` ask for, in order.
    fn join(requests: &[&Self::Request]) -> Self::Request;

    /// The parts of a response, one of each of `sizes`, in order.
    fn split(response: Self::Response, sizes: &[usize]) -> Vec<Self::Response>;

    /// Whether an error may be due to what one of several requests asked for, so that the others should be made apart.
    fn may_concern_one(error: &Self::Error) -> bool;
}

/// How large batches are.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Most items in a call of several requests; a request of more gets a call of its own.
    pub items: usize,
    /// Most calls in flight at once.
    pub in_flight: usize,
}

/// Makes batches of requests.
pub struct Batcher<C: BatchCall>(Arc<Shared<C>>);

struct Shared<C: BatchCall> {
    call: C,
    limits: BatchLimits,
    /// Bounds the waiting callers.
    queue: WaitQueue,
    state: Mutex<State<C>>,
}

struct State<C: BatchCall> {
    waiting: VecDeque<Waiter<C>>,
    /// Items of all waiting callers, some of whom may have hung up.
    size: usize,
    in_flight: usize,
    /// When the last call started.
    started: Instant,
    /// Moving average of the time that calls take.
    usual: Duration,
    /// Whether a task starts calls as their time comes.
    is_timed: bool,
}

struct Waiter<C: BatchCall> {
    request: C::Request,
    size: usize,
    reply: oneshot::Sender<Result<C::Response, C::Error>>,
    _slot: QueueSlot,
}

impl<C: BatchCall> Batcher<C> {
    /// Makes batches for `call` within `limits`; `queue` bounds the requests that wait.
    #[must_use]
    pub fn new(call: C, limits: BatchLimits, queue: WaitQueue) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            size: 0,
            in_flight: 0,
            started: Instant::now(),
            usual: Duration::ZERO,
            is_timed: false,
        };
        Self(Arc::new(Shared { call, limits, queue, state: Mutex::new(state) }))
    }

    /// The response to `request`, from a call of its own or a share of one.
    ///
    /// # Errors
    /// Those of the call; also that too many are waiting.
    pub async fn call(&self, request: C::Request) -> Result<C::Response, C::Error> {
        match self.0.enter(request) {
            Entry::Alone(request, in_flight) => {
                let response = self.0.call.call(request).await;
                in_flight.complete();
                response
            }
            Entry::Batched(response) => response.await.unwrap_or_else(|dropped| {
                let what = "it broke off".to_owned();
                Err(UpstreamError::Failed { what, source: cause(dropped) }.into())
            }),
            Entry::Full => Err(UpstreamError::Overloaded.into()),
        }
    }
}

/// How a request goes on.
enum Entry<C: BatchCall> {
    /// With a call of its own, at once.
    Alone(C::Request, InFlight<C>),
    /// With its part of the next call.
    Batched(oneshot::Receiver<Result<C::Response, C::Error>>),
    /// Not at all.
    Full,
}

impl<C: BatchCall> Shared<C> {
    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, request: C::Request) -> Entry<C> {
        let mut state = self.state();
        if state.in_flight == 0 {
            state.begin();
            return Entry::Alone(request, InFlight::begin(self));
        }
        let slot = self.queue.enter().or_else(|| {
            state.forget_the_gone();
            self.queue.enter()
        });
        let Some(slot) = slot else { return Entry::Full };
        let (reply, response) = oneshot::channel();
        let size = C::size(&request);
        state.waiting.push_back(Waiter { request, size, reply, _slot: slot });
        state.size += size;
        let has_room = state.in_flight < self.limits.in_flight;
        if has_room && (state.size >= self.limits.items || state.interval(&self.limits).is_zero()) {
            let next = state.take(self.limits.items);
            drop(state);
            self.start(next);
        } else if !state.is_timed && self.limits.in_flight > 1 {
            state.is_timed = true;
            drop(state);
            tokio::spawn(Arc::clone(self).start_in_time());
        }
        Entry::Batched(response)
    }

    /// Starts a call for `waiters`, who have been counted as one. Never under the lock: a runtime that is about to stop drops
    /// the call at once, and what is dropped takes the lock.
    fn start(self: &Arc<Self>, waiters: Vec<Waiter<C>>) {
        if waiters.is_empty() {
            return;
        }
        let in_flight = InFlight::begin(self);
        let shared = Arc::clone(self);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                shared.call_for(waiters).await;
                in_flight.complete();
            });
        }
    }

    /// Makes one call for all of `waiters`; if it fails for what one of them may have asked for, calls for each half.
    fn call_for(&self, mut waiters: Vec<Waiter<C>>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            waiters.retain(|waiter| !waiter.reply.is_closed());
            if waiters.is_empty() {
                return;
            }
            let all = C::join(&waiters.iter().map(|waiter| &waiter.request).collect::<Vec<_>>());
            match self.call.call(all).await {
                Ok(response) => {
                    let sizes: Vec<_> = waiters.iter().map(|waiter| waiter.size).collect();
                    for (waiter, part) in waiters.into_iter().zip(C::split(response, &sizes)) {
                        // A caller that hung up meanwhile has no use for it.
                        let _ = waiter.reply.send(Ok(part));
                    }
                }
                Err(error) if waiters.len() > 1 && C::may_concern_one(&error) => {
                    let others = waiters.split_off(waiters.len() / 2);
                    self.call_for(waiters).await;
                    self.call_for(others).await;
                }
                Err(error) => {
                    for waiter in waiters {
                        let _ = waiter.reply.send(Err(error.clone()));
                    }
                }
            }
        })
    }

    /// While anybody waits: starts a call beside those in flight whenever its time has come.
    async fn start_in_time(self: Arc<Self>) {
        loop {
            let (next, wait) = {
                let mut state = self.state();
                if state.waiting.is_empty() {
                    state.is_timed = false;
                    return;
                }
                let is_due =
                    state.in_flight < self.limits.in_flight && state.interval(&self.limits).is_zero();
                let next = if is_due { state.take(self.limits.items) } else { Vec::new() };
                (next, state.interval(&self.limits).max(INTERVAL.0))
            };
            self.start(next);
            tokio::time::sleep(wait).await;
        }
    }
}

impl<C: BatchCall> State<C> {
    /// Counts one more call in flight.
    fn begin(&mut self) {
        self.in_flight += 1;
        self.started = Instant::now();
    }

    /// Time until one more call may start beside those in flight.
    fn interval(&self, limits: &BatchLimits) -> Duration {
        let share = self.usual / u32::try_from(limits.in_flight).unwrap_or(u32::MAX);
        share.clamp(INTERVAL.0, INTERVAL.1).saturating_sub(self.started.elapsed())
    }

    /// Callers that hung up give their slots back.
    fn forget_the_gone(&mut self) {
        self.waiting.retain(|waiter| !waiter.reply.is_closed());
        self.size = self.waiting.iter().map(|waiter| waiter.size).sum();
    }

    /// The first that wait and fit together, up to `items`, counted as a call in flight if there are any.
    fn take(&mut self, items: usize) -> Vec<Waiter<C>> {
        let mut taken: Vec<Waiter<C>> = Vec::new();
        let mut size = 0;
        while let Some(next) = self.waiting.front() {
            let joins = taken
                .first()
                .is_none_or(|first| size + next.size <= items && C::fit(&first.request, &next.request));
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

/// A call in flight. When it ends, however it does, the next one starts.
struct InFlight<C: BatchCall> {
    shared: Arc<Shared<C>>,
    started: Instant,
    completed: bool,
}

impl<C: BatchCall> InFlight<C> {
    fn begin(shared: &Arc<Shared<C>>) -> Self {
        Self { shared: Arc::clone(shared), started: Instant::now(), completed: false }
    }

    fn complete(mut self) {
        self.completed = true;
    }
}

impl<C: BatchCall> Drop for InFlight<C> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.shared.state();
            state.in_flight -= 1;
            if self.completed {
                state.usual = (state.usual * 7 + self.started.elapsed()) / 8;
            }
            state.take(self.shared.limits.items)
        };
        self.shared.start(next);
    }
}
