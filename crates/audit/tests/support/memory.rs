//! Stores whose files are bytes in memory: a sweep verifies hundreds of thousands of them.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use dreichor_log::{File, FileKind, Medium, ReadAt, Stat};
use dreichor_replay::Stores;

/// A directory with one file.
pub(crate) struct Memory(Rc<[u8]>);

pub(crate) struct MemoryFile(Rc<[u8]>);

/// Stores that hold these bytes.
pub(crate) fn stores(log: &[u8], snapshots: &[u8]) -> Stores<Memory> {
    Stores::new(Memory(log.into()), Memory(snapshots.into()))
}

fn stat(bytes: &[u8]) -> Stat {
    let size = bytes.len() as u64;
    Stat { kind: FileKind::Regular, identity: (1, 1), links: 1, size, mode: 0o640, change_time: (0, 0) }
}

impl Medium for Memory {
    type File = MemoryFile;

    fn path(&self, name: &str) -> PathBuf {
        name.into()
    }

    fn stat(&self, _name: &str) -> io::Result<Option<Stat>> {
        Ok(Some(stat(&self.0)))
    }

    fn open(&self, _name: &str) -> io::Result<MemoryFile> {
        Ok(MemoryFile(Rc::clone(&self.0)))
    }
}

impl ReadAt for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl File for MemoryFile {
    fn stat(&self) -> io::Result<Stat> {
        Ok(stat(&self.0))
    }
}
