//! Files that behave as a system may, but seldom does.

use std::cell::Cell;
use std::io;

use dreichor_log::{File, Stat};

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

fn unused<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

impl File for Reluctant<'_> {
    fn stat(&self) -> io::Result<Stat> {
        unused()
    }

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

    fn write(&self, _: &[u8]) -> io::Result<usize> {
        unused()
    }

    fn sync(&self) -> io::Result<()> {
        unused()
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        unused()
    }

    fn try_lock(&self) -> io::Result<bool> {
        unused()
    }

    fn evict(&self, _: u64) -> io::Result<()> {
        unused()
    }
}
