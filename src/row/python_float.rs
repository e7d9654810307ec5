//! Floats as Python's `repr` writes them, which is what the old service answered.
//!
//! Source: `float_repr_style` "short" in `CPython`'s `Python/pystrtod.c`: the shortest digits that read back as the same
//! float64, positional for decimal exponents from -4 to 15, otherwise scientific with a sign and at least two digits.

use std::fmt::Write;

/// Appends `str(float(value))` to `out`, e.g. `0.5`, `1.0`, `1e-05`, `1.5e+16`.
///
/// Of two shortest texts as near as each other Python takes the one with an even last digit, and the standard library of Rust the
/// other; a float32 that has become a float64 is such a case one time of twenty.
pub fn python_float(value: f64, out: &mut String) {
    let mut buffer = zmij::Buffer::new();
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        out.push_str(buffer.format(value));
    } else if value.is_nan() {
        out.push_str("nan");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "inf" } else { "-inf" });
    } else {
        scientific(buffer.format(value), out);
    }
}

/// Spells the number `text`, which is not zero, with one digit before the point.
fn scientific(text: &str, out: &mut String) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let count = |length: usize| i32::try_from(length).expect("a float has few digits: this is a bug");
    let exponent: i32 = exponent.parse().expect("an exponent of digits: this is a bug");
    let exponent = exponent + count(whole.len()) - count(all.len() - digits.len()) - 1;
    let (first, others) = digits.trim_end_matches('0').split_at(1);
    let point = if others.is_empty() { "" } else { "." };
    let direction = if exponent < 0 { '-' } else { '+' };
    let exponent = exponent.abs();
    let spelled = write!(out, "{sign}{first}{point}{others}e{direction}{exponent:02}");
    spelled.expect("writing to a String does not fail: this is a bug");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pair as `CPython` 3.11 prints it.
    #[test]
    fn like_python() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.5, "0.5"),
            (100.0, "100.0"),
            (0.0001, "0.0001"),
            (0.000_099_999, "9.9999e-05"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (-1.088_131_512_005_929_8e-6, "-1.0881315120059298e-06"),
            (0.000_386_765_197_617_933_15, "0.00038676519761793315"),
            (0.006_739_293_225_109_577, "0.006739293225109577"),
            (f64::from(0.927_504_1_f32), "0.9275041222572327"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (-1.065_774_998_260_746e19, "-1.065774998260746e+19"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-0.000_012_34, "-1.234e-05"),
            (1_000_000_000_000_000.0, "1000000000000000.0"),
            (2e22, "2e+22"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
            // As near to one text as to another.
            (f64::from(8.849_319_f32), "8.849319458007812"),
            (-359_826_778_076_469.0 / 16.0, "-22489173629779.312"),
        ] {
            let mut out = String::new();
            python_float(value, &mut out);
            assert_eq!(out, text);
        }
    }
}
