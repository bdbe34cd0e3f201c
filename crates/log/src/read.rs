//! Reading at an offset, and why it may fail.

use std::io;

use crate::interruption::uninterrupted;
use crate::medium::ReadAt;

/// An unterminated tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Where it starts: after the last LF.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// Why a file cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("it cannot be read at byte {offset}: {error}")]
    Refused {
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// The system's reason.
        #[source]
        error: io::Error,
    },
    /// The file ends before the size that it had.
    #[error("it was cut off at byte {offset} while it was read")]
    Shrank {
        /// Where it ends now.
        offset: u64,
    },
    /// A line is longer than any line may be.
    #[error("the line at byte {offset} is too long")]
    TooLong {
        /// Where it starts.
        offset: u64,
        /// How many bytes of it were seen.
        length: u64,
    },
}

/// The `length` bytes from `offset` on. More than the memory can hold is an error, not the end of the process.
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

/// Fills `buffer` from `offset` on.
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
