use crate::forest::{Forest, Node};
use crate::rows::{Order, Rows};

/// Keys per row that a slot of one byte can name.
pub(super) const NARROW: usize = 256;

/// The slot that leaves name: its key is above every threshold's, so a step from a leaf stays there.
pub(super) const LEAF_SLOT: u32 = 0;
/// Greater than every threshold's key: never goes left.
const NEVER: u32 = u32::MAX;
/// In a categorical slot: no category, to the default child.
pub(super) const TO_LEFT: u32 = u32::MAX - 1;
pub(super) const TO_RIGHT: u32 = u32::MAX - 2;
/// In a categorical slot: a category beyond all sets.
const UNSEEN: u32 = u32::MAX - 3;

/// An integer that orders as the float32 does, the two zeros alike. Missing values stand outside the range of
/// numbers: before all (left of every threshold) or after all.
#[inline]
fn number_key(value: f32, missing: u32) -> u32 {
    let bits = (value + 0.0).to_bits();
    let key = bits ^ ((bits.cast_signed() >> 31).cast_unsigned() | 0x8000_0000);
    if value.is_nan() { missing } else { key }
}

/// The key below which a value goes left. A threshold that is not a number lets only the missing pass.
pub(super) fn threshold_key(threshold: f32) -> u32 {
    number_key(threshold, 1)
}

fn category_key(value: f32, missing: u32) -> u32 {
    if value.is_nan() {
        missing
    } else if (0.0..16_777_216.0).contains(&value) {
        #[expect(clippy::cast_sign_loss, reason = "checked to be in 0..2^24")]
        let category = value as u32;
        category
    } else {
        UNSEEN
    }
}

/// The distinct questions that a forest's splits ask of a row, each a feature and the key of a missing value.
/// Slot 0 is [`LEAF_SLOT`], then come numbers, then categories.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    numbers: Vec<(u32, u32)>,
    categories: Vec<(u32, u32)>,
}

/// The slot of every kind of split, while the layout is built.
pub(super) struct SlotTable(Vec<u32>);

impl SlotTable {
    const FREE: u32 = u32::MAX;

    fn place(node: &Node) -> usize {
        node.feature() * 4 + usize::from(node.is_categorical()) * 2 + usize::from(node.default_left())
    }

    pub(super) fn of(&self, node: &Node) -> u32 {
        self.0[Self::place(node)]
    }
}

impl Slots {
    pub(super) fn new(forest: &Forest) -> (Self, SlotTable) {
        let splits = || {
            let nodes = forest.trees.iter().flat_map(|tree| forest.nodes(tree));
            nodes.filter(|node| !node.is_leaf()).map(SlotTable::place)
        };
        let len = splits().max().map_or(0, |most| most + 1);
        let mut table = vec![SlotTable::FREE; len];
        for place in splits() {
            table[place] = 0;
        }
        let mut slots = Self { numbers: Vec::new(), categories: Vec::new() };
        for categorical in [false, true] {
            let used = table.iter_mut().enumerate().filter(|(_, slot)| **slot != SlotTable::FREE);
            for (place, slot) in used.filter(|(place, _)| (place & 2 != 0) == categorical) {
                *slot = slots.len() as u32;
                let (feature, missing_left) = ((place / 4) as u32, place & 1 == 1);
                match (categorical, missing_left) {
                    (false, true) => slots.numbers.push((feature, 0)),
                    (false, false) => slots.numbers.push((feature, NEVER)),
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

/// The keys of a block of rows, `stride` per row.
pub(super) struct Keys<'b> {
    pub(super) keys: &'b mut [u32],
    pub(super) stride: usize,
}

impl Keys<'_> {
    pub(super) fn fill(&mut self, slots: &Slots, rows: &Rows, first: usize, count: usize) {
        let block = self.keys.len() / self.stride;
        for (index, keys) in (first..count).take(block).zip(self.keys.chunks_exact_mut(self.stride)) {
            match rows.order {
                Order::RowMajor => {
                    let features = rows.values.len() / count;
                    let row = &rows.values[index * features..][..features];
                    fill(slots, keys, |feature| row[feature]);
                }
                Order::ColumnMajor => fill(slots, keys, |feature| rows.values[feature * count + index]),
            }
        }
    }
}

#[inline]
fn fill(slots: &Slots, keys: &mut [u32], value: impl Fn(usize) -> f32) {
    let Some((never, keys)) = keys.split_first_mut() else { return };
    *never = NEVER;
    let (numbers, categories) = keys.split_at_mut(slots.numbers.len());
    for (key, &(feature, missing)) in numbers.iter_mut().zip(&slots.numbers) {
        *key = number_key(value(feature as usize), missing);
    }
    for (key, &(feature, missing)) in categories.iter_mut().zip(&slots.categories) {
        *key = category_key(value(feature as usize), missing);
    }
}
