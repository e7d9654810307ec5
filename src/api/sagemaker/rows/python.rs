//! Numbers as Python reads them, which is how numpy reads the container's text.

use crate::row::{excerpt, narrow};

/// `float(text)`: blanks around it do not count, and single underscores may stand between digits.
fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.contains('_') { without_underscores(text)?.parse().ok() } else { text.parse().ok() }
}

/// `int(text)`.
pub(super) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.contains('_') { without_underscores(text)?.parse().ok() } else { text.parse().ok() }
}

/// The float32 of a cell. The word `nan` is a missing value; infinities are refused, as by XGBoost.
pub(super) fn value(cell: &str) -> Result<f32, String> {
    match float(cell) {
        None => Err(format!("could not convert string to float: {:?}", excerpt(cell))),
        Some(number) if number.is_nan() => Ok(f32::NAN),
        Some(number) => finite(number),
    }
}

/// The float32 nearest to a number that is one.
pub(super) fn finite(number: f64) -> Result<f32, String> {
    narrow(number).map_err(|_| format!("input data contains `inf` or a value too large: {number}"))
}

fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut places = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    places.all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1))).then(|| text.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `CPython` 3.11 takes it.
    #[test]
    fn like_python() {
        for (text, number) in [
            ("1", 1.0),
            (" 1\r", 1.0),
            ("1_0", 10.0),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1_000.2_5", 1000.25),
        ] {
            assert_eq!(value(text), Ok(number), "{text:?}");
        }
        for text in ["nan", "NaN", "-nan", "+NAN"] {
            assert!(value(text).unwrap().is_nan(), "{text:?}");
        }
        for text in [
            "",
            " ",
            "None",
            "a",
            "\"1\"",
            "_1",
            "1_",
            "1__0",
            "1_.0",
            "0x1",
            "inf",
            "-Infinity",
            "1e39",
            "1e999",
            "\u{feff}1",
        ] {
            assert!(value(text).is_err(), "{text:?}");
        }
        assert_eq!(
            (integer(" 1_2 "), integer("-3"), integer("1.0"), integer("")),
            (Some(12), Some(-3), None, None)
        );
    }
}
