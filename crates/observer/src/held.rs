//! The directory of a store whose file is held open from the first look on, since the inode's number of a file that is
//! open is given to no other. Each look opens the file once more, and all that the request reads, it reads of that.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use dreichor_replay::{Directory, File, Medium, ReadAt, Stat};

/// The directory of one store.
#[derive(Debug)]
pub(crate) struct Held {
    directory: Directory,
    file: OnceLock<HeldFile>,
}

/// The store's file.
#[derive(Debug, Clone)]
pub(crate) struct HeldFile(Arc<fs::File>);

impl Held {
    pub(crate) fn new(directory: Directory) -> Self {
        Self { directory, file: OnceLock::new() }
    }

    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.directory.free_bytes()
    }
}

impl Medium for Held {
    type File = HeldFile;

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path(name)
    }

    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        self.directory.stat(name)
    }

    fn open(&self, name: &str) -> io::Result<HeldFile> {
        let opened = HeldFile(Arc::new(self.directory.open(name)?));
        self.file.get_or_init(|| opened.clone());
        Ok(opened)
    }
}

impl ReadAt for HeldFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        ReadAt::read_at(&*self.0, buffer, offset)
    }
}

impl File for HeldFile {
    fn stat(&self) -> io::Result<Stat> {
        self.0.stat()
    }
}
