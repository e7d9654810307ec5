//! libsvm text as XGBoost reads it: `label[:weight] [qid:group] index:value index:value …` per line.
//!
//! Indices are feature indices as they stand, from 0; what is not named is missing. The first token is the label, whatever
//! follows it. Blank lines, and what follows a `#`, are no rows.

use crate::row::{RowError, RowErrorKind, excerpt, parse_value};

/// Reads lines into a row, whose length is the number of features.
pub(super) struct LibsvmReader {
    row: Vec<f32>,
    /// The indices that the last line names: they alone are cleared for the next, since wide rows are mostly empty.
    named: Vec<u32>,
    /// For each index, the line that named it last.
    lines: Vec<u64>,
    line: u64,
}

impl LibsvmReader {
    pub(super) fn new(width: usize) -> Self {
        Self { row: vec![f32::NAN; width], named: Vec::new(), lines: vec![0; width], line: 0 }
    }

    /// The last row read.
    pub(super) fn row(&self) -> &[f32] {
        &self.row
    }

    /// The places in it that its line names, each once.
    pub(super) fn named(&self) -> &[u32] {
        &self.named
    }

    /// Reads one line; `Ok(false)` says that there is no row in it.
    ///
    /// # Errors
    /// The label is no number, a token is no `index:value`, or an index is out of range or given two values.
    pub(super) fn read(&mut self, line: &str) -> Result<bool, RowError> {
        for at in self.named.drain(..) {
            self.row[at as usize] = f32::NAN;
        }
        self.line += 1;
        let data = line.split('#').next().unwrap_or_default();
        let mut tokens = data.split_ascii_whitespace();
        let Some(label) = tokens.next() else { return Ok(false) };
        check_label(label)?;
        for token in tokens {
            let Some((index, value)) = token.split_once(':') else {
                let detail = format!("{:?} is not index:value", excerpt(token));
                return Err(RowError::new(RowErrorKind::Shape, detail));
            };
            if index != "qid" {
                self.set(index, value)?;
            }
        }
        Ok(true)
    }

    fn set(&mut self, index: &str, value: &str) -> Result<(), RowError> {
        let width = self.row.len();
        let Some(at) = index.parse::<usize>().ok().filter(|at| *at < width) else {
            let detail = format!("index {:?} is not one of 0 to {}", excerpt(index), width.saturating_sub(1));
            return Err(RowError::new(RowErrorKind::Name, detail));
        };
        let value = parse_value(value)
            .map_err(|error| RowError::new(RowErrorKind::Value, format!("index {at}: {error}")))?;
        if std::mem::replace(&mut self.lines[at], self.line) == self.line {
            // Hashed features name an index twice, with one value.
            let same = value == self.row[at] || (value.is_nan() && self.row[at].is_nan());
            let twice = || RowError::new(RowErrorKind::Name, format!("index {at} is given two values"));
            return if same { Ok(()) } else { Err(twice()) };
        }
        self.named.push(at as u32);
        self.row[at] = value;
        Ok(())
    }
}

fn check_label(token: &str) -> Result<(), RowError> {
    let mut numbers = token.split(':');
    let label_and_weight = [numbers.next(), numbers.next()];
    let are_numbers = label_and_weight.into_iter().flatten().all(|number| number.parse::<f64>().is_ok());
    if are_numbers && numbers.next().is_none() {
        return Ok(());
    }
    let detail =
        format!("{:?} is no label; a line begins with a number, or two as label:weight", excerpt(token));
    Err(RowError::new(RowErrorKind::Shape, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut reader = LibsvmReader::new(3);
        for line in [
            "1 0:1 2:3",
            "1:-2 0:1 2:3",
            "-1.5 qid:7 2:3 0:1 # a comment 9:9",
            "0:0.5 qid:7 2:3 0:1",
            "0 0:1 0:1 2:3 2:3.0",
            "0\t0:1  2:3#",
            "0 0:1 1:nan 1:nan 2:3",
        ] {
            assert_eq!(reader.read(line), Ok(true), "{line}");
            let row = reader.row();
            assert!((row[0], row[2]) == (1.0, 3.0) && row[1].is_nan(), "{line}");
        }
        assert_eq!(reader.read("1"), Ok(true));
        assert!(reader.row().iter().all(|value| value.is_nan()));
        for line in ["", "  ", "# head", "  # 1 0:1"] {
            assert_eq!(reader.read(line), Ok(false), "{line:?}");
        }
        for (line, kind) in [
            ("0 0:1 x", RowErrorKind::Shape),
            ("label 0:1", RowErrorKind::Shape),
            ("1:2:3 0:1", RowErrorKind::Shape),
            ("qid:1 0:1", RowErrorKind::Shape),
            ("0 3:1", RowErrorKind::Name),
            ("0 -1:1", RowErrorKind::Name),
            ("0 1:1 1:2", RowErrorKind::Name),
            ("0 1:1 1:nan", RowErrorKind::Name),
            ("0 1:x", RowErrorKind::Value),
        ] {
            assert_eq!(reader.read(line).unwrap_err().kind, kind, "{line}");
        }
        assert_eq!(reader.read("0 1:5"), Ok(true));
        assert!(reader.row()[0].is_nan() && reader.row()[1] == 5.0, "nothing is left of a line before");
    }
}
