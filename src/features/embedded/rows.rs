//! The rows of a store file: one entry per user, or, as older programs wrote them, one per pair.

use redb::{ReadOnlyTable, ReadTransaction, ReadableTableMetadata, TableDefinition, TableHandle};

use super::file::{Damage, reading};
use crate::features::user_block::{self, UserBlock};
use crate::features::{Lookup, StoredRow, UnreadableRow, row_format};
use crate::row::{FeatureRow, PairKey};

/// User → the user's rows, see [`user_block`].
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

    /// The rows of `keys`. What cannot be read of one user or pair is told for that one alone.
    pub(super) fn get_many(&self, keys: &[PairKey], width: usize) -> Vec<Lookup> {
        match self {
            // A user's rows are read and checked once for all pairs of the user that follow each other.
            Self::ByUser(users) => {
                let mut found = Vec::with_capacity(keys.len());
                for keys in keys.chunk_by(|left, right| left.user() == right.user()) {
                    let before = found.len();
                    if let Err(why) = of_user(users, keys, width, &mut found) {
                        found.truncate(before);
                        found.resize(before + keys.len(), Err(why));
                    }
                }
                found
            }
            Self::ByPair(pairs) => keys
                .iter()
                .map(|key| {
                    let key = (key.user(), key.product());
                    let found = reading(|| {
                        let found = pairs.get(key)?;
                        Ok(found.map(|bytes| row_format::decode(key, bytes.value(), width)).transpose())
                    });
                    let row = found.map_err(|damage| UnreadableRow(damage.0))?.map_err(UnreadableRow)?;
                    Ok(row.map(StoredRow::from))
                })
                .collect(),
        }
    }

    /// How many rows `user` has, where that is known without reading them.
    pub(super) fn count_of(&self, user: &str) -> Result<Option<usize>, Damage> {
        match self {
            Self::ByUser(users) => {
                reading(|| Ok(users.get(user)?.map_or(Some(0), |bytes| user_block::rows_in(bytes.value()))))
            }
            Self::ByPair(_) => Ok(None),
        }
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

/// Adds the rows of `keys`, all of one user, to `found`; after an error some of them.
fn of_user(
    users: &ReadOnlyTable<&'static str, &'static [u8]>,
    keys: &[PairKey],
    width: usize,
    found: &mut Vec<Lookup>,
) -> Result<(), UnreadableRow> {
    let Some(user) = keys.first().map(PairKey::user) else { return Ok(()) };
    let read = reading(|| {
        let bytes = users.get(user)?;
        let block = bytes.as_ref().map(|bytes| UserBlock::open(user, bytes.value(), width)).transpose();
        Ok(block.map(|block| {
            let row = |block: &UserBlock<'_>, key: &PairKey| {
                block.find(key.product()).map(|at| StoredRow::from(block.row(at)))
            };
            found.extend(keys.iter().map(|key| Ok(block.as_ref().and_then(|block| row(block, key)))));
        }))
    });
    read.map_err(|damage| UnreadableRow(damage.0))?.map_err(UnreadableRow)
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
