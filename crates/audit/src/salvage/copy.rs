//! A new file that lines are copied into, durably.

use dreichor_log::{Appender, File, SyncFile, WriteFile, WriteMedium, uninterrupted};
use dreichor_replay::Store;

use super::SalvageError;

/// The size of one write, in bytes, or more by one line.
const BLOCK_BYTES: usize = 8 << 20;

/// The number of lines and bytes that were copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Lines.
    pub lines: u64,
    /// Their bytes, LFs included.
    pub bytes: u64,
}

/// A copy in the making.
pub(super) struct NewFile<'s, N: WriteMedium> {
    store: &'s Store<N>,
    appender: Appender<'s, N>,
    block: Vec<u8>,
    copied: Copied,
}

impl<'s, N: WriteMedium> NewFile<'s, N> {
    /// Creates the store's file, which must not be there.
    pub(super) fn create(store: &'s Store<N>) -> Result<Self, SalvageError> {
        let medium = store.medium();
        let create = || {
            let file = medium.create(store.file())?;
            uninterrupted(|| file.sync())?;
            uninterrupted(|| medium.sync())?;
            file.stat()
        };
        let stat = create().map_err(|error| failed(store, "it could not be created", error))?;
        let appender = Appender::open(medium, store.file(), stat.identity, 0)
            .map_err(|error| failed(store, "it could not be written to", error))?;
        Ok(Self { store, appender, block: Vec::new(), copied: Copied::default() })
    }

    /// Adds a line, given without its LF.
    pub(super) fn put(&mut self, line: &[u8]) -> Result<(), SalvageError> {
        self.block.extend_from_slice(line);
        self.block.push(b'\n');
        self.copied.lines += 1;
        self.copied.bytes += line.len() as u64 + 1;
        if self.block.len() >= BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Ends the copy, and returns its size when it is durable.
    pub(super) fn finish(mut self) -> Result<Copied, SalvageError> {
        self.flush()?;
        Ok(self.copied)
    }

    fn flush(&mut self) -> Result<(), SalvageError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let appended = self.appender.append(&self.block);
        appended.map_err(|error| failed(self.store, "it could not be written to", error))?;
        self.block.clear();
        Ok(())
    }
}

/// Drops what is cached of a finished copy, so that the next read asks its disk.
pub(super) fn evict<N: WriteMedium>(store: &Store<N>) -> Result<(), SalvageError> {
    let evict = || store.medium().open(store.file())?.evict(0);
    evict().map_err(|error| failed(store, "it could not be read again", error))
}

/// Shortens a finished copy to `size` bytes, durably.
pub(super) fn shorten<N: WriteMedium>(store: &Store<N>, size: u64) -> Result<(), SalvageError> {
    let shorten = || {
        let file = store.medium().open_to_append(store.file())?;
        file.truncate(size)?;
        uninterrupted(|| file.sync())
    };
    shorten().map_err(|error| failed(store, "it could not be shortened", error))
}

fn failed<N: WriteMedium>(
    store: &Store<N>,
    problem: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> SalvageError {
    let problem = format!("{problem}: {error}");
    SalvageError::Copy { path: store.path(), problem, source: Some(Box::new(error)) }
}
