//! From checked trees to byte trees.

use std::hint::select_unpredictable;
use std::ops::Range;

use fearless_simd::Avx2;

use super::linked::Link;
use super::ranks::{self, NEVER_LEFT, Place, Ranks, fits, members};
use super::sets::{NOTED, Set};
use super::single::{Answers, FEW, Places, SHALLOW};
use super::sparse::{Subtree, UPPER, UPPER_SPLITS};
use super::whole::{Planes, Split};
use super::{ByteTrees, Kind, Run, Single, TILE_BYTES, Tree};
use crate::forest::{self, Forest, Node};

/// Levels of trees that are compared as a whole.
const WHOLE: u32 = 6;
/// Levels of trees whose subtrees are compared.
const SPARSE: u32 = 8;

fn kind(tree: &forest::Tree) -> Kind {
    match tree.depth {
        depth if depth <= WHOLE => Kind::Whole,
        depth if depth <= SPARSE => Kind::Sparse,
        _ => Kind::Linked,
    }
}

/// Categorical splits that are compared with blocks.
fn notes(forest: &Forest, tree: &forest::Tree) -> usize {
    if !tree.categorical {
        return 0;
    }
    let all = forest.nodes(tree).iter().filter(|node| node.is_categorical()).count();
    if kind(tree) == Kind::Linked { all.min(UPPER_SPLITS - 1) } else { all }
}

/// A tree on its way.
struct Draft<'f> {
    nodes: &'f [Node],
    weight: f32,
    places: &'f ranks::Places,
    /// The number of its first node among those of the trees.
    first: usize,
    /// A complete tree's place of each node.
    at: Vec<usize>,
}

impl ByteTrees {
    /// `None` if the trees ask for more than bytes can tell.
    pub(in crate::layout) fn new(simd: Avx2, forest: &Forest) -> Option<Self> {
        let trees = &forest.trees;
        if !trees.iter().all(|tree| fits(forest, tree)) {
            return None;
        }
        let notes = trees.iter().map(|tree| notes(forest, tree)).max().unwrap_or(0);
        let (ranks, places) = Ranks::new(forest, notes)?;
        let of = |wanted: Kind| trees.iter().filter(move |tree| kind(tree) == wanted);
        let nodes = |wanted| of(wanted).map(|tree| tree.len).sum::<usize>();
        let complete = |wanted| of(wanted).map(|tree| 1 << tree.depth.max(SHALLOW)).sum::<usize>();
        let (whole, sparse) = (complete(Kind::Whole), complete(Kind::Sparse));
        let few = ranks.columns <= FEW;
        let mut this = Self {
            simd,
            ranks,
            trees: Vec::with_capacity(trees.len()),
            tiles: vec![0],
            groups: trees.iter().map(|tree| tree.group as u32).collect(),
            runs: Vec::new(),
            splits: Vec::with_capacity(whole + 2 * nodes(Kind::Sparse)),
            planes: Vec::with_capacity(whole / 16),
            subtrees: Vec::new(),
            links: Vec::with_capacity(nodes(Kind::Linked)),
            starts: Vec::new(),
            leaves: Vec::with_capacity(whole + sparse),
            answers: Vec::with_capacity(if few { whole / 32 } else { 0 }),
            places: Places::default(),
            sets: Vec::new(),
        };
        let mut draft = Draft { nodes: &[], weight: 1.0, places: &places, first: 0, at: Vec::new() };
        let mut tile = 0;
        for (index, tree) in trees.iter().enumerate() {
            draft.nodes = forest.nodes(tree);
            draft.weight = tree.weight;
            let bytes = this.push(forest, tree, &mut draft);
            if tile > 0 && tile + bytes > TILE_BYTES {
                this.tiles.push(index);
                tile = 0;
            }
            tile += bytes;
            draft.first += tree.len;
        }
        this.tiles.push(trees.len());
        Some(this)
    }

    /// Gives the bytes of it that a block reads.
    fn push(&mut self, forest: &Forest, tree: &forest::Tree, draft: &mut Draft) -> usize {
        let kind = kind(tree);
        let mut this = Tree {
            group: tree.group as u32,
            kind,
            depth: tree.depth.max(1),
            splits: self.splits.len(),
            planes: self.planes.len(),
            links: self.links.len(),
            starts: self.starts.len(),
            leaves: self.leaves.len(),
            categorical: tree.categorical,
            ..Tree::default()
        };
        draft.arrange(kind == Kind::Linked);
        let first_set = self.sets.len();
        let levels = if kind == Kind::Whole { this.depth } else { UPPER };
        let upper = 1 << levels;
        self.splits.resize(this.splits + upper, Split::NEVER);
        let few = self.ranks.columns <= FEW;
        let single = match kind {
            Kind::Linked => Single::Followed,
            Kind::Whole if few && !tree.categorical => Single::Answered,
            _ => Single::Walked,
        };
        // One row goes through trees of fewer levels as if they had five.
        let depth = if single == Single::Answered { this.depth.max(SHALLOW) } else { this.depth };
        let (first_answer, first_place) = (self.answers.len(), self.places.len());
        self.extend_runs(single, depth, &this);
        let mut below = [0_u8; UPPER_SPLITS];
        let complete = kind != Kind::Linked;
        if complete {
            self.leaves.resize(this.leaves + (1 << depth), 0.0);
        }
        for ((index, node), &at) in (draft.first..).zip(draft.nodes).zip(&draft.at) {
            let compared = at < upper || complete;
            if node.is_leaf() {
                if complete {
                    let leaf = (at << (depth - at.ilog2())) - (1 << depth);
                    self.leaves[this.leaves + leaf] = node.value * draft.weight;
                }
                continue;
            }
            if !compared {
                continue;
            }
            let mut place = draft.places.of(index, node);
            if node.is_categorical() {
                let noted = self.sets.len() - first_set;
                self.sets.push(Set { column: place.column, members: members(forest, node) });
                place = Place { column: noted as u16, threshold: NOTED };
            }
            match single {
                Single::Answered => {
                    let answers = &mut self.answers[first_answer + at / 32];
                    (answers.columns[at % 32], answers.thresholds[at % 32]) =
                        (place.column as u8, place.threshold);
                }
                Single::Walked => self.places.set(first_place + at, place),
                Single::Followed => {}
            }
            if at < upper {
                self.splits[this.splits + at] = Split::new(place);
            } else {
                let level = at.ilog2() - UPPER;
                let levels = &mut below[(at >> level) - UPPER_SPLITS];
                *levels = (*levels).max(level as u8 + 1);
            }
        }
        this.notes = first_set..self.sets.len();
        match kind {
            Kind::Whole => self.push_planes(&this, depth),
            Kind::Sparse => this.subtrees = self.push_subtrees(&this, first_place, &below),
            Kind::Linked => self.push_links(forest, &this, draft),
        }
        let bytes = (self.splits.len() - this.splits) * size_of::<Split>()
            + (self.planes.len() - this.planes) * size_of::<Planes>()
            + if kind == Kind::Sparse { size_of::<f32>() << this.depth } else { 0 }
            + (self.links.len() - this.links) * size_of::<Link>();
        self.trees.push(this);
        bytes
    }

    /// Makes room for a tree as one row goes through it.
    fn extend_runs(&mut self, single: Single, depth: u32, tree: &Tree) {
        let (answers, places) = (self.answers.len(), self.places.len());
        match single {
            Single::Answered => self.answers.resize(answers + (1 << depth >> SHALLOW), Answers::NONE),
            Single::Walked => {
                let column = self.ranks.notes.min(self.ranks.columns - 1) as u16;
                let never = Place { column, threshold: NEVER_LEFT };
                self.places.resize(places + (1 << depth), never, self.ranks.columns);
            }
            Single::Followed => {}
        }
        let Tree { categorical, leaves, .. } = *tree;
        let alike = |run: &Run| {
            (run.single, run.categorical) == (single, categorical)
                && (run.depth == depth || single == Single::Followed)
        };
        let index = self.trees.len();
        match self.runs.last_mut() {
            Some(run) if alike(run) => run.trees.end += 1,
            _ => {
                let trees = index..index + 1;
                self.runs.push(Run { single, depth, categorical, trees, answers, places, leaves });
            }
        }
    }

    /// The leaves of a whole tree, byte by byte.
    fn push_planes(&mut self, tree: &Tree, depth: u32) {
        let step = 1 << (depth - tree.depth);
        for leaves in self.leaves[tree.leaves..].chunks(16 * step) {
            let mut planes = [[0; 16]; 4];
            for (at, leaf) in leaves.iter().step_by(step).enumerate() {
                for (plane, byte) in planes.iter_mut().zip(leaf.to_le_bytes()) {
                    plane[at] = byte;
                }
            }
            self.planes.push(planes);
        }
    }

    /// The subtrees below the upper levels that have splits, by their levels.
    fn push_subtrees(&mut self, tree: &Tree, places: usize, levels: &[u8; UPPER_SPLITS]) -> Range<usize> {
        let first = self.subtrees.len();
        for count in 1..=(SPARSE - UPPER) as u8 {
            for (number, _) in levels.iter().enumerate().filter(|(_, levels)| **levels == count) {
                let splits = self.splits.len();
                self.subtrees.push(Subtree {
                    number: number as u8,
                    levels: count,
                    splits: (splits - tree.splits) as u32,
                });
                self.splits.push(Split::NEVER);
                for local in 1..1_usize << count {
                    let level = local.ilog2();
                    let at = ((UPPER_SPLITS + number) << level) + local - (1 << level);
                    self.splits.push(Split::new(self.places.get(places + at)));
                }
            }
        }
        first..self.subtrees.len()
    }

    fn push_links(&mut self, forest: &Forest, tree: &Tree, draft: &Draft) {
        self.starts.resize(tree.starts + UPPER_SPLITS, 0);
        for (index, (node, &at)) in draft.nodes.iter().zip(&draft.at).enumerate() {
            if at < 2 * UPPER_SPLITS && (node.is_leaf() || at >= UPPER_SPLITS) {
                let start = (at << (UPPER - at.ilog2())) - UPPER_SPLITS;
                self.starts[tree.starts + start] = (tree.links + index) as u32;
            }
        }
        self.links.reserve(draft.nodes.len());
        let (base, sets) = (tree.links as u32, self.sets.len());
        for (index, node) in draft.nodes.iter().enumerate() {
            let Place { column, threshold } = draft.places.of(draft.first + index, node);
            let leaf = (base + index as u32, (node.value * draft.weight).to_bits());
            let (next, value) = select_unpredictable(node.is_leaf(), leaf, (base + node.link, 0));
            self.links.push(Link { next, value, column, threshold, categorical: false });
        }
        if tree.categorical {
            let links = self.links[tree.links..].iter_mut().zip(draft.nodes);
            for (index, (link, node)) in links.filter(|(_, node)| node.is_categorical()).enumerate() {
                (link.categorical, link.value) = (true, (sets + index) as u32);
                self.sets.push(Set { column: link.column, members: members(forest, node) });
            }
        }
    }
}

impl Draft<'_> {
    /// Gives each node its place in a complete tree, breadth-first from 1: the children of `i` are `2i` (right) and
    /// `2i + 1` (left); or only the nodes down to just below the upper levels, which come first.
    fn arrange(&mut self, upper: bool) {
        let len = if upper { self.nodes.len().min(2 * UPPER_SPLITS) } else { self.nodes.len() };
        self.at.clear();
        self.at.resize(len, usize::MAX);
        self.at[0] = 1;
        for (index, node) in self.nodes[..len].iter().enumerate() {
            let (at, next) = (self.at[index], node.link as usize);
            if !node.is_leaf()
                && (!upper || at < UPPER_SPLITS)
                && let Some(children) = self.at.get_mut(next..next + 2)
            {
                children.copy_from_slice(&[2 * at, 2 * at + 1]);
            }
        }
    }
}
