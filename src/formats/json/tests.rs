//! Bodies of every shape.

use super::*;
use RowErrorKind::{Name, Shape, Value, Width};

fn bad(outcomes: &Outcomes) -> impl Iterator<Item = (usize, &RowError)> {
    (1..).zip(outcomes.iter()).filter_map(|(row, outcome)| outcome.map(|error| (row, error)))
}

fn read(body: &str) -> Result<Decoded<Batch>, RowError> {
    let schema = Schema::new(vec!["a".into(), "b".into()]);
    feature_rows(body.as_bytes(), &schema, RowLimits::default())
}

fn read_pairs(body: &str) -> Result<Decoded<Vec<PairKey>>, RowError> {
    pairs(body.as_bytes(), RowLimits::default())
}

fn failures(body: &str) -> Vec<(usize, RowErrorKind, String)> {
    bad(&read(body).unwrap().outcomes)
        .map(|(row, error)| (row, error.kind, error.detail.clone().into_owned()))
        .collect()
}

#[test]
fn rows_by_order_and_by_name() {
    let decoded = read("\u{feff}{\"instances\": [[1, null], {\"b\": 2e0, \"a\": 1}]}").unwrap();
    let values = decoded.items.values();
    assert!(values[1].is_nan());
    assert_eq!([values[0], values[2], values[3]], [1.0, 1.0, 2.0]);
}

#[test]
fn one_row_alone() {
    assert_eq!(read(r#"{"b": 2, "a": 1}"#).unwrap().items.values(), [1.0, 2.0]);
    assert_eq!(failures(r#"{"b": 2}"#)[0].1, Name);
    assert_eq!(failures(r#"{"x": 0, "b": 2, "a": 1}"#)[0].2, "\"x\" is not a feature of the model");
    let pair = [PairKey::new("1", "2")];
    assert_eq!(read_pairs(r#"{"product_id": 2, "user_id": "1"}"#).unwrap().items, pair);
    assert_eq!(bad(&read_pairs(r#"{"user_id": 1}"#).unwrap().outcomes).next().unwrap().1.kind, Name);
}

#[test]
fn every_bad_row_is_named() {
    let body = r#"{"instances": [[1], {"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "a": 1, "b": 2}, 7, [1, "2"],
        [1, 1e39], [1, 1e999], [true, 1], [[1], 2]]}"#;
    let found = failures(body);
    let kinds: Vec<_> = found.iter().map(|(_, kind, _)| *kind).collect();
    assert_eq!(kinds, [Width, Name, Name, Name, Shape, Value, Value, Value, Value, Value]);
    assert_eq!(found[5].2, "b: \"2\"; expected a number, or null if it is missing");
    assert_eq!(found[6].2, "b: \"1e39\" is outside the range of a 32-bit float");
    assert_eq!(found[7].2, "b: \"1e999\" is outside the range of a 32-bit float");
    assert_eq!(found[9].2, "a: an array; expected a number, or null if it is missing");
}

#[test]
fn a_body_of_another_shape_is_told_which() {
    for (body, words) in [
        ("", "it is empty; expected {\"instances\": [row, …]}"),
        ("[]", "this is a list; expected {\"instances\": [row, …]}"),
        ("[[1, 2]]", "this is a list; expected"),
        ("[1, 2]", "this is a list; expected"),
        ("[{\"a\": 1, \"b\": 2}]", "this is a list; expected"),
        ("7", "this is a number"),
        ("\"a\"", "this is a string"),
        ("{}", "the object is empty"),
        ("{\"rows\": [[1, 2]]}", "unknown member \"rows\""),
        (r#"{"instances": 1}"#, "array of rows"),
        (r#"{"instances": []}"#, "instances is empty"),
        (r#"{"instances": [[1, 2]], "x": 1}"#, "unknown member \"x\""),
        (r#"{"x": 1, "instances": [[1, 2]]}"#, "unknown member \"x\""),
        (r#"{"instances": [[1, 2]], "instances": [[1, 2]]}"#, "given twice"),
        ("{\"instances\": [[1]", "EOF"),
        ("{\"a\": 1, \"b\": 2}\n{\"a\": 1, \"b\": 2}", "it goes on after its first value"),
        ("{\"instances\": [[1,\n NaN]]}", "NaN is not JSON (expected value at line 2 column 2): write null"),
        ("{\"instances\": [[nan, 1]]}", "nan is not JSON (expected ident at line 1 column 18): write null"),
        ("{\"instances\": [[1, -Infinity]]}", "Infinity is not JSON"),
        ("{\"instances\": [[None, 1]]}", "None is not JSON"),
        ("{\"instances\": [[True, 1]]}", "write 1 or 0"),
    ] {
        let error = read(body).unwrap_err();
        assert_eq!(error.kind, RowErrorKind::Malformed, "{body}");
        assert!(error.detail.contains(words), "{body}: {}", error.detail);
    }
    for body in ["[[1, 2]]", "[1, 2]", "[{\"user_id\": 1, \"product_id\": 2}]"] {
        assert!(read_pairs(body).unwrap_err().detail.contains("this is a list"), "{body}");
    }
}

#[test]
fn identifiers_are_strings_and_whole_numbers_as_they_were_sent() {
    let decoded = read_pairs(
        r#"{"instances": [[1, "2"], {"product_id": 2, "user_id": " 1 "}, [18446744073709551616, -7], ["a,\"b", "\u00e9"]]}"#,
    )
    .unwrap();
    let expected = [
        PairKey::new("1", "2"),
        PairKey::new("1", "2"),
        PairKey::new("18446744073709551616", "-7"),
        PairKey::new("a,\"b", "é"),
    ];
    assert_eq!(decoded.items, expected);
    let decoded = read_pairs(
        r#"{"instances": [[1.5, 2], [1], {"user_id": 1}, [1e25, 2], [-0, 1], [null, 1], ["", 1], {"user_id": 1, "user_id": 1}, 3]}"#,
    )
    .unwrap();
    let errors: Vec<_> = bad(&decoded.outcomes).map(|(_, error)| error).collect();
    let kinds: Vec<_> = errors.iter().map(|error| error.kind).collect();
    assert_eq!(kinds, [Value, Width, Name, Value, Value, Value, Value, Name, Shape]);
    assert_eq!(errors[3].detail, "user_id is 1e25; expected a string or a whole number");
}

#[test]
fn limits() {
    let schema = Schema::new(vec!["a".into()]);
    let read = |body: &str, limits| feature_rows(body.as_bytes(), &schema, limits);
    let limits = RowLimits { rows: 2, all_or_nothing: false };
    assert_eq!(read(r#"{"instances": [[1], 2]}"#, limits).unwrap().outcomes.count(), 2);
    assert_eq!(read(r#"{"instances": [[1], 2, 3"#, limits).unwrap_err().kind, RowErrorKind::TooManyRows);
    let strict = RowLimits { rows: 2, all_or_nothing: true };
    let decoded = read(r#"{"instances": [[1], 2, 3, 4"#, strict).unwrap();
    assert_eq!((decoded.outcomes.count(), decoded.outcomes.first_failure().unwrap().0), (2, 2));
}

#[test]
fn depth_and_width_are_the_rows_mistakes() {
    let deep = format!("{{\"instances\": [[{}{}, 1]]}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(failures(&deep)[0].1, Value);
    let wide = format!("{{\"instances\": [[1{}]]}}", ",1".repeat(100_000));
    assert_eq!(failures(&wide)[0].2, "100001 values, expected 2");
    let rows = format!("{{\"instances\": [{}[{}]]}}", "[".repeat(1_000), "]".repeat(1_000));
    assert_eq!(failures(&rows)[0].1, Width);
}
