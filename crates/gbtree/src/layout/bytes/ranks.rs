//! Byte keys: what a row's values rank among the thresholds of the model.

use std::hint::select_unpredictable;

use super::intern::Interner;
use crate::forest::{Forest, Node, Tree};
use crate::layout::keys::threshold_key;

/// Thresholds that one byte tells apart; the highest rank is above all of them.
pub(super) const THRESHOLDS: usize = 255;
/// Thresholds that are compared at once.
pub(super) const WIDTH: usize = 16;
/// Columns of keys, so that those of a block of rows stay in the second-level cache.
pub(super) const MAX_COLUMNS: usize = 2048;
/// Categories that the sixteen bytes of a set tell apart; the last byte answers "right" to whoever asks for it.
pub(super) const CATEGORIES: usize = 120;
/// No column.
pub(super) const NONE: u32 = u32::MAX;

/// How a row becomes byte keys.
///
/// A value's key is its rank: the number of thresholds that are not above it, so that "below the `j`-th
/// threshold" is "rank at most `j`". Thresholds beyond 255 of a feature continue in further tables. Signs are flipped for the
/// processor's signed comparison.
#[derive(Debug, Clone)]
pub(super) struct Ranks {
    pub(super) tables: Vec<Table>,
    pub(super) groups: Vec<[f32; WIDTH]>,
    pub(super) categories: Vec<CategoryColumns>,
    pub(super) columns: usize,
    /// The first columns are kept free for what trees note down: see [`super::sets`].
    pub(super) notes: usize,
}

/// Up to [`THRESHOLDS`] thresholds of a feature, sorted, in groups; what is left of the last is not a number.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) feature: u32,
    /// Its groups in [`Ranks::groups`].
    pub(super) first: u32,
    pub(super) groups: u32,
    /// Column of the ranks for splits whose missing values go left, and for those whose go right.
    pub(super) left: u32,
    pub(super) right: u32,
    /// The last threshold of each group but the last.
    pub(super) pivots: [f32; WIDTH],
}

/// Two columns of a feature with categories: the byte of a set that a category is in, and its bit.
#[derive(Debug, Clone)]
pub(super) struct CategoryColumns {
    pub(super) feature: u32,
    pub(super) column: u32,
    pub(super) default_left: bool,
    /// Whether a category beyond all sets goes left.
    pub(super) beyond_left: bool,
}

/// A numerical split in terms of ranks: a row goes left if its rank in the column is below the threshold. Of a categorical split, the column of its
/// category.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) column: u16,
    /// With the sign flipped.
    pub(super) threshold: i8,
}

/// A rank as the signed byte that orders alike.
pub(super) const fn signed(rank: u8) -> i8 {
    (rank ^ 0x80).cast_signed()
}

/// A threshold that no rank is below.
pub(super) const NEVER_LEFT: i8 = signed(0);

/// Whether byte keys can tell all that the tree asks.
pub(super) fn fits(forest: &Forest, tree: &Tree) -> bool {
    // Of 1.6, which sends categories beyond the words of a set elsewhere, those words must all be in the table.
    let words = if forest.unseen_is_missing { CATEGORIES / 32 } else { CATEGORIES.div_ceil(32) };
    let narrow = |set: &[u32]| {
        set.len() <= words && set.get(CATEGORIES / 32).is_none_or(|word| word >> (CATEGORIES % 32) == 0)
    };
    let mut categorical = forest.nodes(tree).iter().filter(|node| node.is_categorical());
    forest.leaf_width == 1 && (!tree.categorical || categorical.all(|node| narrow(forest.set(node))))
}

impl Ranks {
    /// The ranks, and the places of all nodes among them. `notes` columns are kept free.
    /// `None` if there are too many columns.
    pub(super) fn new(forest: &Forest, notes: usize) -> Option<(Self, Places)> {
        let mut interner = Interner::new();
        let mut asked: Vec<u32> = Vec::with_capacity(forest.trees.iter().map(|tree| tree.len).sum());
        // A leaf asks question 0, so that what kind a node is decides no branch: in a lopsided tree the processor
        // could not foresee it.
        interner.intern(0, 0);
        let mut sides: Vec<u8> = vec![0];
        for tree in &forest.trees {
            for node in forest.nodes(tree) {
                let subject = node.question();
                let numerical = subject != 0 && subject % 2 == 0;
                let threshold = select_unpredictable(numerical, canonical(node.value), 0.0);
                let id = interner.intern(subject, threshold.to_bits());
                if id as usize == sides.len() {
                    sides.push(0);
                }
                sides[id as usize] |= select_unpredictable(node.default_left(), LEFT, RIGHT);
                asked.push(id);
            }
        }
        let mut ranks =
            Self { tables: Vec::new(), groups: Vec::new(), categories: Vec::new(), columns: notes, notes };
        let placed = ranks.place(forest, &interner, &sides);
        // A tree without splits still has a column to ask.
        ranks.columns = ranks.columns.max(1);
        if ranks.columns > MAX_COLUMNS {
            return None;
        }
        Some((ranks, Places { asked, placed }))
    }

    /// Lays out tables and columns for the distinct questions.
    fn place(&mut self, forest: &Forest, interner: &Interner, sides: &[u8]) -> Vec<Placed> {
        let key = |bits| threshold_key(f32::from_bits(bits)).cast_unsigned() ^ 1 << 31;
        let key = |(subject, bits)| u64::from(subject) << 32 | u64::from(key(bits));
        let mut order: Vec<(u64, u32)> =
            interner.questions().iter().map(|&question| key(question)).zip(0..).skip(1).collect();
        order.sort_unstable_by_key(|&(key, _)| key);
        let mut placed = vec![Placed { left: 0, right: 0, threshold: NEVER_LEFT }; sides.len()];
        for questions in order.chunk_by(|a, b| a.0 >> 32 == b.0 >> 32) {
            let subject = (questions[0].0 >> 32) as u32;
            let chunks = questions.chunks(if subject & 1 == 1 { 1 } else { THRESHOLDS });
            for questions in chunks {
                let ids = || questions.iter().map(|&(_, id)| id as usize);
                let used = ids().fold(0, |used, id| used | sides[id]);
                let width = 1 + subject as usize % 2;
                let mut column = |side: u8| {
                    let column = if used & side == 0 { NONE } else { self.columns as u32 };
                    self.columns += if used & side == 0 { 0 } else { width };
                    column
                };
                let (left, right) = (column(LEFT), column(RIGHT));
                if subject % 2 == 1 {
                    for (column, default_left) in [(left, true), (right, false)] {
                        let beyond_left = !forest.unseen_is_missing || default_left;
                        let columns =
                            CategoryColumns { feature: subject / 2 - 1, column, default_left, beyond_left };
                        self.categories.extend((column != NONE).then_some(columns));
                    }
                    ids().for_each(|id| placed[id] = Placed { left, right, threshold: NEVER_LEFT });
                    continue;
                }
                for (rank, id) in (1..=u8::MAX).zip(ids()) {
                    placed[id] = Placed { left, right, threshold: signed(rank) };
                }
                let thresholds = ids().map(|id| f32::from_bits(interner.questions()[id].1));
                self.push(subject / 2 - 1, left, right, &thresholds.collect::<Vec<_>>());
            }
        }
        placed
    }

    fn push(&mut self, feature: u32, left: u32, right: u32, thresholds: &[f32]) {
        let first = self.groups.len();
        let mut pivots = [f32::NAN; WIDTH];
        for (index, chunk) in thresholds.chunks(WIDTH).enumerate() {
            let mut group = [f32::NAN; WIDTH];
            group[..chunk.len()].copy_from_slice(chunk);
            self.groups.push(group);
            if (index + 1) * WIDTH < thresholds.len() {
                pivots[index] = group[WIDTH - 1];
            }
        }
        let groups = (self.groups.len() - first) as u32;
        self.tables.push(Table { feature, first: first as u32, groups, left, right, pivots });
    }

    /// The two bytes that ask a set about a category.
    pub(super) fn category(columns: &CategoryColumns, value: f32) -> (u8, u8) {
        const TO_LEFT: (u8, u8) = (0, 0);
        const TO_RIGHT: (u8, u8) = ((CATEGORIES / 8) as u8, 1);
        let to = |left| if left { TO_LEFT } else { TO_RIGHT };
        if value.is_nan() {
            to(columns.default_left)
        } else if (0.0..CATEGORIES as f32).contains(&value) {
            #[expect(clippy::cast_sign_loss, reason = "checked to be in 0..120")]
            let category = value as u8;
            (category / 8, 1 << (category % 8))
        } else {
            to(columns.beyond_left)
        }
    }
}

/// The place of every node, a leaf's below all, while the trees are laid out.
pub(super) struct Places {
    /// The question of each node of the forest's trees, in order.
    asked: Vec<u32>,
    placed: Vec<Placed>,
}

impl Places {
    #[inline]
    pub(super) fn of(&self, index: usize, node: &Node) -> Place {
        let Placed { left, right, threshold } = self.placed[self.asked[index] as usize];
        Place { column: select_unpredictable(node.default_left(), left, right) as u16, threshold }
    }
}

const LEFT: u8 = 1;
const RIGHT: u8 = 2;

/// The columns of a distinct question, by default side, and its threshold.
#[derive(Debug, Clone, Copy)]
struct Placed {
    left: u32,
    right: u32,
    threshold: i8,
}

/// No number is below either: a threshold that is not a number is as good as the lowest.
fn canonical(threshold: f32) -> f32 {
    if threshold.is_nan() { f32::NEG_INFINITY } else { threshold + 0.0 }
}

/// The set of a categorical split as the sixteen bytes that a category's two bytes ask: a bit for right.
pub(super) fn members(forest: &Forest, node: &Node) -> [u8; 16] {
    let set = forest.set(node);
    let mut bytes = [0; 16];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(set) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    if forest.unseen_is_missing && !node.default_left() {
        bytes[set.len() * 4..].fill(u8::MAX);
    }
    bytes[CATEGORIES / 8] = u8::MAX;
    bytes
}
