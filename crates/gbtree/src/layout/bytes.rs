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
use blocks::{Blocks, NARROW, Window};
use linked::{Link, Linked};
use ranks::{MAX_COLUMNS, Ranks};
use sets::Set;
use single::{Answers, Places};
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
    /// The output that each tree adds to.
    groups: Vec<u32>,
    /// The trees as one row goes through them.
    runs: Vec<Run>,
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
    places: Places,
    sets: Vec<Set>,
}

/// A tree's parts in the lists above, each from its first on.
#[derive(Debug, Clone, Default)]
struct Tree {
    group: u32,
    kind: Kind,
    /// Levels of a complete tree, longest path of another.
    depth: u32,
    splits: usize,
    planes: usize,
    subtrees: std::ops::Range<usize>,
    links: usize,
    starts: usize,
    leaves: usize,
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

/// Consecutive trees that one row goes through alike; lists as in [`Tree`].
#[derive(Debug, Clone)]
struct Run {
    single: Single,
    depth: u32,
    categorical: bool,
    trees: std::ops::Range<usize>,
    answers: usize,
    places: usize,
    leaves: usize,
}

/// How one row goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Single {
    /// Every node is answered at once.
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
        let mut sums: Vec<Sums> = vec![bytemuck::Zeroable::zeroed(); len * groups];
        for (index, out) in out.chunks_mut(len * ROWS * groups).enumerate() {
            blocks.fill(&self.ranks, rows, features, index * len * ROWS, count);
            let by_row: &mut [[f32; ROWS]] = bytemuck::cast_slice_mut(&mut sums);
            for (sums, out) in by_row.chunks_exact_mut(groups).zip(out.chunks(ROWS * groups)) {
                for (row, out) in out.chunks_exact(groups).enumerate() {
                    sums.iter_mut().zip(out).for_each(|(sums, out)| sums[row] = *out);
                }
            }
            let used = out.len().div_ceil(ROWS * groups);
            for tile in self.tiles.windows(2) {
                let trees = &self.trees[tile[0]..tile[1]];
                for (pair, sums) in sums[..used * groups].chunks_mut(2 * groups).enumerate() {
                    match (sums.len() > groups, self.ranks.columns <= NARROW) {
                        (true, true) => self.add_trees::<2, NARROW>(trees, &mut blocks, pair, groups, sums),
                        (true, false) => {
                            self.add_trees::<2, MAX_COLUMNS>(trees, &mut blocks, pair, groups, sums);
                        }
                        (false, true) => self.add_trees::<1, NARROW>(trees, &mut blocks, pair, groups, sums),
                        (false, false) => {
                            self.add_trees::<1, MAX_COLUMNS>(trees, &mut blocks, pair, groups, sums);
                        }
                    }
                }
            }
            let by_row: &[[f32; ROWS]] = bytemuck::cast_slice(&sums);
            for (sums, out) in by_row.chunks_exact(groups).zip(out.chunks_mut(ROWS * groups)) {
                for (row, out) in out.chunks_exact_mut(groups).enumerate() {
                    out.iter_mut().zip(sums).for_each(|(out, sums)| *out = sums[row]);
                }
            }
        }
    }

    /// Adds the trees' outputs to the sums of one or both blocks of a pair.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn add_trees<const BLOCKS: usize, const COLUMNS: usize>(
        &self,
        trees: &[Tree],
        blocks: &mut Blocks,
        pair: usize,
        groups: usize,
        sums: &mut [Sums],
    ) {
        for tree in trees {
            if !tree.notes.is_empty() {
                for index in 0..BLOCKS {
                    sets::note(&self.sets[tree.notes.clone()], blocks.block_mut(2 * pair + index));
                }
            }
            let Some(first) = blocks.window(2 * pair) else { return };
            let mut windows = [first; BLOCKS];
            for (index, window) in windows.iter_mut().enumerate().skip(1) {
                *window = blocks.window(2 * pair + index).unwrap_or(first);
            }
            self.add_tree::<BLOCKS, COLUMNS>(tree, &windows, &mut sums[tree.group as usize..], groups);
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn add_tree<const BLOCKS: usize, const COLUMNS: usize>(
        &self,
        tree: &Tree,
        blocks: &[&Window<COLUMNS>; BLOCKS],
        sums: &mut [Sums],
        step: usize,
    ) {
        let splits = &self.splits[tree.splits..];
        match tree.kind {
            Kind::Whole => {
                let planes = &self.planes[tree.planes..];
                match tree.depth {
                    1 => whole::depth1(splits, planes, blocks, sums, step),
                    2 => whole::depth2(splits, planes, blocks, sums, step),
                    3 => whole::depth3(splits, planes, blocks, sums, step),
                    4 => whole::depth4(splits, planes, blocks, sums, step),
                    5 => whole::depth5(splits, planes, blocks, sums, step),
                    _ => whole::depth6(splits, planes, blocks, sums, step),
                }
            }
            Kind::Sparse => {
                let (subtrees, leaves) = (&self.subtrees[tree.subtrees.clone()], &self.leaves[tree.leaves..]);
                match tree.depth {
                    7 => sparse::add::<BLOCKS, COLUMNS, 2, 128>(splits, subtrees, leaves, blocks, sums, step),
                    _ => sparse::add::<BLOCKS, COLUMNS, 3, 256>(splits, subtrees, leaves, blocks, sums, step),
                }
            }
            Kind::Linked => {
                for (index, columns) in blocks.iter().enumerate() {
                    self.linked(tree).add(columns, &mut sums[index * step]);
                }
            }
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
