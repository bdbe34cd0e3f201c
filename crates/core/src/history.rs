//! The history of a log: the state and the tree of the events that were read or recorded so far.

use alloc::vec::Vec;

use crate::event::Event;
use crate::fault::Result;
use crate::state::State;
use crate::tree::{Hash, Tree};

/// The state and the tree of the same events.
///
/// Leaves are collected and added to the tree together, since the nodes over many leaves are hashed faster together.
#[derive(Debug, Clone, Default)]
pub struct History {
    state: State,
    tree: Tree,
    /// The leaves of the last events, which the tree does not hold yet.
    pending: Vec<Hash>,
}

/// About what a tick of three short lines takes in the log.
const TICK_BYTES: u64 = 1_000;

/// Room for more decisions is made when they come.
const DECISIONS_EXPECTED_MAX: usize = 1 << 20;

/// The most leaves that are collected.
const PENDING_MAX: usize = 1 << 12;

impl History {
    /// Creates the history of an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for the events of a log of so many bytes, so that no table is built again on the way. Only memory that is
    /// used is taken from the system, and a log that says more than it holds takes no more than a bound.
    pub fn expect(&mut self, log_bytes: u64) {
        let decisions = usize::try_from(log_bytes / TICK_BYTES).unwrap_or(usize::MAX);
        self.state.expect(decisions.min(DECISIONS_EXPECTED_MAX));
    }

    /// The state that the events add up to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The number of events, which is the size of the tree.
    pub fn size(&self) -> u64 {
        self.tree.size() + self.pending.len() as u64
    }

    /// The tree over the events.
    pub fn tree(&mut self) -> &Tree {
        self.tree.extend(&self.pending);
        self.pending.clear();
        &self.tree
    }

    /// The root of the tree over the events.
    pub fn root(&mut self) -> Hash {
        self.tree().root()
    }

    /// Adds the next event, whose leaf hash is `leaf`.
    ///
    /// # Errors
    ///
    /// The rule of the log's grammar that the event breaks. The history must not be used again.
    #[inline]
    pub fn push(&mut self, event: &Event<'_>, leaf: Hash) -> Result<()> {
        self.state.apply(event)?;
        if self.pending.len() == PENDING_MAX {
            self.tree();
        }
        self.pending.push(leaf);
        Ok(())
    }

    /// Replaces the tree by one over the same events, which another thread has computed.
    ///
    /// # Panics
    ///
    /// If the tree has another size.
    pub fn settle(&mut self, tree: Tree) {
        assert_eq!(tree.size(), self.size(), "a tree over other events than the history's");
        self.tree = tree;
        self.pending.clear();
    }

    /// Writes the event's line to `lines` and adds the event.
    ///
    /// # Errors
    ///
    /// As of [`History::push`].
    pub fn record(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<()> {
        let leaf = event.write_line(lines);
        self.push(event, leaf)
    }
}
