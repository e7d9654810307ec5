//! Splits on categories.
//!
//! Before a tree is compared with a block, the answers of its categorical splits are noted down in columns of their own,
//! which it then compares as any other.

#[allow(clippy::wildcard_imports, reason = "the processor's instructions, told by their names")]
use std::arch::x86_64::*;

use super::blocks::Column;
use super::ranks::signed;

/// The categories of a split that go right, as bits; see [`super::ranks::members`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Set {
    /// The first of its feature's two columns: the byte, and in the next the bit.
    pub(super) column: u16,
    pub(super) members: [u8; 16],
}

/// The threshold that tells an answer noted down.
pub(super) const NOTED: i8 = signed(1);

/// Whether a category goes left.
#[inline]
pub(super) fn is_left(set: &Set, byte: i8, bit: i8) -> bool {
    set.members[usize::from(byte.cast_unsigned() & 15)] & bit.cast_unsigned() == 0
}

/// Notes down which rows go left at each of a tree's categorical splits, in the first columns.
#[target_feature(enable = "avx2")]
pub(super) fn note(sets: &[Set], columns: &mut [Column]) {
    for (at, set) in sets.iter().enumerate() {
        let column = usize::from(set.column);
        let (bytes, bits) = (columns[column], columns[column + 1]);
        let members = _mm256_broadcastsi128_si256(bytemuck::cast(set.members));
        let right = _mm256_and_si256(_mm256_shuffle_epi8(members, bytes), bits);
        let left = _mm256_cmpeq_epi8(right, _mm256_setzero_si256());
        columns[at] = _mm256_and_si256(left, _mm256_set1_epi8(signed(0)));
    }
}
