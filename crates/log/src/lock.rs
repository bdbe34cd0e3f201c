//! One writer at a time.

use std::io;

use crate::medium::{Access, File, Medium};

/// A store's exclusive lock, held for life.
///
/// It is a `flock` on a read-only descriptor of its own: it belongs to the open file, vanishes with the
/// process however that ends, and no other descriptor's closing can drop it.
#[derive(Debug)]
pub struct Lock<F> {
    _file: F,
}

impl<F: File> Lock<F> {
    /// Takes the lock of `name`; none if another process holds it.
    pub fn take<M: Medium<File = F>>(medium: &M, name: &str) -> io::Result<Option<Self>> {
        let file = medium.open(name, Access::Read)?;
        Ok(file.try_lock()?.then_some(Self { _file: file }))
    }
}
