//! The fold: reads the lines of a log in order, checks each, and applies its event to the history.
//!
//! ```text
//! while let Some(entry) = fold.next()? { … }
//! ```

use dreichor_core::event::Body;
use dreichor_core::{Event, Fault, Hash, History, LINE_BYTES_MAX};
use dreichor_log::blocks::BLOCK_BYTES;
use dreichor_log::{Blocks, Line, Medium, ReadError, Tail};

use crate::error::Error;
use crate::hashing::{HashedBlock, Hashing};
use crate::store::Store;

/// A log that is being applied to a history.
pub struct Fold<'s, M: Medium> {
    store: &'s Store<M>,
    file: Option<M::File>,
    blocks: Blocks,
    hashing: Hashing,
    /// The block whose lines are being applied, and how many of them are.
    current: HashedBlock,
    applied: usize,
    /// The last event that was not parsed with its block. In a place of its own, it is moved once only.
    parsed: Option<Event<'static>>,
    /// The offset where the applied lines end.
    offset: u64,
    /// Buffers that are no longer used.
    used: Vec<HashedBlock>,
    /// Why no more blocks can be read; returned after the lines before it are applied.
    failure: Option<ReadError>,
    is_read: bool,
    history: History,
    /// The first line of the last tick.
    tick_start: Option<(u64, u64)>,
}

/// An event that was just applied.
#[derive(Debug)]
pub struct Entry<'f> {
    /// Its line.
    pub line: Line<'f>,
    /// The event.
    pub event: &'f Event<'static>,
    /// Its leaf hash.
    pub leaf: Hash,
    /// The history up to this event.
    pub history: &'f mut History,
}

impl<'s, M: Medium> Fold<'s, M> {
    /// Creates a fold of the first `end` bytes of `file`; no file is an empty log.
    pub fn new(store: &'s Store<M>, file: Option<M::File>, end: u64) -> Self {
        let mut history = History::new();
        history.expect(end);
        Self::starting_at(store, file, 0, end, history)
    }

    /// Creates a fold that starts at `offset`, where the lines of `history` end.
    pub fn starting_at(
        store: &'s Store<M>,
        file: Option<M::File>,
        offset: u64,
        end: u64,
        mut history: History,
    ) -> Self {
        let hashing = Hashing::new(history.tree().clone(), end.saturating_sub(offset));
        let blocks = Blocks::new(offset, end, BLOCK_BYTES, LINE_BYTES_MAX);
        Self::with(store, file, blocks, hashing, history)
    }

    /// Creates a fold with these blocks and this way of hashing.
    pub fn with(
        store: &'s Store<M>,
        file: Option<M::File>,
        blocks: Blocks,
        hashing: Hashing,
        history: History,
    ) -> Self {
        Self {
            store,
            file,
            offset: blocks.offset(),
            blocks,
            hashing,
            current: HashedBlock::default(),
            applied: 0,
            parsed: None,
            used: Vec::new(),
            failure: None,
            is_read: false,
            history,
            tick_start: None,
        }
    }

    /// The log's file; none: the log is missing, which is an empty log.
    pub fn file(&self) -> Option<&M::File> {
        self.file.as_ref()
    }

    /// The size of the log in bytes when it was opened.
    pub fn end(&self) -> u64 {
        self.blocks.end()
    }

    /// The history so far.
    pub fn history(&mut self) -> &mut History {
        &mut self.history
    }

    /// The offset where the applied lines end, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The unterminated tail, once there is no next entry.
    pub fn tail(&self) -> Option<Tail> {
        self.blocks.tail()
    }

    /// The line and offset of the last tick's first event.
    pub(crate) fn tick_start(&self) -> Option<(u64, u64)> {
        self.tick_start
    }

    /// The history of all lines.
    pub fn into_history(self) -> History {
        self.history
    }

    /// Applies the next event; none when no line follows.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the log, in file order. The fold is then over.
    #[expect(
        clippy::should_implement_trait,
        reason = "an entry borrows from the fold, as no Iterator's item can"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, Error> {
        if self.applied == self.current.leaves.len() && !self.next_block()? {
            return Ok(None);
        }
        let index = self.applied;
        let Some((start, bytes, leaf)) = self.current.line(index) else { unreachable!("a block has a line") };
        let line = Line {
            number: self.history.size() + 1,
            offset: self.current.block.offset() + start as u64,
            bytes,
        };
        let event = match self.current.events.get(index) {
            Some(event) => event,
            None => match Event::read_hashed(bytes, leaf) {
                Ok(event) => self.parsed.insert(event.into_owned()),
                Err(fault) => return Err(malformed(self.store, line, fault)),
            },
        };
        if let Err(fault) = self.history.push(event, leaf) {
            return Err(malformed(self.store, line, fault));
        }
        self.applied += 1;
        self.offset = line.offset + bytes.len() as u64 + 1;
        if let Body::DecisionEvaluated(_) = event.body {
            self.tick_start = Some((line.number, line.offset));
        }
        Ok(Some(Entry { line, event, leaf, history: &mut self.history }))
    }

    /// Goes on to the next block; false if there is none.
    fn next_block(&mut self) -> Result<bool, Error> {
        if self.applied > 0 {
            let mut done = std::mem::take(&mut self.current);
            self.history.settle(std::mem::take(&mut done.tree));
            self.used.push(done);
            self.applied = 0;
        }
        self.read_ahead();
        match self.hashing.take() {
            Some(next) => {
                self.current = next;
                Ok(true)
            }
            None => match self.failure.take() {
                Some(failure) => Err(self.store.unreadable(failure, self.history.size())),
                None => Ok(false),
            },
        }
    }

    /// Hands as many blocks over to be hashed as there is room for.
    fn read_ahead(&mut self) {
        let Some(file) = &self.file else { return };
        while !self.is_read && self.hashing.has_room() {
            let mut hashed = self.used.pop().unwrap_or_default();
            match self.blocks.next_block(file, std::mem::take(&mut hashed.block)) {
                Ok(Some(block)) => {
                    hashed.block = block;
                    self.hashing.give(hashed);
                }
                Ok(None) => self.is_read = true,
                Err(failure) => {
                    self.failure = Some(failure);
                    self.is_read = true;
                }
            }
        }
    }
}

#[cold]
#[inline(never)]
fn malformed<M: Medium>(store: &Store<M>, line: Line<'_>, fault: Box<Fault>) -> Error {
    store.malformed(line, fault)
}
