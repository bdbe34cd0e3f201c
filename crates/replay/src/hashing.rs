//! The leaves of a log's lines and the tree over them, block by block: on a second thread beside the fold, or in turn
//! with it.
//!
//! Hashing needs no parse, and parsing needs the hash only to compare it. So the blocks of a log are hashed ahead:
//!
//! ```text
//! this thread:    read block k+2 ─▶                          parse and apply block k, recycle its buffer
//! second thread:                  ─▶ leaves and tree of k+1 ─▶
//! ```
//!
//! A fold takes longer than hashing. While hashed blocks wait for it, the second thread parses the next one as well, so
//! that both threads have work to the end.
//!
//! Invariant: both ways call the same functions, and blocks come back in the order of the file. A line that was not
//! parsed ahead, or not without a fault, is parsed by the fold. So both find the same first fault and the same tree.
//!
//! Only blocks, hashes, trees and events cross threads. The second thread has ended when its handle is dropped.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use dreichor_core::{Event, Hash, Tree};
use dreichor_log::Block;

/// A block with the hashes of its lines.
#[derive(Debug, Default)]
pub struct HashedBlock {
    pub(crate) block: Block,
    /// The offset of each line's LF in the block.
    pub(crate) line_feeds: Vec<usize>,
    /// The leaf of each line.
    pub(crate) leaves: Vec<Hash>,
    /// The events of the first lines, as far as they were parsed ahead.
    pub(crate) events: Vec<Event<'static>>,
    /// The tree over all lines up to the end of the block.
    pub(crate) tree: Tree,
}

impl HashedBlock {
    /// The offset of a line in the block, the line without its LF, and its leaf.
    #[inline]
    pub(crate) fn line(&self, index: usize) -> Option<(usize, &[u8], Hash)> {
        let (&end, &leaf) = (self.line_feeds.get(index)?, self.leaves.get(index)?);
        let start = index.checked_sub(1).map_or(0, |before| self.line_feeds[before] + 1);
        Some((start, &self.block.bytes()[start..end], leaf))
    }
}

/// Hashes the blocks of a file, in order.
#[derive(Debug)]
pub enum Hashing {
    /// On the calling thread. The blocks that were handed over and are not taken yet, first to last: at most one.
    InTurn(Tree, Option<HashedBlock>),
    /// On a thread of its own.
    Beside(Worker),
}

/// A second thread, and how many blocks it has.
#[derive(Debug)]
pub struct Worker {
    /// None once the thread must end.
    blocks: Option<SyncSender<HashedBlock>>,
    hashed: Receiver<HashedBlock>,
    /// The number of hashed blocks that are not taken yet.
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
    pending: usize,
}

/// The most blocks that a worker has: the one that it hashes, and enough before and after it that a short delay of one
/// thread does not stop the other.
const PENDING_MAX: usize = 4;

/// A shorter log is hashed in less time than a thread takes to start.
const BESIDE_BYTES_MIN: u64 = 1 << 20;

impl Hashing {
    /// Begins after the lines that `tree` is over. `bytes` are to be hashed.
    pub fn new(tree: Tree, bytes: u64) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        if cores > 1 && bytes >= BESIDE_BYTES_MIN { Self::beside(tree) } else { Self::in_turn(tree) }
    }

    /// On the calling thread.
    pub fn in_turn(tree: Tree) -> Self {
        Self::InTurn(tree, None)
    }

    /// On a thread of its own; where the system has none, on the calling one.
    pub fn beside(tree: Tree) -> Self {
        let (blocks, to_hash) = sync_channel::<HashedBlock>(PENDING_MAX);
        let (done, hashed) = sync_channel(PENDING_MAX);
        let (mut grown, waiting) = (tree.clone(), Arc::new(AtomicUsize::new(0)));
        let waiting_too = Arc::clone(&waiting);
        let spawned = thread::Builder::new().name("hash".into()).spawn(move || {
            for mut block in to_hash {
                Self::hash(&mut block, &mut grown);
                if waiting_too.load(Ordering::Relaxed) > 0 {
                    Self::parse(&mut block);
                }
                waiting_too.fetch_add(1, Ordering::Relaxed);
                if done.send(block).is_err() {
                    return;
                }
            }
        });
        match spawned {
            Ok(thread) => Self::Beside(Worker {
                blocks: Some(blocks),
                hashed,
                waiting,
                thread: Some(thread),
                pending: 0,
            }),
            Err(_) => Self::in_turn(tree),
        }
    }

    /// Hashes a block's lines and adds them to the tree.
    fn hash(hashed: &mut HashedBlock, tree: &mut Tree) {
        let HashedBlock { block, line_feeds, leaves, events, tree: after } = hashed;
        events.clear();
        line_feeds.clear();
        line_feeds.extend(memchr::memchr_iter(b'\n', block.bytes()));
        let mut start = 0;
        let lines = line_feeds.iter().map(|&end| &block.bytes()[std::mem::replace(&mut start, end + 1)..end]);
        leaves.clear();
        Event::leaves(lines, leaves);
        tree.extend(leaves);
        after.clone_from(tree);
    }

    /// Parses a hashed block's lines up to the first fault, which the fold then finds itself.
    fn parse(hashed: &mut HashedBlock) {
        let mut events = std::mem::take(&mut hashed.events);
        while let Some((_, line, leaf)) = hashed.line(events.len())
            && let Ok(event) = Event::read_hashed(line, leaf)
        {
            events.push(event.into_owned());
        }
        hashed.events = events;
    }

    /// True if another block can be handed over before one is taken.
    pub(crate) fn has_room(&self) -> bool {
        match self {
            Self::InTurn(_, waiting) => waiting.is_none(),
            Self::Beside(worker) => worker.pending < PENDING_MAX,
        }
    }

    /// Hands a block over. The caller has seen that there is room.
    pub(crate) fn give(&mut self, mut block: HashedBlock) {
        match self {
            Self::InTurn(tree, waiting) => {
                Self::hash(&mut block, tree);
                *waiting = Some(block);
            }
            Self::Beside(worker) => worker.give(block),
        }
    }

    /// The next block, hashed; none if there is none that was handed over.
    pub(crate) fn take(&mut self) -> Option<HashedBlock> {
        match self {
            Self::InTurn(_, waiting) => waiting.take(),
            Self::Beside(worker) => worker.take(),
        }
    }
}

impl Worker {
    #[expect(
        clippy::expect_used,
        reason = "hashing never fails, so the thread ends only when the worker is dropped"
    )]
    fn give(&mut self, block: HashedBlock) {
        let blocks = self.blocks.as_ref().expect("the channel is closed only by drop");
        blocks.send(block).expect("the thread receives blocks until the channel is closed");
        self.pending += 1;
    }

    #[expect(
        clippy::expect_used,
        reason = "hashing never fails, so the thread ends only when the worker is dropped"
    )]
    fn take(&mut self) -> Option<HashedBlock> {
        self.pending = self.pending.checked_sub(1)?;
        let block = self.hashed.recv().expect("the worker returns every block");
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(block)
    }
}

/// The thread has ended when this returns: what counts the process's threads afterwards finds one.
impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.blocks.take());
        while self.hashed.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked; if it had, the wait for a block would have said so.
            let _ = thread.join();
        }
    }
}
