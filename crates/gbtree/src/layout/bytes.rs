//! Trees for processors with AVX2: a row's values become bytes, and many nodes or rows are compared at once.
//!
//! A batch goes block by block of 32 rows. Trees of up to six levels are compared as a whole ([`whole`]), of seven and
//! eight where they have nodes ([`sparse`]), deeper ones walk on from the fifth level ([`linked`]). A single row
//! goes through [`single`].

mod blocks;
mod build;
mod intern;
mod linked;
mod ranks;
mod sets;
mod single;
mod sparse;
mod whole;

use fearless_simd::Avx2;

pub(super) use blocks::ROWS;

use crate::Rows;
use blocks::Blocks;
use linked::{Link, Linked};
use ranks::{Place, Ranks};
use sets::Set;
use single::Answers;
use sparse::Subtree;
use whole::{Planes, Split, Sums};

/// Blocks of rows that take turns on a tile of trees.
const BLOCKS: usize = 16;
/// Bytes of trees that blocks take turns on: they stay in the first-level cache beside the blocks.
const TILE_BYTES: usize = 24 << 10;

/// The ranks of a forest's thresholds, and the trees that compare them.
#[derive(Debug, Clone)]
pub(super) struct ByteTrees {
    simd: Avx2,
    ranks: Ranks,
    trees: Vec<Tree>,
    /// The first tree of each tile, and the end.
    tiles: Vec<usize>,
    splits: Vec<Split>,
    /// Leaves of whole trees, byte by byte.
    planes: Vec<Planes>,
    subtrees: Vec<Subtree>,
    links: Vec<Link>,
    /// Where a walk goes on below the upper levels.
    starts: Vec<u32>,
    /// Leaves of complete trees, from right to left.
    leaves: Vec<f32>,
    answers: Vec<Answers>,
    places: Vec<Place>,
    sets: Vec<Set>,
}

/// A tree's parts in the lists above, each from its first on.
#[derive(Debug, Clone, Default)]
struct Tree {
    group: u32,
    kind: Kind,
    single: Single,
    /// Levels of a complete tree, longest path of another.
    depth: u32,
    splits: usize,
    planes: usize,
    subtrees: std::ops::Range<usize>,
    links: usize,
    starts: usize,
    leaves: usize,
    answers: usize,
    places: usize,
    /// Of the splits that are compared with blocks.
    notes: std::ops::Range<usize>,
    /// Whether some split is on categories.
    categorical: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Whole,
    Sparse,
    Linked,
}

/// How one row goes through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Single {
    /// Every node is answered at once.
    #[default]
    Answered,
    /// From node to node of a complete tree.
    Walked,
    /// From link to link.
    Followed,
}

fearless_simd::kernel! {
    fn add_row(simd: Avx2, trees: &ByteTrees, row: &[f32], out: &mut [f32]) {
        let _ = simd;
        trees.add_row_avx2(row, out);
    }
}

fearless_simd::kernel! {
    fn add_rows(
        simd: Avx2, trees: &ByteTrees, rows: &Rows, features: usize, count: usize, groups: usize, out: &mut [f32],
    ) {
        let _ = simd;
        trees.add_rows_avx2(rows, features, count, groups, out);
    }
}

impl ByteTrees {
    /// Adds to the sums of the first of `count` rows, as many as `out` has room for.
    pub(super) fn add_rows(
        &self,
        rows: &Rows,
        features: usize,
        count: usize,
        groups: usize,
        out: &mut [f32],
    ) {
        add_rows(self.simd, self, rows, features, count, groups, out);
    }

    /// Adds every tree's output to the sums of one row.
    pub(super) fn add_row(&self, row: &[f32], out: &mut [f32]) {
        add_row(self.simd, self, row, out);
    }

    /// Rows that take as long one by one as a block of them.
    pub(super) fn alone(&self) -> usize {
        if self.answers.is_empty() { 6 } else { 12 }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn add_rows_avx2(&self, rows: &Rows, features: usize, count: usize, groups: usize, out: &mut [f32]) {
        let len = BLOCKS.min(out.len().div_ceil(ROWS * groups));
        let mut blocks = Blocks::new(&self.ranks, len);
        let mut sums = vec![Sums([0.0; ROWS]); len * groups];
        for (index, out) in out.chunks_mut(len * ROWS * groups).enumerate() {
            blocks.fill(&self.ranks, rows, features, index * len * ROWS, count);
            for (sums, out) in sums.chunks_exact_mut(groups).zip(out.chunks(ROWS * groups)) {
                for (row, out) in out.chunks_exact(groups).enumerate() {
                    sums.iter_mut().zip(out).for_each(|(sums, out)| sums.0[row] = *out);
                }
            }
            let used = out.len().div_ceil(ROWS * groups);
            for tile in self.tiles.windows(2) {
                for (columns, sums) in blocks.iter_mut().take(used).zip(sums.chunks_exact_mut(groups)) {
                    for tree in &self.trees[tile[0]..tile[1]] {
                        self.add_tree(tree, columns, &mut sums[tree.group as usize]);
                    }
                }
            }
            for (sums, out) in sums.chunks_exact(groups).zip(out.chunks_mut(ROWS * groups)) {
                for (row, out) in out.chunks_exact_mut(groups).enumerate() {
                    out.iter_mut().zip(sums).for_each(|(out, sums)| *out = sums.0[row]);
                }
            }
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn add_tree(&self, tree: &Tree, columns: &mut [blocks::Column], sums: &mut Sums) {
        if !tree.notes.is_empty() {
            sets::note(&self.sets[tree.notes.clone()], columns);
        }
        let splits = &self.splits[tree.splits..];
        match tree.kind {
            Kind::Whole => {
                let planes = &self.planes[tree.planes..];
                match tree.depth {
                    1 => whole::depth1(splits, planes, columns, sums),
                    2 => whole::depth2(splits, planes, columns, sums),
                    3 => whole::depth3(splits, planes, columns, sums),
                    4 => whole::depth4(splits, planes, columns, sums),
                    5 => whole::depth5(splits, planes, columns, sums),
                    _ => whole::depth6(splits, planes, columns, sums),
                }
            }
            Kind::Sparse => {
                let (subtrees, leaves) = (&self.subtrees[tree.subtrees.clone()], &self.leaves[tree.leaves..]);
                match tree.depth {
                    7 => sparse::add::<2, 128>(splits, subtrees, leaves, columns, sums),
                    _ => sparse::add::<3, 256>(splits, subtrees, leaves, columns, sums),
                }
            }
            Kind::Linked => self.linked(tree).add(columns, sums),
        }
    }

    fn linked(&self, tree: &Tree) -> Linked<'_> {
        Linked {
            splits: &self.splits[tree.splits..],
            starts: &self.starts[tree.starts..],
            links: &self.links,
            sets: &self.sets,
            depth: tree.depth,
            categorical: tree.categorical,
        }
    }
}
