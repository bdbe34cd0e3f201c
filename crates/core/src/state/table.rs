//! Rows in order of first appearance, each found by its key.
//!
//! Invariant: the order of the rows is that of the log. The hash index serves look-ups only and is never iterated; its
//! seed is fixed.

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::fault::{Result, Rule, broken};

/// A row of a [`Table`].
pub(crate) trait Row {
    /// The key by which a row is found.
    type Key: Copy + Eq + Hash;

    /// The row's key, which never changes.
    fn key(&self) -> Self::Key;
}

/// The place of a row in its table. Four bytes, so that rows that refer to rows stay small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(u32);

/// Rows in order of first appearance.
#[derive(Debug, Clone)]
pub(crate) struct Table<R> {
    rows: Vec<R>,
    index: HashTable<u32>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), index: HashTable::new() }
    }
}

fn hash(key: impl Hash) -> u64 {
    FixedState::default().hash_one(key)
}

impl<R: Row> Table<R> {
    /// All rows, first to last.
    pub(crate) fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The place of the row of `key`.
    pub(crate) fn find(&self, key: R::Key) -> Option<At> {
        self.index.find(hash(key), |&at| self.rows[at as usize].key() == key).copied().map(At)
    }

    /// The row of `key`.
    pub(crate) fn get(&self, key: R::Key) -> Option<&R> {
        self.find(key).map(|at| self.at(at))
    }

    /// The row at a place that this table returned.
    pub(crate) fn at(&self, at: At) -> &R {
        &self.rows[at.0 as usize]
    }

    /// The row at a place that this table returned.
    pub(crate) fn at_mut(&mut self, at: At) -> &mut R {
        &mut self.rows[at.0 as usize]
    }

    /// The place of the row of `key`, and true if it is new: then it is the row that `make` returns, whose key is
    /// `key`.
    pub(crate) fn intern(&mut self, key: R::Key, make: impl FnOnce() -> R) -> Result<(At, bool)> {
        let Self { rows, index } = self;
        let found =
            index.entry(hash(key), |&at| rows[at as usize].key() == key, |&at| hash(rows[at as usize].key()));
        match found {
            Entry::Occupied(entry) => Ok((At(*entry.get()), false)),
            Entry::Vacant(entry) => {
                let at = u32::try_from(rows.len())
                    .map_err(|_| broken(Rule::Capacity, "", "one more", "at most 2^32 - 1 rows of a kind"))?;
                entry.insert(at);
                rows.push(make());
                Ok((At(at), true))
            }
        }
    }
}
