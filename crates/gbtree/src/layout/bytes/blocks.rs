//! The byte keys of a batch, column by column.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LE_OQ, _mm256_castps_si256, _mm256_cmp_ps, _mm256_movemask_epi8, _mm256_packs_epi32,
    _mm256_set1_ps,
};

use super::ranks::{CATEGORIES, NONE, Ranks, Table, WIDTH, signed};
use crate::Rows;

/// Rows whose keys lie side by side.
pub(in crate::layout) const ROWS: usize = 32;

/// One byte of each row of a block.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Column(pub(super) [i8; ROWS]);

impl Column {
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn load(&self) -> __m256i {
        bytemuck::cast(self.0)
    }
}

/// Where a row's byte stands, so that four columns of bytes unpack to eight float32 of rows in order.
pub(super) const fn position(row: usize) -> usize {
    16 * (row / 4 % 2) + 4 * (row / 8) + row % 4
}

/// The keys of some blocks of rows.
#[derive(Debug)]
pub(super) struct Blocks {
    width: usize,
    columns: Vec<Column>,
}

impl Blocks {
    pub(super) fn new(ranks: &Ranks, len: usize) -> Self {
        let columns = vec![Column([0; ROWS]); ranks.columns * len];
        Self { width: ranks.columns, columns }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [Column]> {
        self.columns.chunks_exact_mut(self.width)
    }

    /// Takes the rows from `first` on, of `count` in all.
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn fill(&mut self, ranks: &Ranks, rows: &Rows, features: usize, first: usize, count: usize) {
        let Self { width, columns } = self;
        for (columns, first) in columns.chunks_exact_mut(*width).zip((first..count).step_by(ROWS)) {
            let rows = rows.strided(first, ROWS.min(count - first), count, features);
            for table in &ranks.tables {
                ranks.rank(table, rows.feature(table.feature as usize), columns);
            }
            for question in &ranks.categories {
                let at = question.column as usize;
                for (row, value) in rows.feature(question.feature as usize).enumerate() {
                    let (byte, bit) = Ranks::category(question, value);
                    columns[at].0[position(row)] = byte.cast_signed();
                    columns[at + 1].0[position(row)] = bit.cast_signed();
                }
            }
        }
    }
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

    #[target_feature(enable = "avx2,popcnt")]
    #[inline]
    fn rank(&self, table: &Table, values: impl Iterator<Item = f32>, columns: &mut [Column]) {
        let (left, right) = (table.left as usize, table.right as usize);
        if table.right == NONE {
            let left = &mut columns[left].0;
            for (row, value) in values.enumerate() {
                left[position(row)] = signed(self.of(table, value));
            }
        } else if table.left == NONE {
            let right = &mut columns[right].0;
            for (row, value) in values.enumerate() {
                right[position(row)] = signed(missing_right(self.of(table, value), value));
            }
        } else if let Ok([left, right]) = columns.get_disjoint_mut([left, right]) {
            for (row, value) in values.enumerate() {
                let rank = self.of(table, value);
                left.0[position(row)] = signed(rank);
                right.0[position(row)] = signed(missing_right(rank, value));
            }
        }
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
                keys[table.right as usize] = signed(missing_right(rank, value));
            }
        }
        for question in &self.categories {
            let (byte, bit) = Self::category(question, row[question.feature as usize]);
            keys[question.column as usize] = byte.cast_signed();
            keys[question.column as usize + 1] = bit.cast_signed();
        }
    }
}

/// The rank for splits whose missing values go right.
#[inline]
fn missing_right(rank: u8, value: f32) -> u8 {
    if value.is_nan() { u8::MAX } else { rank }
}

const _: () = assert!(CATEGORIES / 8 < 16);
