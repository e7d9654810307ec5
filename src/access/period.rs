//! Periods of the calendar, UTC, in seconds since 1970.

use std::time::Duration;

use crate::config::access::Period;

const DAY: u64 = 86_400;

/// When the period of `now` began, and when the next one begins.
pub(super) fn bounds(period: Period, now: u64) -> (u64, u64) {
    let day = now / DAY;
    match period {
        Period::Day => (day * DAY, (day + 1) * DAY),
        Period::Week => {
            // 1970 began on a Thursday, the fourth day of its week.
            let monday = (day + 3) / 7 * 7;
            (monday.saturating_sub(3) * DAY, (monday + 4) * DAY)
        }
        Period::Month => {
            let (year, month) = year_and_month(day);
            let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            (first_day(year, month) * DAY, first_day(next.0, next.1) * DAY)
        }
    }
}

/// The longest that a period lasts.
pub(super) fn longest(period: Period) -> Duration {
    let days = match period {
        Period::Day => 1,
        Period::Week => 7,
        Period::Month => 31,
    };
    Duration::from_secs(days * DAY)
}

/// Days from 1970-01-01 to the first of a month, in years that begin in March, so that the leap day is the last
/// (<https://howardhinnant.github.io/date_algorithms.html>, `days_from_civil`).
fn first_day(year: u64, month: u64) -> u64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn year_and_month(day: u64) -> (u64, u64) {
    // No year is longer than 366 days, and none shorter than 365: at most one guess is wrong.
    let mut year = 1970 + day / 366;
    while first_day(year + 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| first_day(year, *month) <= day).unwrap_or(1);
    (year, month)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(text: &str) -> u64 {
        humantime::parse_rfc3339(text).unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    #[test]
    fn periods_begin_where_the_calendar_says() {
        for (period, now, begins, ends) in [
            (Period::Day, "2026-11-26T23:59:59Z", "2026-11-26", "2026-11-27"),
            (Period::Day, "2026-11-27T00:00:00Z", "2026-11-27", "2026-11-28"),
            (Period::Week, "2026-11-26T01:00:00Z", "2026-11-23", "2026-11-30"),
            (Period::Week, "2026-11-29T23:59:59Z", "2026-11-23", "2026-11-30"),
            (Period::Week, "2026-11-30T00:00:00Z", "2026-11-30", "2026-12-07"),
            (Period::Month, "2026-12-31T23:59:59Z", "2026-12-01", "2027-01-01"),
            (Period::Month, "2028-02-29T12:00:00Z", "2028-02-01", "2028-03-01"),
            (Period::Month, "2100-02-28T12:00:00Z", "2100-02-01", "2100-03-01"),
            (Period::Month, "1970-01-01T00:00:00Z", "1970-01-01", "1970-02-01"),
        ] {
            let midnight = |day| at(&format!("{day}T00:00:00Z"));
            assert_eq!(bounds(period, at(now)), (midnight(begins), midnight(ends)), "{period:?} {now}");
        }
    }

    #[test]
    fn every_month_of_two_centuries_follows_its_last() {
        let mut now = 0;
        for _ in 0..2400 {
            let (begins, ends) = bounds(Period::Month, now);
            assert_eq!(begins, now);
            assert!((28..=31).contains(&((ends - begins) / DAY)));
            assert_eq!(bounds(Period::Month, ends - 1), (begins, ends));
            now = ends;
        }
    }
}
