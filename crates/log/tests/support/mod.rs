//! Files that behave as a system may, but seldom does.

use std::cell::Cell;
use std::io;

use dreichor_log::ReadAt;

/// A file in memory that gives no more than so many bytes at once, and every other time says first that a
/// signal came.
pub(crate) struct Reluctant<'b> {
    bytes: &'b [u8],
    pub(crate) at_once: usize,
    /// The number of reads, interruptions included.
    reads: Cell<usize>,
    /// A bad sector follows the bytes, not the end of the file.
    is_broken: bool,
}

impl<'b> Reluctant<'b> {
    pub(crate) fn new(bytes: &'b [u8], at_once: usize) -> Self {
        Self { bytes, at_once, reads: Cell::new(0), is_broken: false }
    }

    /// The number of reads since the last call of this function.
    pub(crate) fn reads(&self) -> usize {
        self.reads.take()
    }

    /// The bytes that follow cannot be read, however often it is tried.
    pub(crate) fn broken(self) -> Self {
        Self { is_broken: true, ..self }
    }
}

impl ReadAt for Reluctant<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        if self.reads.get() % 2 == 1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        if self.is_broken && rest.is_empty() {
            return Err(io::Error::other("a bad sector"));
        }
        let count = rest.len().min(buffer.len()).min(self.at_once);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
