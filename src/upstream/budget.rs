//! A budget for retries: an upstream that is down is not called several times by everybody.
//!
//! Each upstream has a token bucket. A retry takes from it; a call that succeeds adds a little, and returns what its own
//! retries took. Failures that retries recover from cost nothing in the end, and an outage costs one bucketful.

use std::sync::atomic::{AtomicU32, Ordering};

/// A full bucket, in tenths of a retry.
const FULL: u32 = 100;
const RETRY: u32 = 10;
/// A retry after a timeout: what hung once will likely hang again, at the caller's expense.
const AFTER_TIMEOUT: u32 = 50;
/// What a successful call adds.
const SUCCESS: u32 = 1;

/// The bucket of one upstream.
pub(super) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl RetryBudget {
    /// The retries of one call.
    pub(super) fn call(&self) -> Retries<'_> {
        Retries { budget: self, spent: 0 }
    }
}

/// The retries of one call.
pub(super) struct Retries<'b> {
    budget: &'b RetryBudget,
    spent: u32,
}

impl Retries<'_> {
    /// Takes one more retry from the budget, if it covers it.
    pub(super) fn pay(&mut self, after_timeout: bool) -> bool {
        let price = if after_timeout { AFTER_TIMEOUT } else { RETRY };
        let pay = |left: u32| left.checked_sub(price);
        let paid = self.budget.0.try_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok();
        self.spent += if paid { price } else { 0 };
        paid
    }

    /// The call has succeeded.
    pub(super) fn succeeded(self) {
        let earned = SUCCESS + self.spent;
        // A full bucket, the usual case, is left alone.
        if self.budget.0.load(Ordering::Relaxed) < FULL {
            let earn = |left: u32| Some((left + earned).min(FULL));
            let _ = self.budget.0.try_update(Ordering::Relaxed, Ordering::Relaxed, earn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RetryBudget;

    #[test]
    fn an_outage_costs_one_purse_and_successes_fill_it() {
        let budget = RetryBudget::default();
        let retries = |after_timeout| (0..100).filter(|_| budget.call().pay(after_timeout)).count();
        assert_eq!((retries(false), retries(true)), (10, 0));
        for _ in 0..1000 {
            budget.call().succeeded();
        }
        assert_eq!((retries(true), retries(false)), (2, 0));
    }

    #[test]
    fn what_a_retry_makes_good_costs_nothing() {
        let budget = RetryBudget::default();
        for _ in 0..1000 {
            let mut retries = budget.call();
            assert!(retries.pay(false) && retries.pay(true));
            retries.succeeded();
        }
    }
}
