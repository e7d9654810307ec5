//! When those who are refused are asked to come again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest time that anybody is asked to stay away, in seconds.
const LONGEST: u64 = 30;
const SECONDS: usize = LONGEST as usize + 1;

/// Books returns: each second takes half as many as were let in lately in one, as most of those who are let in ask on by
/// themselves. Told the same second, a crowd would come back at once, and be refused for the most part again; and to refuse a large
/// body takes a good part of the time that it takes to answer it.
pub(super) struct Pressure {
    origin: Instant,
    state: Mutex<State>,
}

struct State {
    /// Whole seconds since the origin.
    second: u64,
    /// In this second.
    admitted: u32,
    refused: u32,
    /// Returns that a second takes, if some were refused in the one before: no more could be let in.
    most: Option<u32>,
    /// Returns by second; that of second n is the nth, counted round.
    booked: [u32; SECONDS],
}

impl Pressure {
    pub(super) fn new() -> Self {
        let state = State { second: 0, admitted: 0, refused: 0, most: None, booked: [0; SECONDS] };
        Self { origin: Instant::now(), state: Mutex::new(state) }
    }

    pub(super) fn admitted(&self) {
        self.admitted_at(self.origin.elapsed());
    }

    /// Time to stay away, in whole seconds.
    pub(super) fn refused(&self) -> Duration {
        self.refused_at(self.origin.elapsed())
    }

    fn admitted_at(&self, age: Duration) {
        self.at(age, |state| state.admitted = state.admitted.saturating_add(1));
    }

    fn refused_at(&self, age: Duration) -> Duration {
        let seconds = self.at(age, |state| {
            state.refused = state.refused.saturating_add(1);
            // A burst is refused in part before anything tells how much can be done.
            let Some(most) = state.most else { return 1 };
            for seconds in 1..LONGEST {
                let booked = &mut state.booked[slot(state.second + seconds)];
                if *booked < most {
                    *booked += 1;
                    return seconds;
                }
            }
            LONGEST
        });
        Duration::from_secs(seconds)
    }

    fn at<T>(&self, age: Duration, count: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(age.as_secs());
        count(&mut state)
    }
}

impl State {
    fn advance(&mut self, second: u64) {
        let passed = second.saturating_sub(self.second);
        if passed == 0 {
            return;
        }
        self.most = (passed == 1 && self.refused > 0).then_some((self.admitted / 2).max(1));
        (self.admitted, self.refused) = (0, 0);
        for past in 1..=passed.min(SECONDS as u64) {
            self.booked[slot(self.second + past)] = 0;
        }
        self.second = second;
    }
}

fn slot(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How many are told which second.
    fn told(pressure: &Pressure, age: Duration, times: u32) -> BTreeMap<u64, u32> {
        let mut told = BTreeMap::new();
        for _ in 0..times {
            *told.entry(pressure.refused_at(age).as_secs()).or_default() += 1;
        }
        told
    }

    #[test]
    fn a_burst_is_told_to_come_again_soon() {
        let pressure = Pressure::new();
        pressure.admitted_at(SECOND);
        assert_eq!(told(&pressure, 2 * SECOND, 1_000), [(1, 1_000)].into());
    }

    #[test]
    fn half_as_many_return_in_a_second_as_can_be_let_in() {
        let pressure = Pressure::new();
        for _ in 0..200 {
            pressure.admitted_at(SECOND);
        }
        told(&pressure, SECOND, 1_000);
        let spread = told(&pressure, 2 * SECOND, 1_000);
        assert_eq!(spread, (1..=10).map(|second| (second, 100)).collect());
        for _ in 0..100 {
            pressure.admitted_at(2 * SECOND);
        }
        // Fewer are let in by now, and the next nine seconds are booked.
        assert_eq!(told(&pressure, 3 * SECOND, 75), [(10, 50), (11, 25)].into());
    }

    #[test]
    fn nobody_is_sent_away_for_long_and_what_is_past_is_forgotten() {
        let pressure = Pressure::new();
        told(&pressure, SECOND, 1);
        let spread = told(&pressure, 2 * SECOND, 1_000);
        assert_eq!((spread.len(), spread[&1], spread[&LONGEST]), (30, 1, 971));
        assert_eq!(told(&pressure, 100 * SECOND, 1_000), [(1, 1_000)].into());
    }
}
