//! The dialects that people and programs write.

use super::*;

fn bad(outcomes: &Outcomes) -> impl Iterator<Item = (usize, &RowError)> {
    (1..).zip(outcomes.iter()).filter_map(|(row, outcome)| outcome.map(|error| (row, error)))
}

fn schema() -> Schema {
    Schema::new(vec!["a".into(), "b".into()])
}

fn rows(body: &str) -> (Vec<f32>, Vec<(usize, RowErrorKind)>) {
    rows_of(body, &schema())
}

fn rows_of(body: &str, schema: &Schema) -> (Vec<f32>, Vec<(usize, RowErrorKind)>) {
    let decoded = feature_rows(body.as_bytes(), schema, RowLimits::default()).unwrap();
    let failures = bad(&decoded.outcomes).map(|(row, error)| (row, error.kind)).collect();
    (decoded.items.values().to_vec(), failures)
}

fn error(body: &str) -> RowError {
    feature_rows(body.as_bytes(), &schema(), RowLimits::default()).unwrap_err()
}

#[test]
fn line_ends_quotes_and_padding() {
    for body in [
        "1,2\n3,4",
        "1,2\r\n3,4\r\n",
        "1,2\r3,4\r",
        "\u{feff}1, 2 \n3,4\n",
        "1,2\n3,4\n\n\r\n",
        "\"1\",\"2\"\n\"3\",\"4\"\n",
        "\"a\",\"b\"\r\n\"1\",2\r\n3,\"4\"",
        "\u{feff}\"a\",\"b\"\n1,2\n3,4",
    ] {
        assert_eq!(rows(body), (vec![1.0, 2.0, 3.0, 4.0], vec![]), "{body:?}");
    }
}

#[test]
fn a_header_reorders() {
    for body in ["b,a\n2,1\n", "\"b\",\"a\"\n2,1\n", " b , a \n2,1"] {
        assert_eq!(rows(body), (vec![1.0, 2.0], vec![]), "{body:?}");
    }
    for (header, column) in
        [("a,c\n1,2", "c"), ("a\n1", "b"), ("a,a\n1,2", "a"), ("user_id,a,b\n7,1,2", "user_id")]
    {
        let error = error(header);
        assert_eq!((error.kind, error.column.as_deref()), (RowErrorKind::Name, Some(column)));
    }
    assert!(error("user_id,a,b\n7,1,2").detail.ends_with("with --id user_id"));
    assert_eq!(error("a,b\n").kind, RowErrorKind::Malformed);
}

#[test]
fn names_that_look_like_values_padded_names_and_names_with_commas_and_quotes() {
    let numbers = Schema::new(vec!["0".into(), "1".into()]);
    assert_eq!(rows_of("1,0\n5,6", &numbers), (vec![6.0, 5.0], vec![]));
    assert_eq!(rows_of("0,1\n5,6", &numbers), (vec![5.0, 6.0], vec![]));
    assert_eq!(
        rows_of("0,0\n5,6", &numbers),
        (vec![0.0, 0.0, 5.0, 6.0], vec![]),
        "a row, as a name stands twice"
    );
    assert_eq!(
        rows_of("0,2\n5,6", &numbers),
        (vec![0.0, 2.0, 5.0, 6.0], vec![]),
        "a row, as a name is unknown"
    );
    let odd = Schema::new([" lead", "", "nan", "income, total", "\"q\""].map(str::to_owned).to_vec());
    let body = "\"\"\"q\"\"\",nan,,\"income, total\", lead\n5,3,2,4,1\n";
    assert_eq!(rows_of(body, &odd), (vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![]));
}

#[test]
fn every_bad_row_is_named_and_the_others_are_read() {
    let (values, failures) = rows("1,2\n1\n\n1,2,3\nx,2\n3,4\n\n5,\"6");
    assert_eq!(values, [1.0, 2.0, 3.0, 4.0]);
    let kinds = [
        (2, RowErrorKind::Width),
        (3, RowErrorKind::Width),
        (4, RowErrorKind::Width),
        (5, RowErrorKind::Value),
        (7, RowErrorKind::Width),
        (8, RowErrorKind::Width),
    ];
    assert_eq!(failures, kinds);
}

#[test]
fn missing_values_and_booleans() {
    let (values, failures) = rows(",nan\nNA,null\n\"\",\"NULL\"\n");
    assert!(values.len() == 6 && values.iter().all(|value| value.is_nan()) && failures.is_empty());
    assert_eq!(rows("True,FALSE\n"), (vec![1.0, 0.0], vec![]));
}

#[test]
fn limits() {
    let limits = RowLimits { rows: 2, all_or_nothing: false };
    let read = |body: &str, limits| feature_rows(body.as_bytes(), &schema(), limits);
    assert_eq!(read("a,b\n1,2\n3,4\n\n\n", limits).unwrap().outcomes.count(), 2);
    assert_eq!(read("1,2\n3,4\nx", limits).unwrap_err().kind, RowErrorKind::TooManyRows);
    assert_eq!(pairs(b"1,2\n1,2\n1,2", limits).unwrap_err().kind, RowErrorKind::TooManyRows);
    let strict = RowLimits { rows: 2, all_or_nothing: true };
    let decoded = read("1,2\nx,4\n5,6\n7,8", strict).unwrap();
    assert_eq!((decoded.outcomes.count(), decoded.outcomes.first_failure().unwrap().0), (2, 2));
}

#[test]
fn nothing_but_line_ends_is_empty_and_millions_before_a_row_take_little_room() {
    assert_eq!(error(&"\n".repeat(1 << 16)).detail, "the body is empty; expected one row per line");
    let body = "\n".repeat(1 << 16) + "1,2";
    let limits = RowLimits { rows: usize::MAX, all_or_nothing: false };
    let outcomes = feature_rows(body.as_bytes(), &schema(), limits).unwrap().outcomes;
    assert_eq!(outcomes.count(), (1 << 16) + 1);
    assert_eq!(outcomes.in_full().len(), 100);
}

#[test]
fn pairs_by_position_or_header() {
    let read = |body: &str| pairs(body.as_bytes(), RowLimits::default());
    let expected = [PairKey::new("1", "2")];
    for body in [
        "1,2",
        "1,2\r\n",
        "1,2\r\r",
        "user_id,product_id\n1,2",
        "product_id,user_id\n2,1",
        "\"user_id\",\"product_id\"\n\"1\",\"2\"",
        "User_ID,Product_ID\n1,2",
        "USER_ID,PRODUCT_ID\n1,2",
        "userId,productId\n1,2",
        "ProductId, User Id\n2,1",
        " \"1\" , \"2\" ",
    ] {
        assert_eq!(read(body).unwrap().items, expected, "{body:?}");
    }
    let commas = read("\"a,b\",2\nx/y,\"p,1\"\n\"say \"\"hi\"\"\",3").unwrap();
    let expected = [PairKey::new("a,b", "2"), PairKey::new("x/y", "p,1"), PairKey::new("say \"hi\"", "3")];
    assert_eq!(commas.items, expected);
    let decoded = read(&format!("1,2\n1\n,2\n1,2,3\n{},4", "x".repeat(1025))).unwrap();
    let failures: Vec<_> = bad(&decoded.outcomes).map(|(row, error)| (row, error.kind)).collect();
    let kinds = [
        (2, RowErrorKind::Width),
        (3, RowErrorKind::Value),
        (4, RowErrorKind::Width),
        (5, RowErrorKind::Value),
    ];
    assert_eq!(failures, kinds);
    for header in ["user_id,thing\n1,2", "userId\n1", "user_id,product_id,x\n1,2,3", "USERID,UserId\n1,2"] {
        assert_eq!(read(header).unwrap_err().kind, RowErrorKind::Name, "{header:?}");
    }
}

/// Whatever an identifier holds, it is read as it was written.
#[test]
fn what_is_written_is_read_back() {
    let mut random = fastrand::Rng::with_seed(9);
    let letters = [',', '"', 'a', ' ', 'é', '\u{feff}', '0', '\'', ';', '#'];
    for _ in 0..2_000 {
        let mut id = || -> String {
            let length = random.usize(1..6);
            let id: String = (0..length).map(|_| letters[random.usize(..letters.len())]).collect();
            format!("x{id}x").replace("x ", "x").replace(" x", "x")
        };
        let (user, product) = (id(), id());
        let mut text = String::new();
        write_cell(&user, &mut text);
        text.push(',');
        write_cell(&product, &mut text);
        assert_eq!(
            pairs(text.as_bytes(), RowLimits::default()).unwrap().items,
            [PairKey::new(&user, &product)],
            "{text}"
        );
    }
}

#[test]
fn a_packed_row() {
    assert_eq!(*packed_row("1,\"2\"\n", &schema()).unwrap(), [1.0, 2.0]);
    for text in ["", "1", "1,2\n3,4", "1,x"] {
        assert!(packed_row(text, &schema()).is_err(), "{text:?}");
    }
}
