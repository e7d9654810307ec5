//! The byte keys of a batch, column by column.

#[allow(clippy::wildcard_imports, reason = "the processor's instructions, told by their names")]
use std::arch::x86_64::*;

use super::ranks::{CATEGORIES, MAX_COLUMNS, NONE, Ranks, Table, WIDTH, signed};
use crate::Rows;

/// Rows whose keys lie side by side.
pub(in crate::layout) const ROWS: usize = 32;

/// One byte of each row of a block.
pub(super) type Column = __m256i;

/// The same, byte by byte.
pub(super) type Bytes = [i8; ROWS];

/// Where a row's byte stands, so that four columns of bytes unpack to eight float32 of rows in order.
pub(super) const fn position(row: usize) -> usize {
    16 * (row / 4 % 2) + 4 * (row / 8) + row % 4
}

/// Columns that splits can name without a check; see [`Window`].
pub(super) const NARROW: usize = 256;

/// The columns of a block and what follows them: as many as an index can name, so that no check remains.
pub(super) type Window<const COLUMNS: usize> = [Column; COLUMNS];

/// The keys of some blocks of rows, packed, and at the very end enough for a window from any block on.
#[derive(Debug)]
pub(super) struct Blocks {
    width: usize,
    len: usize,
    columns: Vec<Column>,
}

impl Blocks {
    pub(super) fn new(ranks: &Ranks, len: usize) -> Self {
        let window = if ranks.columns <= NARROW { NARROW } else { MAX_COLUMNS };
        let columns = vec![bytemuck::Zeroable::zeroed(); ranks.columns * len + window];
        Self { width: ranks.columns, len, columns }
    }

    /// A block's columns.
    pub(super) fn block_mut(&mut self, index: usize) -> &mut [Column] {
        &mut self.columns[index * self.width..][..self.width]
    }

    #[inline]
    pub(super) fn window<const COLUMNS: usize>(&self, index: usize) -> Option<&Window<COLUMNS>> {
        self.columns.get(index * self.width..)?.first_chunk()
    }

    /// Takes the rows from `first` on, of `count` in all.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn fill(&mut self, ranks: &Ranks, rows: &Rows, features: usize, first: usize, count: usize) {
        let blocks = self.columns.chunks_exact_mut(self.width).take(self.len);
        // Rows that a last block does not fill have some keys too.
        let mut values = [0.0; ROWS];
        for (columns, first) in blocks.zip((first..count).step_by(ROWS)) {
            let rows = rows.strided(first, ROWS.min(count - first), count, features);
            for table in &ranks.tables {
                rows.feature(table.feature as usize, &mut values);
                let keys = ranks.keys(table, &values);
                if table.left != NONE {
                    columns[table.left as usize] = keys;
                }
                if table.right != NONE {
                    columns[table.right as usize] = missing_right(keys, &values);
                }
            }
            for question in &ranks.categories {
                rows.feature(question.feature as usize, &mut values);
                let (mut bytes, mut bits) = ([0; ROWS], [0; ROWS]);
                for (row, value) in values.iter().enumerate() {
                    (bytes[position(row)], bits[position(row)]) = Ranks::category(question, *value);
                }
                columns[question.column as usize] = bytemuck::cast(bytes);
                columns[question.column as usize + 1] = bytemuck::cast(bits);
            }
        }
    }
}

/// The keys of a column whose missing values go right.
#[target_feature(enable = "avx2")]
#[inline]
fn missing_right(keys: Column, values: &[f32; ROWS]) -> Column {
    let [a, b, c, d]: [__m256; 4] = bytemuck::cast(*values);
    let missing = |a| _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(a, a));
    let (ab, cd) = (_mm256_packs_epi32(missing(a), missing(b)), _mm256_packs_epi32(missing(c), missing(d)));
    // Packing leaves each row at its position.
    _mm256_blendv_epi8(keys, _mm256_set1_epi8(signed(u8::MAX)), _mm256_packs_epi16(ab, cd))
}

/// The thresholds of a group that are not above the value, twice.
#[target_feature(enable = "avx2,popcnt")]
#[inline]
fn twice(group: &[f32; WIDTH], value: __m256) -> u32 {
    let [low, high]: [__m256; 2] = bytemuck::cast(*group);
    let low = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LE_OQ>(low, value));
    let high = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LE_OQ>(high, value));
    _mm256_movemask_epi8(_mm256_packs_epi32(low, high)).count_ones()
}

impl Ranks {
    /// The rank of a value in a table; of a missing one 0.
    #[target_feature(enable = "avx2,popcnt")]
    #[inline]
    fn of(&self, table: &Table, value: f32) -> u8 {
        let value = _mm256_set1_ps(value);
        let group = if table.groups > 1 { twice(&table.pivots, value) / 2 } else { 0 };
        let within = twice(&self.groups[(table.first + group) as usize], value) / 2;
        (WIDTH as u32 * group + within) as u8
    }

    /// The keys of a block's values, missing ones lowest.
    #[target_feature(enable = "avx2,popcnt")]
    #[inline]
    fn keys(&self, table: &Table, values: &[f32; ROWS]) -> Column {
        let mut ranks = [0_u8; ROWS];
        for (rank, value) in ranks.iter_mut().zip(values) {
            *rank = self.of(table, *value);
        }
        let order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
        let ranks = _mm256_permutevar8x32_epi32(bytemuck::cast(ranks), order);
        _mm256_xor_si256(ranks, _mm256_set1_epi8(signed(0)))
    }

    /// The keys of one row, a byte per column.
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn fill_row(&self, row: &[f32], keys: &mut [i8]) {
        for table in &self.tables {
            let value = row[table.feature as usize];
            let rank = self.of(table, value);
            if table.left != NONE {
                keys[table.left as usize] = signed(rank);
            }
            if table.right != NONE {
                keys[table.right as usize] = if value.is_nan() { signed(u8::MAX) } else { signed(rank) };
            }
        }
        for question in &self.categories {
            let (byte, bit) = Self::category(question, row[question.feature as usize]);
            keys[question.column as usize] = byte.cast_signed();
            keys[question.column as usize + 1] = bit.cast_signed();
        }
    }
}

const _: () = assert!(CATEGORIES / 8 < 16);
