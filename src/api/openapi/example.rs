//! What the examples are made of: a row of the demo.

use std::io::{BufRead, BufReader};

use serde_json::{Map, Value, json};

use crate::demo;

pub(in crate::api) const VALUES: [f64; 18] = [
    1.0, 6.676, 3418.0, 209.0, 0.5957, 514.0, 10.0, 11.0, 57.0, 11.0, 1599.0, 0.1499, 1.288, 0.2239, 9.018,
    0.01754, 46.0, 0.02128,
];

/// The features of the demo, as the header of its table names them after the two identifiers.
pub(in crate::api) fn names() -> Vec<String> {
    let mut header = String::new();
    let read = BufReader::new(demo::features()).read_line(&mut header);
    read.expect("the demo's table is text: this is a bug");
    header.trim_end().split(',').skip(2).map(str::to_owned).collect()
}

/// The row as a line of CSV.
pub(in crate::api) fn line() -> String {
    VALUES.map(|value| value.to_string()).join(",")
}

/// The row as an object.
pub(in crate::api) fn by_name() -> Map<String, Value> {
    names().into_iter().zip(VALUES).map(|(name, value)| (name, json!(value))).collect()
}
