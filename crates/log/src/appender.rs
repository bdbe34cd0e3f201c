//! The appender: checks that the file is unchanged, then makes one write and one sync. Nothing is ever tried twice.

use std::io;

use crate::interruption::uninterrupted;
use crate::medium::{File, Stat, SyncFile, WriteFile, WriteMedium};

/// Appends to one file that no other process changes.
#[derive(Debug)]
pub struct Appender<'m, M: WriteMedium> {
    medium: &'m M,
    name: &'static str,
    file: M::File,
    identity: (u64, u64),
    size: u64,
    is_poisoned: bool,
}

/// Why an append failed. Nothing was written, or the bytes are in doubt.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written: the file is not known to be as the last append left it.
    #[error("{0}")]
    NotOurs(String),
    /// In doubt: none, some or all of the bytes may be written, and none is known to be durable.
    #[error("{operation} failed: {error}")]
    InDoubt {
        /// The operation that failed: `write` or `fdatasync`.
        operation: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// An earlier append failed: the descriptor is not used again.
    #[error("an append failed before")]
    Poisoned,
}

impl<'m, M: WriteMedium> Appender<'m, M> {
    /// Opens `name` for appending, if the file has this identity (device and inode) and this size in bytes.
    ///
    /// # Errors
    ///
    /// [`AppendError::NotOurs`]: the file cannot be opened, or is another one.
    pub fn open(
        medium: &'m M,
        name: &'static str,
        identity: (u64, u64),
        size: u64,
    ) -> Result<Self, AppendError> {
        let cannot =
            |error: io::Error| AppendError::NotOurs(format!("it cannot be opened for appending: {error}"));
        let file = medium.open_to_append(name).map_err(cannot)?;
        let opened = file.stat().map_err(cannot)?;
        check_ours(Some(opened), identity, size)?;
        Ok(Self { medium, name, file, identity, size, is_poisoned: false })
    }

    /// The size of the file in bytes. All of it is durable.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends `bytes` and makes them durable.
    ///
    /// # Errors
    ///
    /// After [`AppendError::NotOurs`] nothing was written. After any other error it is not known which of the `bytes`
    /// are on disk, and no further call reaches the descriptor.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), AppendError> {
        if self.is_poisoned {
            return Err(AppendError::Poisoned);
        }
        let found = self.medium.stat(self.name);
        let found = found.map_err(|error| AppendError::NotOurs(format!("it cannot be examined: {error}")))?;
        check_ours(found, self.identity, self.size)?;
        // Poisoned until the sync has succeeded, so that every early return leaves the descriptor unusable.
        self.is_poisoned = true;
        let written = uninterrupted(|| self.file.write(bytes))
            .map_err(|error| AppendError::InDoubt { operation: "write", error })?;
        if written != bytes.len() {
            let error = io::Error::other(format!("only {written} of {} bytes were written", bytes.len()));
            return Err(AppendError::InDoubt { operation: "write", error });
        }
        uninterrupted(|| self.file.sync())
            .map_err(|error| AppendError::InDoubt { operation: "fdatasync", error })?;
        self.size += bytes.len() as u64;
        self.is_poisoned = false;
        Ok(())
    }
}

fn check_ours(found: Option<Stat>, identity: (u64, u64), size: u64) -> Result<(), AppendError> {
    let Some(found) = found else {
        return Err(AppendError::NotOurs("it vanished between two writes".into()));
    };
    let change = if found.identity != identity {
        "it was replaced by another file".into()
    } else if found.links != 1 {
        format!("it has {} names (hard links); a store has one", found.links)
    } else if found.size != size {
        format!(
            "its size is {} bytes, and after the last write it was {size}: another process writes to it",
            found.size
        )
    } else {
        return Ok(());
    };
    Err(AppendError::NotOurs(change))
}
