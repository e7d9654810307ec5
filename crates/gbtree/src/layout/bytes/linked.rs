//! Trees too deep to be complete: the upper levels are compared as a whole, below each row walks alone.

use super::blocks::{Bytes, ROWS, Window, position};
use super::sets::{Set, is_left};
use super::sparse::{UPPER_SPLITS, entered};
use super::whole::{Split, Sums};

/// Walks that advance together, so that the processor overlaps their memory accesses.
pub(super) const LANES: usize = 8;
/// Steps between looking whether all walks have arrived.
const STRIDE: u32 = 4;

/// A split's right child is `next`, its left child follows. A leaf leads to itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) next: u32,
    /// The bits of a leaf's output, or a categorical split's set.
    pub(super) value: u32,
    pub(super) column: u16,
    pub(super) threshold: i8,
    pub(super) categorical: bool,
}

/// Walks until every lane stands on a leaf, at most `depth` steps; `key` gives a lane's key in a column.
#[inline]
pub(super) fn walk<const CATEGORIES: bool>(
    links: &[Link],
    sets: &[Set],
    at: &mut [u32; LANES],
    depth: u32,
    key: impl Fn(usize, usize) -> i8,
) {
    for _ in 0..depth.div_ceil(STRIDE) {
        let mut moved = 0;
        for _ in 0..STRIDE {
            for (lane, at) in at.iter_mut().enumerate() {
                let link = &links[*at as usize];
                let column = usize::from(link.column);
                let left = if CATEGORIES && link.categorical {
                    is_left(&sets[link.value as usize], key(lane, column), key(lane, column + 1))
                } else {
                    key(lane, column) < link.threshold
                };
                let next = link.next + u32::from(left);
                moved |= next ^ *at;
                *at = next;
            }
        }
        if moved == 0 {
            break;
        }
    }
}

/// A tree's parts.
pub(super) struct Linked<'t> {
    pub(super) splits: &'t [Split],
    pub(super) starts: &'t [u32],
    pub(super) links: &'t [Link],
    pub(super) sets: &'t [Set],
    pub(super) depth: u32,
    pub(super) categorical: bool,
}

impl Linked<'_> {
    /// Adds each row's leaf to its sum.
    #[target_feature(enable = "avx2")]
    pub(super) fn add<const COLUMNS: usize>(&self, columns: &Window<COLUMNS>, sums: &mut Sums) {
        let (Some(upper), Some(starts)) =
            (self.splits.first_chunk(), self.starts.first_chunk::<UPPER_SPLITS>())
        else {
            return;
        };
        let [entered] = entered(upper, &[columns]);
        let entered: [u8; ROWS] = bytemuck::cast(entered);
        let Some(columns) = bytemuck::cast_slice::<_, Bytes>(columns).first_chunk::<COLUMNS>() else {
            return;
        };
        let sums: &mut [f32] = bytemuck::cast_slice_mut(sums);
        for (group, sums) in sums.chunks_exact_mut(LANES).enumerate() {
            let places: [usize; LANES] = std::array::from_fn(|lane| position(group * LANES + lane));
            let mut at = places.map(|place| starts[usize::from(entered[place]) % UPPER_SPLITS]);
            let key = |lane: usize, column: usize| columns[column & (COLUMNS - 1)][places[lane] % ROWS];
            if self.categorical {
                walk::<true>(self.links, self.sets, &mut at, self.depth, key);
            } else {
                walk::<false>(self.links, self.sets, &mut at, self.depth, key);
            }
            for (sum, at) in sums.iter_mut().zip(at) {
                *sum += f32::from_bits(self.links[at as usize].value);
            }
        }
    }
}
