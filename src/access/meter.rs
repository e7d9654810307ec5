//! What one caller has used of its plan.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::period::bounds;
use crate::config::access::{Limits, Quota, Rate};

/// The two clocks: one that never goes back, and that of the calendar in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For rates.
    pub instant: Instant,
    /// For quotas.
    pub calendar: u64,
}

impl Now {
    /// The time that it is.
    #[must_use]
    pub fn get() -> Self {
        let calendar = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { instant: Instant::now(), calendar }
    }
}

/// What one caller has used.
#[derive(Debug)]
pub struct Meter(Mutex<State>);

#[derive(Debug)]
struct State {
    /// What is in the bucket, and when that was so; `None` before the first request.
    bucket: Option<(f64, Instant)>,
    used: Used,
    /// Whether the use of the quota has changed since it was saved.
    is_dirty: bool,
}

/// The use of a quota, as it is kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// When its period began, in seconds since 1970.
    pub since: u64,
    /// Requests in it.
    pub requests: u64,
}

/// What is left after a request: requests, and the time until all of them are back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Requests.
    pub requests: u64,
    /// Time.
    pub reset: Duration,
}

/// What is left of each limit of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Of the rate.
    pub rate: Option<Left>,
    /// Of the quota.
    pub quota: Option<Left>,
}

/// A limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// The rate.
    Rate {
        /// Time after which a request is let through.
        retry_after: Duration,
        /// What is left.
        left: Allowance,
    },
    /// The quota.
    Quota {
        /// Time after which a request is let through.
        retry_after: Duration,
        /// What is left.
        left: Allowance,
    },
}

impl Meter {
    /// A full bucket, and `used` of the quota.
    #[must_use]
    pub fn new(used: Used) -> Self {
        Self(Mutex::new(State { bucket: None, used, is_dirty: false }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request, of both limits or of neither.
    ///
    /// # Errors
    /// The limit that is reached; the quota's where both are.
    pub fn take(&self, limits: &Limits, now: Now) -> Result<Allowance, Exceeded> {
        let mut state = self.lock();
        let quota = limits.quota.map(|quota| {
            let (since, next) = bounds(quota.period, now.calendar);
            if state.used.since != since {
                state.used = Used { since, requests: 0 };
            }
            (quota, Duration::from_secs(next - now.calendar))
        });
        let rate = limits.rate.map(|rate| (rate, state.filled(rate, now.instant)));
        let (used, is_over) = match quota {
            Some((quota, _)) => (state.used.requests, state.used.requests >= quota.requests),
            None => (0, false),
        };
        let is_fast = rate.is_some_and(|(_, tokens)| tokens < 1.0);
        let taken = u8::from(!is_over && !is_fast);
        let left = Allowance {
            rate: rate.map(|(rate, tokens)| left_of_rate(rate, tokens - f64::from(taken))),
            quota: quota.map(|(quota, reset)| left_of_quota(quota, used + u64::from(taken), reset)),
        };
        if is_over {
            let retry_after = quota.map(|(_, reset)| reset).unwrap_or_default();
            return Err(Exceeded::Quota { retry_after, left });
        }
        if let Some((rate, tokens)) = rate {
            if is_fast {
                let retry_after = Duration::from_secs_f64((1.0 - tokens) / rate.per_second);
                return Err(Exceeded::Rate { retry_after, left });
            }
            state.bucket = Some((tokens - 1.0, now.instant));
        }
        if quota.is_some() {
            state.used.requests += 1;
            state.is_dirty = true;
        }
        Ok(left)
    }

    /// The use of the quota, if it has changed since this was last asked.
    #[must_use]
    pub fn unsaved(&self) -> Option<Used> {
        let mut state = self.lock();
        std::mem::take(&mut state.is_dirty).then_some(state.used)
    }

    /// What was unsaved could not be saved either.
    pub fn is_unsaved(&self) {
        self.lock().is_dirty = true;
    }
}

impl State {
    /// What is in the bucket now.
    fn filled(&self, rate: Rate, now: Instant) -> f64 {
        let most = f64::from(rate.burst);
        self.bucket.map_or(most, |(tokens, at)| {
            let since = now.saturating_duration_since(at).as_secs_f64();
            (tokens + since * rate.per_second).min(most)
        })
    }
}

fn left_of_rate(rate: Rate, tokens: f64) -> Left {
    let missing = (f64::from(rate.burst) - tokens).max(0.0);
    Left { requests: whole(tokens), reset: Duration::from_secs_f64(missing / rate.per_second) }
}

/// The whole ones of `number`, which is none below 0.
#[allow(clippy::cast_sign_loss, reason = "no number below 0 is cast")]
pub(super) fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

fn left_of_quota(quota: Quota, used: u64, reset: Duration) -> Left {
    Left { requests: quota.requests.saturating_sub(used), reset }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::access::Period;

    const fn limits(rate: Option<Rate>, quota: Option<Quota>) -> Limits {
        Limits { rate, quota }
    }

    fn after(now: Now, time: Duration) -> Now {
        Now { instant: now.instant + time, calendar: now.calendar + time.as_secs() }
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let limits = limits(Some(Rate { per_second: 2.0, burst: 5 }), None);
        let meter = Meter::new(Used::default());
        let now = Now::get();
        for left in (0..5).rev() {
            assert_eq!(meter.take(&limits, now).unwrap().rate.unwrap().requests, left);
        }
        let Err(Exceeded::Rate { retry_after, left }) = meter.take(&limits, now) else {
            panic!("six of five")
        };
        assert_eq!(retry_after, Duration::from_millis(500));
        assert_eq!(left.rate.unwrap(), Left { requests: 0, reset: Duration::from_millis(2500) });
        assert!(meter.take(&limits, after(now, Duration::from_millis(499))).is_err());
        assert!(meter.take(&limits, after(now, Duration::from_millis(500))).is_ok());
        // A long pause fills the bucket and no more.
        let later = after(now, Duration::from_hours(1));
        assert_eq!((0..10).filter(|_| meter.take(&limits, later).is_ok()).count(), 5);
    }

    #[test]
    fn over_a_long_time_the_rate_is_kept() {
        let limits = limits(Some(Rate { per_second: 3.0, burst: 10 }), None);
        let (meter, start) = (Meter::new(Used::default()), Now::get());
        let tries = (0..100_000).map(|at| after(start, Duration::from_millis(at)));
        let passed = tries.filter(|now| meter.take(&limits, *now).is_ok()).count();
        assert!((309..=310).contains(&passed), "{passed}");
    }

    #[test]
    fn a_quota_ends_with_its_period() {
        let limits = limits(None, Some(Quota { requests: 3, period: Period::Day }));
        let meter = Meter::new(Used::default());
        let noon = Now { instant: Instant::now(), calendar: 20_000 * 86_400 + 43_200 };
        assert_eq!(meter.unsaved(), None);
        for left in [2, 1, 0] {
            let quota = meter.take(&limits, noon).unwrap().quota.unwrap();
            assert_eq!(quota, Left { requests: left, reset: Duration::from_hours(12) });
        }
        let Err(Exceeded::Quota { retry_after, .. }) = meter.take(&limits, noon) else {
            panic!("four of three")
        };
        assert_eq!(retry_after, Duration::from_hours(12));
        assert!(meter.take(&limits, after(noon, Duration::from_secs(43_199))).is_err());
        let used = meter.unsaved().unwrap();
        assert_eq!(used, Used { since: 20_000 * 86_400, requests: 3 });
        assert_eq!(meter.unsaved(), None);
        assert!(meter.take(&limits, after(noon, Duration::from_hours(12))).is_ok());
        // As after a restart.
        assert!(Meter::new(used).take(&limits, noon).is_err());
    }

    #[test]
    fn what_the_quota_refuses_is_not_taken_of_the_rate() {
        let rate = Rate { per_second: 1.0, burst: 2 };
        let limits = limits(Some(rate), Some(Quota { requests: 1, period: Period::Month }));
        let (meter, now) = (Meter::new(Used::default()), Now::get());
        let left = meter.take(&limits, now).unwrap();
        for _ in 0..3 {
            let Err(Exceeded::Quota { left: after, .. }) = meter.take(&limits, now) else {
                panic!("two of one")
            };
            assert_eq!((after.rate, after.quota.unwrap().requests), (left.rate, 0));
        }
    }
}
