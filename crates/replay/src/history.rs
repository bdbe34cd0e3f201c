//! A log as far as it was read or written: its state and its tree, which grow together.

use dreichor_core::fault::Result;
use dreichor_core::{Event, Hash, State, Tree};

/// The state and the tree of the same events.
#[derive(Debug, Clone, Default)]
pub struct History {
    state: State,
    tree: Tree,
}

impl History {
    /// The history of an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the events add up to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The Merkle tree over the events.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Adds the next event, whose leaf hash is `leaf`.
    pub fn push(&mut self, event: &Event<'_>, leaf: Hash) -> Result<()> {
        self.state.apply(event)?;
        self.tree.push(leaf);
        Ok(())
    }

    /// Writes the event's line to `lines` and adds the event.
    pub fn record(&mut self, event: &Event<'_>, lines: &mut Vec<u8>) -> Result<()> {
        let leaf = event.write_line(lines);
        self.push(event, leaf)
    }
}
