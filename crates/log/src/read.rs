//! Reads at an offset, and their errors.

use std::io;

use crate::interruption::uninterrupted;
use crate::medium::ReadAt;

/// An unterminated tail: the bytes after the last LF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The offset of its start in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes; at least 1.
    pub length: u64,
}

/// Why a file cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system cannot read the file.
    #[error("it cannot be read at byte {offset}: {error}")]
    Refused {
        /// The offset of the read, in bytes.
        offset: u64,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The file is shorter than it was when it was opened.
    #[error("it was truncated at byte {offset} while it was read")]
    Shrank {
        /// The offset where it ends now, in bytes.
        offset: u64,
    },
    /// A line is longer than the limit.
    #[error("the line at byte {offset} is too long")]
    TooLong {
        /// The offset of the line's start, in bytes.
        offset: u64,
        /// The number of its bytes that were read.
        length: u64,
    },
}

/// Reads `length` bytes at `offset`.
///
/// # Errors
///
/// The file cannot be read, is shorter than that, or the memory cannot hold so many bytes.
pub fn read_bytes<F: ReadAt>(file: &F, offset: u64, length: u64) -> Result<Vec<u8>, ReadError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length)
        .map_err(|_| ReadError::Refused { offset, error: io::ErrorKind::OutOfMemory.into() })?;
    bytes.resize(length, 0);
    read_exactly(file, &mut bytes, offset)?;
    Ok(bytes)
}

/// Fills `buffer` with the bytes at `offset`.
///
/// # Errors
///
/// The file cannot be read, or is shorter than that.
pub fn read_exactly<F: ReadAt>(file: &F, buffer: &mut [u8], offset: u64) -> Result<(), ReadError> {
    let mut done = 0;
    while let Some(place) = buffer.get_mut(done..).filter(|place| !place.is_empty()) {
        let at = offset + done as u64;
        let read = uninterrupted(|| file.read_at(place, at));
        match read.map_err(|error| ReadError::Refused { offset: at, error })? {
            0 => return Err(ReadError::Shrank { offset: at }),
            read => done += read,
        }
    }
    Ok(())
}
