//! The operations of a disk, as traits: few calls, each with one meaning, so that a simulated disk can replace the real
//! one and fail at each of them. A writer's operations are traits of their own: a crate that does not import them
//! cannot write.
//!
//! # Errors
//!
//! Each method of these traits returns the system's error. It does nothing twice.

use std::io;
use std::path::PathBuf;

/// A directory with stores in it, for readers.
pub trait Medium {
    /// An open file in the directory.
    type File: File;

    /// The path of `name`, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// Examines `name` without following a link; none if there is no such name.
    fn stat(&self, name: &str) -> io::Result<Option<Stat>>;

    /// Opens an existing file for reading, without following a link.
    fn open(&self, name: &str) -> io::Result<Self::File>;
}

/// A writer's further operations on a directory.
pub trait WriteMedium: Medium<File: WriteFile> {
    /// Opens an existing file for appending and truncating, without following a link.
    fn open_to_append(&self, name: &str) -> io::Result<Self::File>;

    /// Creates a file (mode 0640) for appending; fails if the name exists.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Renames a file in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Syncs the directory: makes creations, renames and removals durable.
    fn sync(&self) -> io::Result<()>;

    /// Fails if no file can be created here. Leaves no file.
    fn prove_writable(&self) -> io::Result<()>;
}

/// A source of bytes that can be read at any offset.
pub trait ReadAt {
    /// Reads some bytes at `offset` into `buffer` and returns their number; 0 only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// An open file, for readers.
pub trait File: ReadAt {
    /// Examines the open file.
    fn stat(&self) -> io::Result<Stat>;
}

/// The operations by which an open file is read as the medium holds it. They change no byte, so readers have them, too.
pub trait SyncFile: File {
    /// Makes the written bytes and the size durable (`fdatasync`), of all writers.
    fn sync(&self) -> io::Result<()>;

    /// Drops the page cache from `offset` on, so that the next read asks the medium.
    fn evict(&self, offset: u64) -> io::Result<()>;
}

/// A writer's further operations on an open file.
pub trait WriteFile: SyncFile {
    /// Appends some of `bytes` in one system call and returns their number.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Truncates the file to `size` bytes.
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Takes the file's exclusive lock (`flock`) for as long as the file is open; false if another process holds it.
    fn try_lock(&self) -> io::Result<bool>;
}

/// The properties of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its kind.
    pub kind: FileKind,
    /// Device and inode: the file's identity.
    pub identity: (u64, u64),
    /// The number of its names (hard links).
    pub links: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// The system's time of its last change of any kind: seconds and nanoseconds. Used only to notice that a file was
    /// changed.
    pub change_time: (i64, i64),
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file: the only kind that a store may be.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A pipe, socket or device.
    Special,
}

impl FileKind {
    /// The name of the kind in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regular => "a regular file",
            Self::Directory => "a directory",
            Self::SymbolicLink => "a symbolic link",
            Self::Special => "a pipe, socket or device",
        }
    }
}
