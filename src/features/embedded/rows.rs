//! The rows of a store file: one entry per user, or, as older programs wrote them, one per pair.

use redb::{ReadOnlyTable, ReadTransaction, ReadableTableMetadata, TableDefinition, TableHandle};

use super::file::{Damage, reading};
use crate::features::row_format;
use crate::features::user_block::UserBlock;
use crate::features::{Lookup, StoredRow, UnreadableRow};
use crate::row::FeatureRow;

/// User → the user's rows, see [`user_block`](crate::features::user_block).
pub(super) const USERS: TableDefinition<&str, &[u8]> = TableDefinition::new("users");
/// (user, product) → the row's bytes, see [`row_format`].
const PAIRS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("rows");

/// The table of rows, open for as long as the file is, which never changes.
pub(super) enum Rows {
    ByUser(ReadOnlyTable<&'static str, &'static [u8]>),
    ByPair(ReadOnlyTable<(&'static str, &'static str), &'static [u8]>),
}

impl Rows {
    /// The table that a file of tables with these `names` has.
    pub(super) fn open(transaction: &ReadTransaction, names: &[String]) -> Result<Self, redb::Error> {
        if names.iter().any(|name| name == USERS.name()) {
            return Ok(Self::ByUser(transaction.open_table(USERS)?));
        }
        Ok(Self::ByPair(transaction.open_table(PAIRS)?))
    }

    /// Number of entries.
    pub(super) fn count(&self) -> Result<u64, redb::Error> {
        Ok(match self {
            Self::ByUser(users) => users.len()?,
            Self::ByPair(pairs) => pairs.len()?,
        })
    }

    /// The row of a pair.
    pub(super) fn get(&self, (user, product): (&str, &str), width: usize) -> Lookup {
        let found = match self {
            Self::ByUser(users) => reading(|| {
                let Some(bytes) = users.get(user)? else { return Ok(Ok(None)) };
                let block = UserBlock::open(user, bytes.value(), width);
                Ok(block.map(|block| block.find(product).map(|at| block.row(at))))
            }),
            Self::ByPair(pairs) => reading(|| {
                let Some(bytes) = pairs.get((user, product))? else { return Ok(Ok(None)) };
                Ok(row_format::decode((user, product), bytes.value(), width).map(Some))
            }),
        };
        let row = found.map_err(|damage| UnreadableRow(damage.0))?.map_err(UnreadableRow)?;
        Ok(row.map(StoredRow::from))
    }

    /// Every row of `user` and of those after, in order, until `take` has had enough. Of a user whose rows cannot be read one
    /// is given, without a product.
    pub(super) fn scan(
        &self,
        user: &str,
        width: usize,
        mut take: impl FnMut((&str, &str), Result<FeatureRow, UnreadableRow>) -> bool,
    ) -> Result<(), Damage> {
        match self {
            Self::ByUser(users) => reading(|| {
                for entry in users.range(user..)? {
                    let (user, bytes) = entry?;
                    if !each_of(user.value(), bytes.value(), width, &mut take) {
                        break;
                    }
                }
                Ok(())
            }),
            Self::ByPair(pairs) => reading(|| {
                for entry in pairs.range((user, "")..)? {
                    let (key, bytes) = entry?;
                    let row = row_format::decode(key.value(), bytes.value(), width).map_err(UnreadableRow);
                    if !take(key.value(), row) {
                        break;
                    }
                }
                Ok(())
            }),
        }
    }

    /// Up to `limit` users whose identifiers begin with `prefix`: one seek per user, however many products each has.
    pub(super) fn users(&self, prefix: &str, limit: usize) -> Result<Vec<String>, Damage> {
        match self {
            Self::ByUser(users) => reading(|| {
                let mut found = Vec::new();
                for entry in users.range(prefix..)?.take(limit) {
                    let (user, _) = entry?;
                    if !user.value().starts_with(prefix) {
                        break;
                    }
                    found.push(user.value().to_owned());
                }
                Ok(found)
            }),
            Self::ByPair(pairs) => reading(|| {
                let mut found = Vec::new();
                let mut from = prefix.to_owned();
                while found.len() < limit {
                    let Some(entry) = pairs.range((from.as_str(), "")..)?.next() else { break };
                    let (key, _) = entry?;
                    let (user, _) = key.value();
                    if !user.starts_with(prefix) {
                        break;
                    }
                    // No identifier holds a NUL, so this is the least text after every identifier up to this user.
                    from = format!("{user}\0");
                    found.push(user.to_owned());
                }
                Ok(found)
            }),
        }
    }
}

/// Gives every row of one user to `take`, and tells whether it wants more.
fn each_of(
    user: &str,
    bytes: &[u8],
    width: usize,
    take: &mut impl FnMut((&str, &str), Result<FeatureRow, UnreadableRow>) -> bool,
) -> bool {
    let block = match UserBlock::open(user, bytes, width) {
        Ok(block) => block,
        Err(why) => return take((user, ""), Err(UnreadableRow(why))),
    };
    (0..block.len()).all(|at| match block.product(at) {
        Some(product) => take((user, product), Ok(block.row(at))),
        None => take((user, ""), Err(UnreadableRow("a product's identifier makes no sense".to_owned()))),
    })
}
