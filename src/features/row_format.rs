//! The bytes of one stored row: a version byte, then each value as a little-endian float32 (NaN: missing).
//!
//! Version 1: `01 | f32 f32 … f32`, as many as the store has columns.

use crate::row::FeatureRow;

const VERSION: u8 = 1;

/// Appends the bytes of `row` to `out`, which is cleared first.
pub(super) fn encode(row: &[f32], out: &mut Vec<u8>) {
    out.clear();
    out.push(VERSION);
    for value in row {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Reads a row of `width` values, or says why these bytes are none.
pub(super) fn decode(bytes: &[u8], width: usize) -> Result<FeatureRow, String> {
    let (&version, values) = bytes.split_first().ok_or("an empty row")?;
    if version != VERSION {
        return Err(format!("row format {version}; this program reads format {VERSION}"));
    }
    let (values, rest) = values.as_chunks::<4>();
    if values.len() != width || !rest.is_empty() {
        return Err(format!("{} bytes of values, expected {width} × 4", bytes.len() - 1));
    }
    Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows written by version 1 must stay readable: these bytes are the format, spelled out.
    #[test]
    fn version_1_is_pinned() {
        let mut bytes = vec![9; 3];
        encode(&[1.0, f32::NAN, -2.5], &mut bytes);
        assert_eq!(bytes, [1, 0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f, 0, 0, 0x20, 0xc0]);
        let row = decode(&bytes, 3).unwrap();
        assert_eq!(row[0].to_bits(), 1.0_f32.to_bits());
        assert!(row[1].is_nan());
        assert_eq!(row[2].to_bits(), (-2.5_f32).to_bits());
    }

    #[test]
    fn other_bytes_are_refused_with_the_reason() {
        assert!(decode(&[], 1).unwrap_err().contains("empty"));
        assert!(decode(&[2, 0, 0, 0, 0], 1).unwrap_err().contains("row format 2"));
        assert!(decode(&[1, 0, 0, 0], 1).unwrap_err().contains("expected 1 × 4"));
        assert!(decode(&[1, 0, 0, 0, 0], 2).unwrap_err().contains("expected 2 × 4"));
    }
}
