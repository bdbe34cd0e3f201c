//! Files that behave as a system may, but seldom does.

use std::cell::Cell;
use std::io;

use dreichor_log::ReadAt;

/// A file in memory that gives no more than so many bytes at once, and every other time says first that a
/// signal came.
pub(crate) struct Reluctant<'b> {
    bytes: &'b [u8],
    at_once: usize,
    is_interrupted: Cell<bool>,
}

impl<'b> Reluctant<'b> {
    pub(crate) fn new(bytes: &'b [u8], at_once: usize) -> Self {
        Self { bytes, at_once, is_interrupted: Cell::new(false) }
    }
}

impl ReadAt for Reluctant<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.is_interrupted.set(!self.is_interrupted.get());
        if self.is_interrupted.get() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len()).min(self.at_once);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
