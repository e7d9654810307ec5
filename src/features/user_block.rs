//! The bytes of all stored rows of one user: products in order, and the values column by column.
//!
//! Version 3: `03 | n | kinds | ends | products | columns | crc`, whole numbers little-endian: the number of products `n` in
//! four bytes; a byte per column that says how it is written; for each product the four bytes of where its identifier ends among
//! those of all; the identifiers; the columns; and the CRC-32 (IEEE 802.3) of `user 00` and all bytes before.
//! A column is one float32 for all products where they share it, as they do what describes the user; else a byte, two bytes or
//! a float32 for each. The narrow kinds hold whole numbers, exactly.

use crate::row::FeatureRow;

const VERSION: u8 = 3;
/// Version and number of products.
const HEAD: usize = 5;
const CHECKSUM: usize = 4;

/// How a column is written.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Float = 0,
    Shared = 1,
    Byte = 2,
    Short = 3,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Float, Self::Shared, Self::Byte, Self::Short].into_iter().find(|kind| *kind as u8 == byte)
    }

    /// The narrowest kind that holds each of `values` to the bit.
    #[expect(clippy::cast_sign_loss, reason = "what is not held is seen to differ")]
    fn narrowest(values: &(impl Iterator<Item = f32> + Clone)) -> Self {
        let first = values.clone().next().map(f32::to_bits);
        if values.clone().all(|value| Some(value.to_bits()) == first) {
            return Self::Shared;
        }
        let fits = |most: f32| {
            values.clone().all(|value| value <= most && f32::from(value as u16).to_bits() == value.to_bits())
        };
        if fits(f32::from(u8::MAX)) {
            Self::Byte
        } else if fits(f32::from(u16::MAX)) {
            Self::Short
        } else {
            Self::Float
        }
    }

    /// Bytes that it takes for `n` products.
    fn size(self, n: usize) -> usize {
        match self {
            Self::Float => 4 * n,
            Self::Shared => 4 * n.min(1),
            Self::Byte => n,
            Self::Short => 2 * n,
        }
    }
}

/// The bytes of `rows`, stored for `user`, in place of what `out` holds. The rows are in order of their products, which are
/// distinct, and each has as many values as `width` says.
#[expect(clippy::cast_sign_loss, reason = "the narrow kinds hold no negative numbers")]
pub(super) fn encode(user: &str, rows: &[(&str, &[f32])], width: usize, out: &mut Vec<u8>) {
    out.clear();
    out.push(VERSION);
    out.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    let column = |at: usize| rows.iter().map(move |(_, row)| row[at]);
    let kinds: Vec<Kind> = (0..width).map(|at| Kind::narrowest(&column(at))).collect();
    out.extend(kinds.iter().map(|kind| *kind as u8));
    let mut end = 0;
    for (product, _) in rows {
        end += product.len() as u32;
        out.extend_from_slice(&end.to_le_bytes());
    }
    for (product, _) in rows {
        out.extend_from_slice(product.as_bytes());
    }
    for (at, kind) in kinds.into_iter().enumerate() {
        match kind {
            Kind::Float => column(at).for_each(|value| out.extend_from_slice(&value.to_le_bytes())),
            Kind::Shared => column(at).take(1).for_each(|value| out.extend_from_slice(&value.to_le_bytes())),
            Kind::Byte => out.extend(column(at).map(|value| value as u8)),
            Kind::Short => {
                column(at).for_each(|value| out.extend_from_slice(&(value as u16).to_le_bytes()));
            }
        }
    }
    let checksum = checksum(user, out);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// How many rows a block says it has; they may be damaged.
pub(super) fn rows_in(bytes: &[u8]) -> Option<usize> {
    let count = bytes.get(1..HEAD)?.try_into().ok()?;
    Some(u32::from_le_bytes(count) as usize)
}

/// The stored rows of one user, whose checksum is right.
pub(super) struct UserBlock<'b> {
    kinds: &'b [u8],
    ends: &'b [[u8; 4]],
    products: &'b [u8],
    columns: &'b [u8],
}

impl<'b> UserBlock<'b> {
    /// Reads the rows of `width` values stored for `user`, or says why these bytes are none.
    pub(super) fn open(user: &str, bytes: &'b [u8], width: usize) -> Result<Self, String> {
        match bytes.first() {
            None => return Err("an empty block of rows".to_owned()),
            Some(&VERSION) => {}
            Some(version) => {
                return Err(format!("row format {version}; this program reads formats 1 to {VERSION}"));
            }
        }
        let (content, found) = bytes.split_last_chunk::<CHECKSUM>().ok_or_else(cut_off)?;
        if checksum(user, content) != u32::from_le_bytes(*found) {
            return Err("the checksum of the user's rows is wrong: they are damaged".to_owned());
        }
        let (head, rest) = content.split_at_checked(HEAD).ok_or_else(cut_off)?;
        let n = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (kinds, rest) = rest.split_at_checked(width).ok_or_else(cut_off)?;
        let (ends, rest) = rest.split_at_checked(n.saturating_mul(4)).ok_or_else(cut_off)?;
        let (ends, _) = ends.as_chunks::<4>();
        let length = ends.last().map_or(0, |end| u32::from_le_bytes(*end) as usize);
        let (products, columns) = rest.split_at_checked(length).ok_or_else(cut_off)?;
        let mut expected = 0;
        for kind in kinds {
            expected += Kind::of(*kind).ok_or("a column of an unknown kind")?.size(n);
        }
        if columns.len() != expected {
            return Err(format!("{} bytes of values, expected {expected}", columns.len()));
        }
        Ok(Self { kinds, ends, products, columns })
    }

    /// Number of products.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The product at a place, if it is one.
    pub(super) fn product(&self, at: usize) -> Option<&'b str> {
        str::from_utf8(self.identifier(at)?).ok()
    }

    fn identifier(&self, at: usize) -> Option<&'b [u8]> {
        let end = |at: usize| self.ends.get(at).map(|end| u32::from_le_bytes(*end) as usize);
        let start = if at == 0 { 0 } else { end(at - 1)? };
        self.products.get(start..end(at)?)
    }

    /// Where `product` is.
    pub(super) fn find(&self, product: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.identifier(middle)?.cmp(product.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The row at a place.
    pub(super) fn row(&self, at: usize) -> FeatureRow {
        let (n, mut start) = (self.len(), 0);
        let value = |kind: &u8| {
            let kind = Kind::of(*kind).expect("the kinds were looked at: this is a bug");
            let column = &self.columns[start..start + kind.size(n)];
            start += column.len();
            let float = |at: usize| {
                f32::from_le_bytes([
                    column[4 * at],
                    column[4 * at + 1],
                    column[4 * at + 2],
                    column[4 * at + 3],
                ])
            };
            match kind {
                Kind::Float => float(at),
                Kind::Shared => float(0),
                Kind::Byte => f32::from(column[at]),
                Kind::Short => f32::from(u16::from_le_bytes([column[2 * at], column[2 * at + 1]])),
            }
        };
        self.kinds.iter().map(value).collect()
    }
}

fn cut_off() -> String {
    "a block of rows that is cut off".to_owned()
}

fn checksum(user: &str, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [user.as_bytes(), b"\0", content] {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(rows: &[(&str, &[f32])], width: usize) -> Vec<u8> {
        let mut bytes = vec![9; 3];
        encode("7", rows, width, &mut bytes);
        bytes
    }

    /// These bytes are the format, spelled out.
    #[test]
    fn the_version_is_pinned() {
        let rows: [(&str, &[f32]); 2] =
            [("10", &[2.5, 1.0, 1000.0, 0.5]), ("é", &[2.5, 255.0, 0.0, f32::NAN])];
        let mut expected = vec![3, 2, 0, 0, 0, 1, 2, 3, 0, 2, 0, 0, 0, 4, 0, 0, 0, b'1', b'0', 0xc3, 0xa9];
        expected.extend([0, 0, 0x20, 0x40, 1, 255, 0xe8, 3, 0, 0, 0, 0, 0, 0x3f, 0, 0, 0xc0, 0x7f]);
        let checksum = crc32fast::hash(&[b"7\0", &expected[..]].concat());
        expected.extend(checksum.to_le_bytes());
        assert_eq!(encoded(&rows, 4), expected);
    }

    #[test]
    fn every_value_comes_back_to_the_bit() {
        let mut random = fastrand::Rng::with_seed(3);
        let special = [0.0, -0.0, 1.0, 255.0, 256.0, 65535.0, 65536.0, -1.0, 0.5, f32::NAN, f32::MAX, 1e-45];
        for n in [0_usize, 1, 2, 3, 70] {
            for _ in 0..50 {
                let kinds: Vec<usize> = (0..6).map(|_| random.usize(1..=special.len())).collect();
                let rows: Vec<Vec<f32>> = (0..n)
                    .map(|_| kinds.iter().map(|most| special[random.usize(..*most)]).collect())
                    .collect();
                let names: Vec<String> = (0..n).map(|at| format!("{at:03}")).collect();
                let rows: Vec<(&str, &[f32])> =
                    names.iter().zip(&rows).map(|(name, row)| (name.as_str(), row.as_slice())).collect();
                let bytes = encoded(&rows, 6);
                let block = UserBlock::open("7", &bytes, 6).unwrap();
                assert_eq!(block.len(), n);
                for (at, (name, row)) in rows.iter().enumerate() {
                    assert_eq!((block.product(at), block.find(name)), (Some(*name), Some(at)));
                    let bits = |row: &[f32]| row.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&block.row(at)), bits(row));
                }
                for absent in ["", "0001", "999", "é"] {
                    assert_eq!(block.find(absent), None);
                }
            }
        }
    }

    #[test]
    fn no_flipped_bit_is_a_value() {
        let good = encoded(&[("1", &[1.0, 2.0]), ("2", &[1.0, 3.5])], 2);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(UserBlock::open("7", &bytes, 2).is_err(), "bit {bit}");
        }
        assert!(UserBlock::open("8", &good, 2).is_err(), "another user's rows");
    }

    #[test]
    fn other_bytes_are_refused_with_the_reason() {
        let sealed = |content: &[u8]| [content, &checksum("7", content).to_le_bytes()].concat();
        for (bytes, said) in [
            (vec![], "an empty block"),
            (vec![4, 0, 0, 0, 0], "row format 4"),
            (vec![3, 0], "cut off"),
            (sealed(&[3, 0]), "cut off"),
            (sealed(&[3, 1, 0, 0, 0, 0]), "cut off"),
            (sealed(&[3, 0xff, 0xff, 0xff, 0xff, 0, 0]), "cut off"),
            (sealed(&[3, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0]), "cut off"),
            (sealed(&[3, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0]), "unknown kind"),
            (sealed(&[3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "0 bytes of values, expected 8"),
        ] {
            let error = UserBlock::open("7", &bytes, 2).err().unwrap();
            assert!(error.contains(said), "{bytes:?}: {error}");
        }
    }
}
