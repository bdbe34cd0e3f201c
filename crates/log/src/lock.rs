//! One writer at a time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::medium::{WriteFile, WriteMedium};

/// A store's exclusive lock, held for life.
///
/// It is a `flock` on a read-only descriptor of its own: it belongs to the open file, vanishes with the
/// process however that ends, and no other descriptor's closing can drop it.
#[derive(Debug)]
pub struct Lock<F> {
    file: F,
    identity: (u64, u64),
}

impl<F: WriteFile> Lock<F> {
    /// Takes the lock of `name`; none if another process holds it.
    pub fn take<M: WriteMedium<File = F>>(medium: &M, name: &str) -> io::Result<Option<Self>> {
        let file = medium.open(name)?;
        let identity = file.stat()?.identity;
        if !file.try_lock()? {
            return Ok(None);
        }
        Ok(Some(Self { file, identity }))
    }

    /// Device and inode of the file that is locked, whatever its name stands for by now.
    pub fn identity(&self) -> (u64, u64) {
        self.identity
    }
}

/// The very file that is locked, whatever its name stands for by now.
impl<F: AsFd> AsFd for Lock<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
