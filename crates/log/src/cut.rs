//! Truncation of an unterminated tail: the bytes after the last LF are copied to a file beside the store and then cut
//! off. They were never acknowledged and are not history.

use std::io;
use std::path::PathBuf;

use crate::interruption::uninterrupted;
use crate::medium::{File, FileKind, SyncFile, WriteFile, WriteMedium};
use crate::read::{ReadError, Tail, read_exactly};

/// Why a tail was not cut off. Its bytes are still in the file, in the copy, or in both.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The copy could not be made; the file is unchanged.
    #[error("the unterminated bytes could not be copied to {path}: {error}")]
    Copy {
        /// The path of the copy.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file changed since it was read; nothing was cut.
    #[error("it was replaced or written to after it was read: nothing was truncated")]
    NotOurs,
    /// The copy is durable; the file may or may not be truncated.
    #[error("the unterminated bytes, which are copied to {path}, could not be truncated: {error}")]
    Cut {
        /// The path of the copy.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

const BLOCK_BYTES: u64 = 1 << 20;

impl Tail {
    /// Copies the tail of `name` to a file beside it, durably, and then truncates `name` to where the tail starts,
    /// durably. Returns the path of the copy. An equal copy from an interrupted recovery is used again.
    ///
    /// # Errors
    ///
    /// The copy or the truncation failed, or `name` is not the file with this `identity`, or it has grown meanwhile.
    pub fn cut<M: WriteMedium>(
        self,
        medium: &M,
        name: &str,
        identity: (u64, u64),
    ) -> Result<PathBuf, CutError> {
        let copy = self.keep(medium, name)?;
        let path = medium.path(&copy);
        let fail = |error| CutError::Cut { path: path.clone(), error };
        let file = medium.open_to_append(name).map_err(fail)?;
        let found = file.stat().map_err(fail)?;
        if found.identity != identity || found.size != self.offset + self.length {
            return Err(CutError::NotOurs);
        }
        file.truncate(self.offset).map_err(fail)?;
        uninterrupted(|| file.sync()).map_err(fail)?;
        Ok(path)
    }

    fn keep<M: WriteMedium>(self, medium: &M, name: &str) -> Result<String, CutError> {
        let first = format!("{name}.torn-{}", self.offset);
        let fail = |copy: &str, error| CutError::Copy { path: medium.path(copy), error };
        let source = medium.open(name).map_err(|error| fail(&first, error))?;
        let mut copy = first.clone();
        let mut number = 2_u64;
        loop {
            match self.compare(medium, &source, &copy).map_err(|error| fail(&copy, error))? {
                Some(true) => break,
                Some(false) => {
                    copy = format!("{first}.{number}");
                    number += 1;
                }
                None => {
                    self.write_copy(medium, &source, &first, &copy).map_err(|error| fail(&copy, error))?;
                    break;
                }
            }
        }
        // An existing copy needs it too: the recovery that wrote it may have been stopped before its sync.
        uninterrupted(|| medium.sync()).map_err(|error| fail(&copy, error))?;
        Ok(copy)
    }

    /// Returns true if `copy` holds the tail, false if it holds other bytes, none if there is no such file. Syncs an
    /// equal copy.
    fn compare<M: WriteMedium>(self, medium: &M, source: &M::File, copy: &str) -> io::Result<Option<bool>> {
        match medium.stat(copy)? {
            None => return Ok(None),
            Some(stat) if stat.kind != FileKind::Regular || stat.size != self.length => {
                return Ok(Some(false));
            }
            Some(_) => {}
        }
        let file = medium.open(copy)?;
        let mut is_equal = true;
        self.for_each_block(source, |done, block| {
            let mut theirs = vec![0; block.len()];
            read_exactly(&file, &mut theirs, done).map_err(io_error)?;
            is_equal &= theirs == block;
            Ok(())
        })?;
        if is_equal {
            uninterrupted(|| file.sync())?;
        }
        Ok(Some(is_equal))
    }

    fn write_copy<M: WriteMedium>(
        self,
        medium: &M,
        source: &M::File,
        first: &str,
        copy: &str,
    ) -> io::Result<()> {
        let temporary = format!("{first}.tmp");
        if medium.stat(&temporary)?.is_some() {
            medium.remove(&temporary)?;
        }
        let file = medium.create(&temporary)?;
        self.for_each_block(source, |_, block| {
            let written = uninterrupted(|| file.write(block))?;
            if written == block.len() { Ok(()) } else { Err(io::Error::other("a short write")) }
        })?;
        uninterrupted(|| file.sync())?;
        medium.rename(&temporary, copy)
    }

    fn for_each_block<F: File>(
        self,
        source: &F,
        mut use_block: impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut block = Vec::new();
        let mut done = 0;
        while done < self.length {
            let wanted = (self.length - done).min(BLOCK_BYTES);
            block.resize(usize::try_from(wanted).unwrap_or(usize::MAX), 0);
            read_exactly(source, &mut block, self.offset + done).map_err(io_error)?;
            use_block(done, &block)?;
            done += wanted;
        }
        Ok(())
    }
}

fn io_error(error: ReadError) -> io::Error {
    match error {
        ReadError::Refused { error, .. } => error,
        ReadError::Shrank { .. } | ReadError::TooLong { .. } => io::Error::other(error.to_string()),
    }
}
