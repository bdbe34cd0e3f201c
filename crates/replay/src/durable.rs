//! What a log durably holds, up to its last whole tick: the subject of checkpoints and proofs.

use dreichor_core::Hash;
use dreichor_log::{File, Medium, SyncFile, uninterrupted};

use crate::error::Error;
use crate::leaves::Leaves;
use crate::progress::Progress;
use crate::reference::Named;
use crate::replay::Replay;
use crate::store::{Store, Stores};
use crate::view::View;

/// Upper bound on the bytes at a store's end that a last, unsynced commit may have left. These bytes are read from the
/// medium, not from the page cache.
pub const UNSYNCED_BYTES_MAX: u64 = 32 << 20;

/// The events of a log that a crash of the machine would leave, replayed and checked, without those of a last tick that
/// is not whole.
pub struct Durable<'s, M: Medium> {
    view: View<'s, M>,
    leaves: Leaves,
}

impl<'s, M: Medium<File: SyncFile>> Durable<'s, M> {
    /// Takes the size of the log, syncs it, drops its end from the page cache, and replays the stores up to that size. What
    /// a writer appends meanwhile is not read. A medium that cannot be synced is accepted, with a warning.
    ///
    /// # Errors
    ///
    /// The log cannot be synced; or as of [`Replay::run`].
    pub fn read(stores: &'s Stores<M>, progress: &mut impl Progress) -> Result<Self, Error> {
        let log = &stores.events;
        let mut replay = Replay::open(stores)?;
        let total = replay.end();
        if let Some(file) = replay.log_file() {
            // The lines of a path are read again, and must be of this file.
            log.pin(file.stat().map_err(|error| log.cannot("be examined", error))?.identity)?;
            settle(log, file, total)?;
        }
        let mut leaves = Leaves::default();
        let (mut end, mut tick) = (0, Vec::new());
        while let Some(entry) = replay.next()? {
            progress.advance(entry.line.offset, total);
            tick.push((entry.line.offset, entry.leaf));
            if entry.history.state().open_tick().is_none() {
                tick.drain(..).for_each(|(offset, leaf)| leaves.push(offset, leaf));
                end = entry.line.offset + entry.line.bytes.len() as u64 + 1;
            }
        }
        replay.finish()?.warn_of_tail();
        Ok(Self { view: View::open(log)?.up_to(end), leaves })
    }
}

impl<M: Medium> Durable<'_, M> {
    /// The number of events, which is the size of the tree.
    pub fn size(&self) -> u64 {
        self.leaves.size()
    }

    /// The lines of these events.
    pub fn view(&self) -> &View<'_, M> {
        &self.view
    }

    /// Reads the line of an event that was found in the view, without LF.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn line(&self, named: &Named) -> Result<Box<[u8]>, Error> {
        let mut lines = self.view.lines(named.offset, self.view.end());
        let line = lines.next()?.ok_or_else(|| self.view.changed(named.offset))?;
        Ok(line.bytes.into())
    }

    /// Computes the root of the tree of all of these events.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn whole_root(&self) -> Result<Hash, Error> {
        let root = self.root(self.size())?;
        Ok(root.unwrap_or_else(|| unreachable!("a log has the root of its own size")))
    }

    /// Computes the root of the tree of the first `size` events; none if there are fewer.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn root(&self, size: u64) -> Result<Option<Hash>, Error> {
        self.leaves.root(&self.view, size)
    }

    /// Computes the path that proves that event `index`, from 0, is in the tree of the first `size` events; none if there
    /// is no such event or no such tree.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, Error> {
        self.leaves.inclusion(&self.view, index, size)
    }

    /// Computes the path that proves that the tree of the first `to` events begins with that of the first `from`; none if
    /// there are no such trees.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Option<Vec<Hash>>, Error> {
        self.leaves.consistency(&self.view, from, to)
    }
}

/// Makes the file durable, and its end to be read from the medium.
fn settle<M: Medium<File: SyncFile>>(store: &Store<M>, file: &M::File, size: u64) -> Result<(), Error> {
    use std::io::ErrorKind::{InvalidInput, ReadOnlyFilesystem, Unsupported};
    match uninterrupted(|| file.sync()) {
        Ok(()) => {}
        // Nobody writes to such a medium.
        Err(error) if matches!(error.kind(), ReadOnlyFilesystem | InvalidInput | Unsupported) => {
            tracing::warn!(
                file = %store.path().display(),
                %error,
                "this medium cannot be synced: what follows covers what it holds now"
            );
        }
        Err(error) => return Err(store.cannot("be synced, so it is not known what is durable", error)),
    }
    file.evict(size.saturating_sub(UNSYNCED_BYTES_MAX))
        .map_err(|error| store.cannot("be read from its medium, past the page cache", error))
}
