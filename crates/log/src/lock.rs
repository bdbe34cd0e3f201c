//! The lock that admits one writer at a time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::medium::{WriteFile, WriteMedium};

/// The exclusive lock of a store, held until this value is dropped or the process ends.
///
/// It is a `flock` on a read-only descriptor of its own. It belongs to the open file, so it ends with the process,
/// however that ends, and closing another descriptor does not drop it.
#[derive(Debug)]
pub struct Lock<F> {
    file: F,
    identity: (u64, u64),
}

impl<F: WriteFile> Lock<F> {
    /// Takes the lock of `name`; none if another process holds it.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or locked.
    pub fn take<M: WriteMedium<File = F>>(medium: &M, name: &str) -> io::Result<Option<Self>> {
        let file = medium.open(name)?;
        let identity = file.stat()?.identity;
        if !file.try_lock()? {
            return Ok(None);
        }
        Ok(Some(Self { file, identity }))
    }

    /// Device and inode of the locked file, even if another file has its name now.
    pub fn identity(&self) -> (u64, u64) {
        self.identity
    }
}

/// The descriptor of the locked file, even if another file has its name now.
impl<F: AsFd> AsFd for Lock<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
