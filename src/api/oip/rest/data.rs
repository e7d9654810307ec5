//! The `data` of a tensor as JSON: numbers, flat or nested, `null` for missing.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::row::narrow;

/// Values in the order they stand in, and how they were nested.
#[derive(Debug, Default)]
pub(super) struct JsonData {
    pub(super) values: Vec<f32>,
    /// The length of the arrays at each depth, outermost first; those of one depth are alike.
    pub(super) shape: Vec<usize>,
    /// Whether some value is a boolean; whether some is a number; whether some number has a fraction.
    pub(super) has_booleans: bool,
    pub(super) has_numbers: bool,
    pub(super) has_fractions: bool,
    /// The least and the greatest number, and zero.
    pub(super) least: f64,
    pub(super) most: f64,
    /// How many arrays a value is in.
    depth: Option<usize>,
}

impl<'de> Deserialize<'de> for JsonData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut data = Self::default();
        deserializer.deserialize_seq(Level { data: &mut data, depth: 0 })?;
        Ok(data)
    }
}

/// What stands at one depth: an array, or a value.
struct Level<'d> {
    data: &'d mut JsonData,
    depth: usize,
}

impl Level<'_> {
    fn push<E: Error>(self, value: f32) -> Result<(), E> {
        if *self.data.depth.get_or_insert(self.depth) != self.depth {
            return Err(E::custom(
                "data has values at different depths; expected flat or evenly nested arrays",
            ));
        }
        self.data.values.push(value);
        Ok(())
    }

    fn number<E: Error>(self, number: f64) -> Result<(), E> {
        self.data.has_numbers = true;
        self.data.has_fractions |= number.fract() != 0.0;
        self.data.least = self.data.least.min(number);
        self.data.most = self.data.most.max(number);
        let value = narrow(number).map_err(E::custom)?;
        self.push(value)
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data to be an array of numbers, null for a missing one")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let Level { data, depth } = self;
        let mut length = 0;
        while array.next_element_seed(Level { data, depth: depth + 1 })?.is_some() {
            length += 1;
        }
        // The inner arrays end first.
        if data.shape.len() <= depth {
            data.shape.resize(depth + 1, usize::MAX);
        }
        let expected = &mut data.shape[depth];
        if *expected == usize::MAX {
            *expected = length;
        }
        if *expected == length {
            return Ok(());
        }
        let what = format!("data has arrays of {expected} and of {length} values side by side");
        Err(A::Error::custom(what))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(f32::NAN)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.data.has_booleans = true;
        self.push(f32::from(u8::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<JsonData, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn flat_and_nested() {
        let flat = read("[1, 2.5, -3, 4]").unwrap();
        assert_eq!((flat.values, flat.shape, flat.has_fractions), (vec![1.0, 2.5, -3.0, 4.0], vec![4], true));
        let nested = read("[[1, true], [null, 18446744073709551615]]").unwrap();
        assert_eq!((nested.shape, nested.has_booleans, nested.has_fractions), (vec![2, 2], true, false));
        assert!(nested.values[2].is_nan() && nested.values[3] > 1.8e19);
        assert_eq!(read("[[[1], [2]]]").unwrap().shape, [1, 2, 1]);
        assert_eq!(read("[]").unwrap().shape, [0]);
    }

    #[test]
    fn what_is_no_tensor() {
        for (text, said) in [
            ("[[1, 2], [3]]", "arrays of 2 and of 1 values"),
            ("[1, [2]]", "different depths"),
            ("[\"1\"]", "invalid type: string"),
            ("[{}]", "invalid type: map"),
            ("[1e39]", "32-bit float"),
            ("7", "an array of numbers"),
            (&format!("{}1{}", "[".repeat(200), "]".repeat(200)), "recursion limit"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(said), "{text}: {found}");
        }
    }
}
