//! libsvm text: `label index:value index:value …` per line; the label may be absent, what is not named is missing.
//!
//! Indices are feature indices as they stand, from 0. A `qid:` and whatever follows a `#` are passed over.

use crate::row::{RowError, RowErrorKind, excerpt, parse_value};

/// Reads one line into `row`, whose length is the number of features.
///
/// # Errors
/// A token is no `index:value`, or an index is out of range or repeated.
pub fn feature_row(line: &str, row: &mut [f32]) -> Result<(), RowError> {
    row.fill(f32::NAN);
    let data = line.split('#').next().unwrap_or_default();
    let mut seen = vec![false; row.len()];
    for (at, token) in data.split_ascii_whitespace().enumerate() {
        let Some((index, value)) = token.split_once(':') else {
            if at == 0 && token.parse::<f64>().is_ok() {
                continue;
            }
            let detail = format!("{:?} is not index:value", excerpt(token));
            return Err(RowError::new(RowErrorKind::Shape, detail));
        };
        if index == "qid" {
            continue;
        }
        let Some(at) = index.parse::<usize>().ok().filter(|at| *at < row.len()) else {
            let detail = format!("index {:?} is not one of 0 to {}", excerpt(index), row.len() - 1);
            return Err(RowError::new(RowErrorKind::Name, detail));
        };
        if std::mem::replace(&mut seen[at], true) {
            return Err(RowError::new(RowErrorKind::Name, format!("index {at} is given twice")));
        }
        row[at] = parse_value(value)
            .map_err(|error| RowError::new(RowErrorKind::Value, format!("index {at}: {error}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut row = [0.0; 3];
        for line in ["1 0:1 2:3", "0:1 2:3", "-1.5 qid:7 2:3 0:1 # a comment 9:9"] {
            feature_row(line, &mut row).unwrap();
            assert!((row[0], row[2]) == (1.0, 3.0) && row[1].is_nan(), "{line}");
        }
        feature_row("", &mut row).unwrap();
        assert!(row.iter().all(|value| value.is_nan()));
        for (line, kind) in [
            ("0:1 x", RowErrorKind::Shape),
            ("label 0:1", RowErrorKind::Shape),
            ("3:1", RowErrorKind::Name),
            ("-1:1", RowErrorKind::Name),
            ("1:1 1:2", RowErrorKind::Name),
            ("1:x", RowErrorKind::Value),
        ] {
            assert_eq!(feature_row(line, &mut row).unwrap_err().kind, kind, "{line}");
        }
    }
}
