use std::hint::select_unpredictable;

use crate::Rows;
use crate::forest::{Forest, Node};

/// Keys per row that a slot of one byte can name.
pub(super) const NARROW: usize = 256;

/// Rows whose keys lie side by side: a column of them is compared with a threshold at once.
pub(super) const ROWS: usize = 16;

/// The slot that leaves name: its key is above every threshold's, so a step from a leaf stays there.
pub(super) const LEAF_SLOT: u32 = 0;
/// A threshold that no key is below.
pub(super) const NEVER_LEFT: i32 = i32::MIN;
/// Keys of missing values: below every threshold, and below none.
const MISSING_LEFT: i32 = i32::MIN;
const MISSING_RIGHT: i32 = i32::MAX;
/// In a categorical slot: no category, to the default child.
pub(super) const TO_LEFT: i32 = i32::MAX - 1;
pub(super) const TO_RIGHT: i32 = i32::MAX - 2;
/// In a categorical slot: a category beyond all sets.
const UNSEEN: i32 = i32::MAX - 3;

/// An integer that orders as the float32 does, the two zeros alike. Missing values stand outside the range of
/// numbers.
#[inline]
fn number_key(value: f32, missing: i32) -> i32 {
    let bits = (value + 0.0).to_bits().cast_signed();
    let key = bits ^ ((bits >> 31) & i32::MAX);
    select_unpredictable(value.is_nan(), missing, key)
}

/// The key below which a value goes left. A threshold that is not a number lets only the missing pass.
pub(super) fn threshold_key(threshold: f32) -> i32 {
    number_key(threshold, MISSING_LEFT + 1)
}

fn category_key(value: f32, missing: i32) -> i32 {
    let code = if (0.0..16_777_216.0).contains(&value) { value as i32 } else { UNSEEN };
    select_unpredictable(value.is_nan(), missing, code)
}

/// The distinct questions that a forest's splits ask of a row, each a feature and the key of a missing value.
/// Slot 0 is [`LEAF_SLOT`], then come numbers, then categories.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    numbers: Vec<(u32, i32)>,
    categories: Vec<(u32, i32)>,
}

/// The slot of every [`Node::split`], while the layout is built.
pub(super) struct SlotTable(Vec<u32>);

impl SlotTable {
    const FREE: u32 = u32::MAX;

    #[inline]
    pub(super) fn of(&self, node: &Node) -> u32 {
        self.0[node.split as usize]
    }
}

impl Slots {
    pub(super) fn new(forest: &Forest) -> (Self, SlotTable) {
        let mut table = Vec::new();
        for tree in &forest.trees {
            for node in forest.nodes(tree) {
                let split = node.split as usize;
                if split >= table.len() {
                    table.resize(split + 1, SlotTable::FREE);
                }
                table[split] = LEAF_SLOT;
            }
        }
        let mut slots = Self { numbers: Vec::new(), categories: Vec::new() };
        for categorical in [false, true] {
            for (split, slot) in (0..).zip(&mut table) {
                let node = Node { split, ..Node::default() };
                if *slot == SlotTable::FREE || node.is_leaf() || node.is_categorical() != categorical {
                    continue;
                }
                *slot = slots.len() as u32;
                let feature = node.feature() as u32;
                match (categorical, node.default_left()) {
                    (false, true) => slots.numbers.push((feature, MISSING_LEFT)),
                    (false, false) => slots.numbers.push((feature, MISSING_RIGHT)),
                    (true, true) => slots.categories.push((feature, TO_LEFT)),
                    (true, false) => slots.categories.push((feature, TO_RIGHT)),
                }
            }
        }
        (slots, SlotTable(table))
    }

    pub(super) fn len(&self) -> usize {
        1 + self.numbers.len() + self.categories.len()
    }
}

impl Slots {
    /// The keys of one row.
    pub(super) fn fill_row(&self, row: &[f32], keys: &mut [i32]) {
        let (numbers, categories) = self.places(keys);
        for (key, &(feature, missing)) in numbers.iter_mut().zip(&self.numbers) {
            *key = number_key(row[feature as usize], missing);
        }
        for (key, &(feature, missing)) in categories.iter_mut().zip(&self.categories) {
            *key = category_key(row[feature as usize], missing);
        }
    }

    fn places<'k>(&self, keys: &'k mut [i32]) -> (&'k mut [i32], &'k mut [i32]) {
        let (leaf, keys) = keys.split_at_mut(1);
        leaf[0] = MISSING_RIGHT;
        keys.split_at_mut(self.numbers.len())
    }
}

/// The keys of some blocks of rows, packed: as many per row as there are slots, and at the very end enough to read
/// [`NARROW`] from any row or column on.
#[derive(Debug)]
pub(super) struct Blocks {
    slots: usize,
    len: usize,
    /// Row after row.
    rows: Vec<i32>,
    /// The same, slot after slot within a block.
    columns: Vec<[i32; ROWS]>,
    gathered: Vec<f32>,
}

/// The keys of up to [`ROWS`] rows, and what follows them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'k> {
    slots: usize,
    rows: &'k [i32],
    columns: &'k [[i32; ROWS]],
}

impl Blocks {
    pub(super) fn new(slots: &Slots, len: usize) -> Self {
        let slots = slots.len();
        // Rows that a last block does not fill are walked too: their leaf slot must hold them at a leaf.
        Self {
            slots,
            len,
            rows: vec![MISSING_RIGHT; len * ROWS * slots + NARROW],
            columns: vec![[0; ROWS]; len * slots + NARROW],
            gathered: Vec::new(),
        }
    }

    /// Rows that fit.
    pub(super) fn capacity(&self) -> usize {
        self.len * ROWS
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Block<'_>> {
        (0..self.len).map(|block| Block {
            slots: self.slots,
            rows: &self.rows[block * ROWS * self.slots..],
            columns: &self.columns[block * self.slots..],
        })
    }

    /// Takes the rows from `first` on, of `count` in all.
    pub(super) fn fill(&mut self, slots: &Slots, rows: &Rows, features: usize, first: usize, count: usize) {
        let places = self.rows.chunks_exact_mut(self.slots);
        for (index, keys) in (first..count).take(self.len * ROWS).zip(places) {
            slots.fill_row(rows.row(index, count, features, &mut self.gathered), keys);
        }
        let rows = self.rows.chunks_exact(ROWS * self.slots);
        for (rows, columns) in rows.zip(self.columns.chunks_exact_mut(self.slots)).take(self.len) {
            for (slot, column) in columns.iter_mut().enumerate() {
                for (key, keys) in column.iter_mut().zip(rows.chunks_exact(self.slots)) {
                    *key = keys[slot];
                }
            }
        }
    }
}

impl<'k> Block<'k> {
    /// The keys of a row.
    pub(super) fn row(&self, row: usize) -> &'k [i32] {
        &self.rows[row * self.slots..][..self.slots]
    }

    /// The keys of a row and what follows.
    #[inline]
    pub(super) fn narrow_row(&self, row: usize) -> Option<&'k [i32; NARROW]> {
        self.rows.get(row * self.slots..)?.first_chunk()
    }

    /// The keys of every slot and what follows.
    #[inline]
    pub(super) fn narrow_columns(&self) -> Option<&'k [[i32; ROWS]; NARROW]> {
        self.columns.first_chunk()
    }
}
