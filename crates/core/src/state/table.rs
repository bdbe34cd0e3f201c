//! Rows in order of first appearance, each found by its key.
//!
//! Invariant: the order of the rows is that of the log. The hash index serves look-ups only and is never iterated; its
//! seed is fixed.

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use core::num::NonZero;

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

/// The place of a row in its table, from 1. Four bytes, none included, so that rows that refer to rows stay small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(NonZero<u32>);

impl At {
    /// The place after so many rows.
    fn after(rows: usize) -> Result<Self> {
        let place = u32::try_from(rows).ok().and_then(|rows| rows.checked_add(1)).and_then(NonZero::new);
        place
            .map(Self)
            .ok_or_else(|| broken(Rule::Capacity, "", "one more", "at most 2^32 - 1 rows of a kind"))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Rows in order of first appearance.
#[derive(Debug, Clone)]
pub(crate) struct Table<R> {
    rows: Vec<R>,
    index: HashTable<At>,
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
    /// Makes room for so many rows in all, so that the index is not built again on the way.
    pub(crate) fn expect(&mut self, rows: usize) {
        let Self { rows: present, index } = self;
        let more = rows.saturating_sub(present.len());
        present.reserve(more);
        index.reserve(more, |at| hash(present[at.index()].key()));
    }

    /// All rows, first to last.
    pub(crate) fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The place of the row of `key`.
    pub(crate) fn find(&self, key: R::Key) -> Option<At> {
        self.index.find(hash(key), |at| self.rows[at.index()].key() == key).copied()
    }

    /// The row of `key`.
    pub(crate) fn get(&self, key: R::Key) -> Option<&R> {
        self.find(key).map(|at| self.at(at))
    }

    /// The row at a place that this table returned.
    pub(crate) fn at(&self, at: At) -> &R {
        &self.rows[at.index()]
    }

    /// The row at a place that this table returned.
    pub(crate) fn at_mut(&mut self, at: At) -> &mut R {
        &mut self.rows[at.index()]
    }

    /// The place of the row of `key`, and true if it is new: then it is the row that `make` returns, whose key is
    /// `key`.
    pub(crate) fn intern(&mut self, key: R::Key, make: impl FnOnce() -> R) -> Result<(At, bool)> {
        let Self { rows, index } = self;
        let found =
            index.entry(hash(key), |at| rows[at.index()].key() == key, |at| hash(rows[at.index()].key()));
        match found {
            Entry::Occupied(entry) => Ok((*entry.get(), false)),
            Entry::Vacant(entry) => {
                let at = At::after(rows.len())?;
                entry.insert(at);
                rows.push(make());
                Ok((at, true))
            }
        }
    }
}
