//! Times and numbers as the log and the headers write them. Each answer has several, so none goes through `format!`.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Up to the second: `2026-11-26T01:02:03`.
const SECOND: usize = 19;

thread_local! {
    /// The second that was written last, and its text.
    static LAST: Cell<(u64, [u8; SECOND])> = const { Cell::new((u64::MAX, [0; SECOND])) };
}

/// Writes the time as RFC 3339 has it, in UTC, with microseconds.
pub(super) fn write_now(out: &mut Vec<u8>) {
    write_time(out, SystemTime::now());
}

fn write_time(out: &mut Vec<u8>, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut second, mut text) = LAST.get();
    if second != since.as_secs() {
        second = since.as_secs();
        let whole = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(second)).to_string();
        text.copy_from_slice(&whole.as_bytes()[..SECOND]);
        LAST.set((second, text));
    }
    out.extend_from_slice(&text);
    out.push(b'.');
    let microseconds = since.subsec_micros();
    write_thousandth(out, microseconds / 1000);
    write_thousandth(out, microseconds % 1000);
    out.push(b'Z');
}

/// Writes `time` in milliseconds, to the microsecond.
pub fn write_milliseconds(out: &mut Vec<u8>, time: Duration) {
    let microseconds = time.as_micros() as u64;
    write_integer(out, microseconds / 1000);
    out.push(b'.');
    write_thousandth(out, (microseconds % 1000) as u32);
}

/// Writes `number` in decimal digits.
pub(super) fn write_integer(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes a number below 1,000 in three digits.
fn write_thousandth(out: &mut Vec<u8>, number: u32) {
    let digit = |place: u32| b'0' + (number / place % 10) as u8;
    out.extend_from_slice(&[digit(100), digit(10), digit(1)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn times_are_those_of_the_library() {
        for microseconds in [0, 1, 999_999, 1_000_000, 1_764_119_045_123_456, 1_764_119_045_000_999] {
            let time = UNIX_EPOCH + Duration::from_micros(microseconds);
            let expected = humantime::format_rfc3339_micros(time).to_string();
            assert_eq!(written(|out| write_time(out, time)), expected);
        }
    }

    #[test]
    fn durations_in_milliseconds() {
        for (nanoseconds, text) in [
            (0, "0.000"),
            (999, "0.000"),
            (1_000, "0.001"),
            (12_345_678, "12.345"),
            (1_000_000_000, "1000.000"),
        ] {
            assert_eq!(written(|out| write_milliseconds(out, Duration::from_nanos(nanoseconds))), text);
        }
    }
}
