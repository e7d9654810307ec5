//! Texts of every dialect, whole and in pieces.

use std::io::BufReader;

use super::*;

type Read = Vec<(u64, Result<Vec<String>, &'static str>)>;

fn read(input: impl BufRead) -> Read {
    let mut records = Records::new(input);
    let mut read = Vec::new();
    while let Some(record) = records.next().unwrap() {
        let cells = record.cells().map(str::to_owned).collect();
        read.push((record.line, record.fault().map_or(Ok(cells), Err)));
    }
    read
}

#[expect(clippy::unnecessary_wraps, reason = "as records are read: cells, or a fault")]
fn cells(cells: &[&str]) -> Result<Vec<String>, &'static str> {
    Ok(cells.iter().map(|cell| (*cell).to_owned()).collect())
}

/// A text has the same records however it is split.
fn in_pieces(text: &[u8], expected: &Read) {
    assert_eq!(&read(text), expected, "{:?}", String::from_utf8_lossy(text));
    for size in 3..8 {
        assert_eq!(&read(BufReader::with_capacity(size, text)), expected, "by {size}");
    }
}

#[test]
fn line_ends_of_every_kind() {
    let expected = vec![(1, cells(&["a", "b"])), (2, cells(&["1", "2"])), (3, cells(&["", ""]))];
    for end in ["\n", "\r\n", "\r"] {
        for text in ["a,b|1,2|,", "a,b|1,2|,|", "\u{feff}a,b|1,2|,||| |", "\"a\",b|1,\"2\"|\"\",|"] {
            in_pieces(text.replace('|', end).as_bytes(), &expected);
        }
    }
}

#[test]
fn quotes_hold_commas_line_ends_and_quotes() {
    let expected =
        vec![(1, cells(&["a,b", "say \"hi\""])), (2, cells(&["line\r\nend", "x"])), (4, cells(&["1", "2"]))];
    in_pieces(b"\"a,b\",\"say \"\"hi\"\"\"\r\n\"line\r\nend\",x\r\n1,2", &expected);
}

#[test]
fn blank_lines_count_before_a_record_only() {
    let blank = || Err("the line is blank");
    let expected = vec![(1, blank()), (2, cells(&["1"])), (3, blank()), (4, blank()), (5, cells(&["2"]))];
    in_pieces(b"\n1\n\n \n2\n\n\n", &expected);
    in_pieces(b"\r\r\n\n\n", &vec![]);
    in_pieces(b"", &vec![]);
}

#[test]
fn a_quote_that_is_not_closed_is_named() {
    let expected = vec![(1, cells(&["1"])), (2, Err("a quote is opened and never closed"))];
    in_pieces(b"1\n2,\"3\n4\n", &expected);
}

#[test]
fn a_line_that_is_not_utf_8_is_named_and_passed() {
    let mut records = Records::new(&b"a\n\xff\nb"[..]);
    assert!(records.next().unwrap().is_some());
    assert!(matches!(records.next(), Err(RecordError::NotUtf8(2))));
    assert_eq!(records.next().unwrap().unwrap().cells().collect::<Vec<_>>(), ["b"]);
}

/// A letter's bytes in two cells: together they are UTF-8, which the line is not.
#[test]
fn a_letter_that_is_cut_in_two_by_a_comma_is_none() {
    let mut records = Records::new(&b"\"a\",\xe5,\xad\x97\nb"[..]);
    assert!(matches!(records.next(), Err(RecordError::NotUtf8(1))));
    assert_eq!(records.next().unwrap().unwrap().cells().collect::<Vec<_>>(), ["b"]);
}
