//! Floats as Python's `repr` writes them, which is what the old service answered.
//!
//! Source: `float_repr_style` "short" in `CPython`'s `Python/pystrtod.c`: the shortest digits that read back as the same
//! float64, positional for decimal exponents from -4 to 15, otherwise scientific with a sign and at least two digits.

use std::fmt::Write;

/// Appends `str(float(value))` to `out`, e.g. `0.5`, `1.0`, `1e-05`, `1.5e+16`.
pub fn python_float(value: f64, out: &mut String) {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) || !value.is_finite() {
        let spelled = if value.is_nan() { write!(out, "nan") } else { write!(out, "{value:?}") };
        return spelled.expect("writing to a String does not fail: this is a bug");
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    out.push_str(digits);
    out.push('e');
    out.push(sign);
    if exponent.len() < 2 {
        out.push('0');
    }
    out.push_str(exponent);
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
        ] {
            let mut out = String::new();
            python_float(value, &mut out);
            assert_eq!(out, text);
        }
    }
}
