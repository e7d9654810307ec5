//! How a feature value is read from text and written back.

/// What is wrong with one value, in words for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// Not a number.
    #[error("{0:?} is not a number; leave the value empty (CSV) or null (JSON) if it is missing")]
    NotANumber(String),
    /// None of the categories that the model knows.
    #[error("{0:?} is not a category of this feature")]
    UnknownCategory(String),
    /// An infinity.
    #[error("{0:?} is not a finite number")]
    NotFinite(String),
    /// Too large for the model's arithmetic.
    #[error("{0:?} is outside the range of a 32-bit float")]
    OutOfRange(String),
}

/// The value of a cell of text, as pandas, R and databases write it. Blanks around it do not count.
///
/// - A number is decimal, with or without an exponent. It is read as float64 and then rounded to float32, as the SageMaker
///   container does.
/// - `true`, `True` and `TRUE` are 1; `false`, `False` and `FALSE` are 0.
/// - Missing (NaN) are the empty cell, `nan` in any case, `NA`, `<NA>`, `null`, `Null` and `NULL`.
///
/// # Errors
/// The text is something else; infinities are too.
pub fn parse_value(cell: &str) -> Result<f32, InvalidValue> {
    let cell = cell.trim_ascii();
    if cell.is_empty() {
        return Ok(f32::NAN);
    }
    if let Some(count) = count(cell.as_bytes()) {
        return Ok(count);
    }
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => narrow(number),
        other => word(cell, other.ok()),
    }
}

/// The value of the cell at the start of `text`, up to a comma or the end, and its length, where it is empty or a number in digits
/// with at most one point: what [`parse_value`] says of such a cell, in one sweep. `None` for what it has to be asked.
#[must_use]
pub fn plain_value(text: &str) -> Option<(f32, usize)> {
    let (mut digits, mut point, mut end) = (0_u64, None, 0);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits = digits.wrapping_mul(10).wrapping_add((byte - b'0').into()),
            b'.' if point.is_none() => point = Some(end),
            b',' => break,
            _ => return None,
        }
        end += 1;
    }
    if end == 0 {
        return Some((f32::NAN, 0));
    }
    let decimals = point.map_or(0, |point| end - point - 1);
    let number = match POWERS.get(decimals) {
        // Both sides of the division are whole in float64, and it rounds once (W. Clinger, How to Read Floating Point Numbers
        // Accurately, 1990).
        Some(power)
            if end <= MOST_DIGITS
                && digits < 1 << f64::MANTISSA_DIGITS
                && end > usize::from(point.is_some()) =>
        {
            digits as f64 / power
        }
        _ => text[..end].parse().ok()?,
    };
    Some((narrow(number).ok()?, end))
}

/// So many digits do not overflow 64 bits.
const MOST_DIGITS: usize = 19;

/// The powers of ten that float64 holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A whole number of a few digits, as most features are: every one is a float32.
#[inline]
fn count(digits: &[u8]) -> Option<f32> {
    if digits.len() > 7 {
        return None;
    }
    let mut count = 0_u32;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        count = count * 10 + u32::from(digit);
    }
    Some(count as f32)
}

/// Why `number` is not a finite number.
#[cold]
fn word(cell: &str, number: Option<f64>) -> Result<f32, InvalidValue> {
    match (cell, number) {
        // "1e999" overflows to an infinity; only the word itself is one.
        (_, Some(number)) if number.is_infinite() && cell.bytes().any(|byte| byte.is_ascii_digit()) => {
            Err(InvalidValue::OutOfRange(excerpt(cell)))
        }
        (_, Some(number)) if number.is_infinite() => Err(InvalidValue::NotFinite(excerpt(cell))),
        ("NA" | "<NA>" | "null" | "Null" | "NULL", _) => Ok(f32::NAN),
        ("true" | "True" | "TRUE", _) => Ok(1.0),
        ("false" | "False" | "FALSE", _) => Ok(0.0),
        (_, Some(_)) if cell.eq_ignore_ascii_case("nan") => Ok(f32::NAN),
        _ => Err(InvalidValue::NotANumber(excerpt(cell))),
    }
}

/// A finite float64 as the float32 nearest to it.
///
/// # Errors
/// The nearest float32 is an infinity.
pub fn narrow(number: f64) -> Result<f32, InvalidValue> {
    let value = number as f32;
    if value.is_finite() { Ok(value) } else { Err(InvalidValue::OutOfRange(number.to_string())) }
}

/// Appends `value` to `out` with the fewest digits that read back as the same float32: what is whole without a point, what is
/// missing as `nan`.
pub fn write_value(value: f32, out: &mut String) {
    let mut digits = zmij::Buffer::new();
    let text = if value.is_nan() { "nan" } else { digits.format(value) };
    // Most features are counts.
    out.push_str(text.strip_suffix(".0").unwrap_or(text));
}

/// Enough of a text to recognise it, without repeating a whole hostile body.
#[must_use]
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        for (cell, value) in [
            ("1", 1.0),
            ("0", 0.0),
            ("007", 7.0),
            ("9999999", 9_999_999.0),
            ("16777217", 16_777_216.0),
            (" -2.5\t", -2.5),
            ("1e-3", 0.001),
            ("0.1498791297340854", 0.149_879_13),
        ] {
            assert_eq!(parse_value(cell), Ok(value), "{cell:?}");
        }
        for missing in ["", "  ", "nan", "NaN", "NAN", "NA", " NA ", "<NA>", "null", "NULL"] {
            assert!(parse_value(missing).unwrap().is_nan(), "{missing:?}");
        }
        for (word, value) in [("True", 1.0), ("TRUE", 1.0), ("true", 1.0), ("False", 0.0), (" FALSE", 0.0)] {
            assert_eq!(parse_value(word), Ok(value), "{word:?}");
        }
        for word in
            ["abc", "None", "1_0", "0x10", "1,5", "\"1\"", "--1", "-nan", "na", "N/A", "T", "yes", "-"]
        {
            assert!(matches!(parse_value(word), Err(InvalidValue::NotANumber(_))), "{word:?}");
        }
        for infinite in ["inf", "-Infinity"] {
            assert!(matches!(parse_value(infinite), Err(InvalidValue::NotFinite(_))), "{infinite:?}");
        }
        for large in ["1e39", "-1e999"] {
            assert!(matches!(parse_value(large), Err(InvalidValue::OutOfRange(_))), "{large:?}");
        }
    }

    /// Cells of every length around what is exact, and whatever else may stand in one.
    #[test]
    fn a_plain_value_is_the_cells() {
        let digits = "9007199254740993141592653589793";
        let of_digits = (1..digits.len()).flat_map(|length| {
            let pointed = (0..=length).map(move |at| format!("{}.{}", &digits[..at], &digits[at..length]));
            pointed.chain([digits[..length].to_owned(), format!("0.000000{}", &digits[..length])])
        });
        let others = [
            "", ".", "..", "1.2.3", "-1", "+1", " 1", "1 ", "1e3", "nan", "NA", "true", "é", "٣", "1_0",
            "0x1", "1e999",
        ];
        let others = others.map(str::to_owned).into_iter();
        for cell in of_digits.chain(others).chain([format!("1{}", "0".repeat(39)), "0".repeat(400)]) {
            let expected = parse_value(&cell).map(f32::to_bits);
            for after in ["", ",", ",2"] {
                let found = plain_value(&format!("{cell}{after}"));
                if let Some((value, length)) = found {
                    assert_eq!((Ok(value.to_bits()), length), (expected.clone(), cell.len()), "{cell:?}");
                }
                let is_plain = cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                assert!(found.is_some() == (is_plain && expected.is_ok()), "{cell:?}");
            }
        }
    }

    #[test]
    fn values_read_back_the_same() {
        let text = |value| {
            let mut text = String::new();
            write_value(value, &mut text);
            text
        };
        for value in [0.0, -0.0, 1.0, 0.1, 1e-38, f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_216.0, 6.675_781]
        {
            assert_eq!(parse_value(&text(value)).map(f32::to_bits), Ok(value.to_bits()), "{}", text(value));
        }
        for (value, written) in
            [(57.0, "57"), (-3418.0, "-3418"), (0.1, "0.1"), (1e-38, "1e-38"), (3.4e38, "3.4e+38")]
        {
            assert_eq!(text(value), written);
        }
        assert_eq!(text(f32::NAN), "nan");
    }
}
