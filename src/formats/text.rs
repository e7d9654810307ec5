//! Numbers as text: one line per row, several numbers of a row separated by commas.

use std::fmt::Write;

use crate::row::{python_float, write_value};

/// Bytes of a number in Python's spelling, at most.
const LONGEST: usize = 24;

/// How numbers are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As Python prints floats.
    Float,
    /// Whole, as leaves are numbered.
    Whole,
}

/// Appends `row` to `out`, without a line end.
pub fn write_row<T: Into<f64> + Copy>(row: &[T], spelling: Spelling, out: &mut String) {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match spelling {
            Spelling::Float => python_float((*value).into(), out),
            Spelling::Whole => {
                write!(out, "{:.0}", (*value).into())
                    .expect("writing to a String does not fail: this is a bug");
            }
        }
    }
}

/// Appends the values of `row` to `out` as features are written, without a line end: commas between, `nan` for missing.
pub fn write_features(row: &[f32], out: &mut String) {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_value(*value, out);
    }
}

/// The lines of `rows`, which hold about `numbers` numbers; no line end after the last.
pub fn lines<'r, T: Into<f64> + Copy + 'r>(rows: impl Iterator<Item = &'r [T]>, numbers: usize) -> String {
    let mut text = String::with_capacity(numbers * LONGEST);
    for (at, row) in rows.enumerate() {
        if at > 0 {
            text.push('\n');
        }
        write_row(row, Spelling::Float, &mut text);
    }
    text
}
