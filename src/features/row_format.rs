//! The bytes of one stored row: a version byte, each value as a little-endian float32 (NaN: missing), and a checksum.
//!
//! Version 2: `02 | f32 f32 … f32 | crc`, as many values as the store has columns. The checksum is the CRC-32 (IEEE 802.3) of
//! `user 00 product 00 02 f32 … f32`, little-endian: a row under another pair's key is as wrong as one with another value.
//! Version 1 has no checksum: `01 | f32 f32 … f32`. Both are read and no longer written: rows are kept by user, see
//! [`user_block`](super::user_block).

use crate::row::FeatureRow;

const UNCHECKED: u8 = 1;
const CHECKED: u8 = 2;

/// Reads the row of `width` values stored for `user` and `product`, or says why these bytes are none.
pub(super) fn decode(
    (user, product): (&str, &str),
    bytes: &[u8],
    width: usize,
) -> Result<FeatureRow, String> {
    let values = match bytes {
        [] => return Err("an empty row".to_owned()),
        [UNCHECKED, values @ ..] => values,
        [CHECKED, rest @ ..] => {
            let (values, found) = rest.split_last_chunk::<4>().ok_or("a row that is cut off")?;
            if checksum(user, product, &bytes[..=values.len()]) != u32::from_le_bytes(*found) {
                return Err("the checksum of the row is wrong: it is damaged".to_owned());
            }
            values
        }
        [version, ..] => {
            return Err(format!(
                "row format {version}; this program reads formats {UNCHECKED} and {CHECKED}"
            ));
        }
    };
    let (chunks, rest) = values.as_chunks::<4>();
    if chunks.len() != width || !rest.is_empty() {
        return Err(format!("{} bytes of values, expected {width} × 4", values.len()));
    }
    Ok(chunks.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

fn checksum(user: &str, product: &str, row: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [user.as_bytes(), b"\0", product.as_bytes(), b"\0", row] {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: (&str, &str) = ("7", "é");

    /// The bytes of `row`, stored for `user` and `product`, in place of what `out` holds.
    fn encode((user, product): (&str, &str), row: &[f32], out: &mut Vec<u8>) {
        out.clear();
        out.push(CHECKED);
        for value in row {
            out.extend_from_slice(&value.to_le_bytes());
        }
        let checksum = checksum(user, product, out);
        out.extend_from_slice(&checksum.to_le_bytes());
    }

    fn encoded(row: &[f32]) -> Vec<u8> {
        let mut bytes = vec![9; 3];
        encode(PAIR, row, &mut bytes);
        bytes
    }

    fn bits(row: &[f32]) -> Vec<u32> {
        row.iter().map(|value| value.to_bits()).collect()
    }

    /// Rows written by any version must stay readable: these bytes are the formats, spelled out.
    #[test]
    fn versions_are_pinned() {
        let row = [1.0, f32::NAN, -2.5];
        let values = [0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f, 0, 0, 0x20, 0xc0];
        let first = [&[1], &values[..]].concat();
        let second = [
            &[2],
            &values[..],
            &crc32fast::hash(&[b"7\0\xc3\xa9\0\x02", &values[..]].concat()).to_le_bytes(),
        ];
        assert_eq!(encoded(&row), second.concat());
        for bytes in [first, second.concat()] {
            assert_eq!(bits(&decode(PAIR, &bytes, 3).unwrap()), bits(&row));
        }
    }

    #[test]
    fn no_flipped_bit_is_a_value() {
        let good = encoded(&[1.0, 2.0]);
        for bit in 8..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(PAIR, &bytes, 2).unwrap_err().contains("damaged"), "bit {bit}");
        }
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[0] ^= 1 << bit;
            decode(PAIR, &bytes, 2).unwrap_err();
        }
        assert!(decode(("7", "8"), &good, 2).unwrap_err().contains("damaged"), "another pair's row");
    }

    #[test]
    fn other_bytes_are_refused_with_the_reason() {
        assert!(decode(PAIR, &[], 1).unwrap_err().contains("empty"));
        assert!(decode(PAIR, &[3, 0, 0, 0, 0], 1).unwrap_err().contains("row format 3"));
        assert!(decode(PAIR, &[1, 0, 0, 0], 1).unwrap_err().contains("expected 1 × 4"));
        assert!(decode(PAIR, &[1, 0, 0, 0, 0], 2).unwrap_err().contains("expected 2 × 4"));
        assert!(decode(PAIR, &[2, 0, 0], 1).unwrap_err().contains("cut off"));
        assert!(decode(PAIR, &encoded(&[1.0]), 2).unwrap_err().contains("expected 2 × 4"));
    }
}
