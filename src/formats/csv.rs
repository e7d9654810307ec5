//! CSV bodies: one row per line, commas between the cells, an optional header of names.

use memchr::memchr_iter;

use crate::row::{
    Batch, Decoded, Outcomes, PairKey, RowError, RowErrorKind, Schema, check_id, parse_value,
};

const PAIR_COLUMNS: [&str; 2] = ["user_id", "product_id"];

/// Feature rows in model order, or in the order of a header.
///
/// # Errors
/// The body is not text, empty, or has a wrong header; mistakes in single rows are among the outcomes.
pub fn feature_rows(body: &[u8], schema: &Schema) -> Result<Decoded<Batch>, RowError> {
    let mut order = None;
    let (mut items, mut outcomes) = (Batch::new(schema.width()), Outcomes::default());
    let mut row = vec![f32::NAN; schema.width()];
    for (at, line) in lines(body)?.enumerate() {
        let outcome = feature_row(line, schema, order.as_deref(), &mut row);
        // A header is no row, so that only a first line that is none can be one.
        if at == 0
            && outcome.is_err()
            && let Some(header) = header_order(line, schema)
        {
            order = Some(header?);
            continue;
        }
        if outcome.is_ok() {
            items.push(&row);
        }
        outcomes.note(outcome);
    }
    if outcomes.count() == 0 {
        return Err(RowError::new(RowErrorKind::Malformed, "the body holds a header and no row"));
    }
    Ok(Decoded { items, outcomes })
}

/// Reads one line into `row`; every cell of `row` is written unless the line is bad.
pub(super) fn feature_row(
    line: &str,
    schema: &Schema,
    order: Option<&[usize]>,
    row: &mut [f32],
) -> Result<(), RowError> {
    if line.is_empty() {
        return Err(RowError::new(
            RowErrorKind::Width,
            format!("the line is blank; expected {} columns", row.len()),
        ));
    }
    let mut cells = 0;
    let mut start = 0;
    for end in memchr_iter(b',', line.as_bytes()).chain([line.len()]) {
        let cell = &line[start..end];
        start = end + 1;
        if cells < row.len() {
            let at = order.map_or(cells, |order| order[cells]);
            row[at] = parse_value(cell).map_err(|error| {
                let name = &schema.names()[at];
                RowError::new(RowErrorKind::Value, format!("column {} ({name}): {error}", cells + 1))
                    .in_column(name)
            })?;
        }
        cells += 1;
    }
    if cells == row.len() {
        return Ok(());
    }
    Err(RowError::new(RowErrorKind::Width, format!("{cells} columns, expected {}", row.len())))
}

/// Where each cell of a row goes, if `line` is a header.
pub(super) fn header_order(line: &str, schema: &Schema) -> Option<Result<Vec<usize>, RowError>> {
    is_header(line, |cell| schema.position(cell).is_some()).then(|| {
        schema.positions(line.split(',').map(unquoted)).map_err(|error| {
            RowError::new(RowErrorKind::Name, format!("the header is wrong: {error}")).in_column(error.name())
        })
    })
}

/// Pairs of identifiers, `user_id,product_id` or as a header with these two names orders them.
///
/// # Errors
/// The body is not text, empty, or has a wrong header; mistakes in single rows are among the outcomes.
pub fn pairs(body: &[u8]) -> Result<Decoded<Vec<PairKey>>, RowError> {
    let mut lines = lines(body)?.peekable();
    let header = lines.next_if(|line| is_header(line, |cell| PAIR_COLUMNS.contains(&cell)));
    let swapped = match header {
        Some(header) => {
            let names: Vec<&str> = header.split(',').map(unquoted).collect();
            match names[..] {
                ["user_id", "product_id"] => false,
                ["product_id", "user_id"] => true,
                _ => {
                    let detail = format!("the header is {names:?}; expected user_id,product_id");
                    return Err(RowError::new(RowErrorKind::Name, detail));
                }
            }
        }
        None => false,
    };
    let (mut items, mut outcomes) = (Vec::new(), Outcomes::default());
    for line in lines {
        let outcome = pair(line, swapped).map(|pair| items.push(pair));
        outcomes.note(outcome);
    }
    if outcomes.count() == 0 {
        return Err(RowError::new(RowErrorKind::Malformed, "the body holds a header and no row"));
    }
    Ok(Decoded { items, outcomes })
}

fn pair(line: &str, swapped: bool) -> Result<PairKey, RowError> {
    let mut cells = line.split(',');
    let (Some(first), Some(second), None) = (cells.next(), cells.next(), cells.next()) else {
        let found = if line.is_empty() {
            "the line is blank".to_owned()
        } else {
            format!("{} columns", line.split(',').count())
        };
        return Err(RowError::new(RowErrorKind::Width, format!("{found}; expected user_id,product_id")));
    };
    let (user, product) = if swapped { (second, first) } else { (first, second) };
    let id = |column: &str, cell| {
        check_id(unquoted(cell))
            .map(str::to_owned)
            .map_err(|error| RowError::new(RowErrorKind::Value, format!("{column} {error}")).in_column(column))
    };
    Ok(PairKey::new(&id("user_id", user)?, &id("product_id", product)?))
}

/// The lines of a body, without line ends; one line end at the close of the body ends its last line and starts none.
fn lines(body: &[u8]) -> Result<impl Iterator<Item = &str>, RowError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let line = body[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        RowError::new(RowErrorKind::Malformed, format!("the body is not UTF-8, in line {line}"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(RowError::new(RowErrorKind::Malformed, "the body is empty; expected one row per line"));
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).trim_ascii()))
}

/// A first line is a header when a cell of it is a known name; names that are numbers never make one.
fn is_header(line: &str, known: impl Fn(&str) -> bool) -> bool {
    line.split(',').map(unquoted).any(|cell| known(cell) && parse_value(cell).is_err())
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim_ascii();
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(outcomes: &Outcomes) -> impl Iterator<Item = (usize, &RowError)> {
        (1..).zip(outcomes.iter()).filter_map(|(row, outcome)| outcome.map(|error| (row, error)))
    }

    fn schema() -> Schema {
        Schema::new(vec!["a".into(), "b".into()])
    }

    fn rows(body: &str) -> (Vec<f32>, Vec<(usize, RowErrorKind)>) {
        let decoded = feature_rows(body.as_bytes(), &schema()).unwrap();
        let failures = bad(&decoded.outcomes).map(|(row, error)| (row, error.kind)).collect();
        (decoded.items.values().to_vec(), failures)
    }

    #[test]
    fn line_ends() {
        for body in ["1,2\n3,4", "1,2\r\n3,4\r\n", "\u{feff}1, 2 \n3,4\n"] {
            assert_eq!(rows(body), (vec![1.0, 2.0, 3.0, 4.0], vec![]), "{body:?}");
        }
    }

    #[test]
    fn a_header_reorders() {
        assert_eq!(rows("b,a\n2,1\n"), (vec![1.0, 2.0], vec![]));
        assert_eq!(rows("\"b\",\"a\"\n2,1\n"), (vec![1.0, 2.0], vec![]));
        for (header, column) in [("a,c\n1,2", "c"), ("a\n1", "b"), ("a,a\n1,2", "a")] {
            let error = feature_rows(header.as_bytes(), &schema()).unwrap_err();
            assert_eq!((error.kind, error.column.as_deref()), (RowErrorKind::Name, Some(column)));
        }
    }

    #[test]
    fn every_bad_row_is_named_and_the_others_are_read() {
        let (values, failures) = rows("1,2\n1\n\n1,2,3\nx,2\n3,4\n\n");
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            failures,
            [
                (2, RowErrorKind::Width),
                (3, RowErrorKind::Width),
                (4, RowErrorKind::Width),
                (5, RowErrorKind::Value),
                (7, RowErrorKind::Width)
            ]
        );
    }

    #[test]
    fn missing_values() {
        let (values, failures) = rows(",nan\n");
        assert!(values.len() == 2 && values.iter().all(|value| value.is_nan()) && failures.is_empty());
    }

    #[test]
    fn pairs_by_position_or_header() {
        let expected = [PairKey::new("1", "2")];
        for body in ["1,2", "1,2\r\n", "user_id,product_id\n1,2", "product_id,user_id\n2,1", " \"1\" , 2"] {
            assert_eq!(pairs(body.as_bytes()).unwrap().items, expected, "{body:?}");
        }
        let decoded = pairs(b"1,2\n1\n,2\n1,2,3").unwrap();
        let failures: Vec<_> = bad(&decoded.outcomes).map(|(row, error)| (row, error.kind)).collect();
        assert_eq!(failures, [(2, RowErrorKind::Width), (3, RowErrorKind::Value), (4, RowErrorKind::Width)]);
        assert!(pairs(b"user_id,thing\n1,2").is_err());
    }
}
