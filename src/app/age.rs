//! The watch over the age of the table of features: an old one is warned of, once.

use std::time::{Duration, SystemTime};

use tracing::warn;

/// Longest time between two looks.
const EVERY: Duration = Duration::from_mins(1);

/// A table that may grow old.
pub(super) struct AgeWatch<F> {
    /// When the table in use was loaded, if that is known.
    loaded_at: F,
    /// The age from which it is old.
    max_age: Duration,
    /// The table that was warned of.
    said: Option<SystemTime>,
}

impl<F: Fn() -> Option<SystemTime>> AgeWatch<F> {
    pub(super) fn new(loaded_at: F, max_age: Duration) -> Self {
        Self { loaded_at, max_age, said: None }
    }

    /// Watches until dropped.
    pub(super) async fn run(mut self) {
        loop {
            if let Some(age) = self.look(SystemTime::now()) {
                let (age, max_age) = (words(age), words(self.max_age));
                warn!(
                    "features.max_age: the table of features was loaded {age} ago, which is more than {max_age}"
                );
            }
            tokio::time::sleep(self.max_age.min(EVERY)).await;
        }
    }

    /// The age of a table that is old and has not been warned of.
    fn look(&mut self, now: SystemTime) -> Option<Duration> {
        let loaded_at = (self.loaded_at)()?;
        // A clock that was set back makes no table older.
        let age = now.duration_since(loaded_at).ok().filter(|age| *age > self.max_age)?;
        (self.said.replace(loaded_at) != Some(loaded_at)).then_some(age)
    }
}

fn words(time: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn an_old_table_is_warned_of_once() {
        let (loaded_at, start) = (Cell::new(None), SystemTime::UNIX_EPOCH + Duration::from_hours(100));
        let mut watch = AgeWatch::new(|| loaded_at.get(), Duration::from_hours(24));
        let mut after = |hours| watch.look(start + Duration::from_hours(hours)).map(words);
        let told = |age: Option<humantime::FormattedDuration>| age.map(|age| age.to_string());
        assert_eq!(told(after(0)), None, "nothing is known of it");
        loaded_at.set(Some(start));
        assert_eq!(told(after(24)), None);
        assert_eq!(told(after(26)), Some("1day 2h".to_owned()));
        assert_eq!(told(after(27)), None, "said already");
        // Another table, made in the future by another clock.
        loaded_at.set(Some(start + Duration::from_hours(40)));
        assert_eq!(told(after(30)), None);
        assert_eq!(told(after(65)), Some("1day 1h".to_owned()));
    }
}
