//! What is asked of a disk: few calls, each with one meaning, so that a simulated disk can stand in for the
//! real one and fail at each of them. What only a writer asks is apart: who does not name it cannot write.

use std::io;
use std::path::PathBuf;

/// A directory that holds stores, a mount, as readers know it.
pub trait Medium {
    /// An open file of it.
    type File: File;

    /// Where `name` is, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// What `name` is, without following a link; none if there is no such name.
    fn stat(&self, name: &str) -> io::Result<Option<Stat>>;

    /// Opens an existing file for reading, following no link.
    fn open(&self, name: &str) -> io::Result<Self::File>;
}

/// What a writer asks of a mount besides.
pub trait WriteMedium: Medium<File: WriteFile> {
    /// Opens an existing file for writing at its end, and for cutting it off, following no link.
    fn open_to_append(&self, name: &str) -> io::Result<Self::File>;

    /// Creates a file (mode 0640) for appending; fails if the name exists.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renames and removals durable.
    fn sync(&self) -> io::Result<()>;

    /// Fails if no file can be created here; leaves nothing behind.
    fn prove_writable(&self) -> io::Result<()>;
}

/// Bytes that can be read.
pub trait ReadAt {
    /// Reads at `offset`; 0 bytes only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// An open file, as readers know it.
pub trait File: ReadAt {
    /// What the file is now.
    fn stat(&self) -> io::Result<Stat>;
}

/// What a writer asks of an open file besides.
pub trait WriteFile: File {
    /// Appends some of `bytes`, in one call to the system; returns how many.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written, and the size, durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file off at `size`.
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Takes the file's exclusive lock (`flock`) for as long as the file is open; false if another has it.
    fn try_lock(&self) -> io::Result<bool>;

    /// Drops what is cached from `offset` on, so that the next read asks the medium.
    fn evict(&self, offset: u64) -> io::Result<()>;
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its kind.
    pub kind: FileKind,
    /// Device and inode: the file's identity.
    pub identity: (u64, u64),
    /// How many names it has.
    pub links: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// When it was last changed in any way, by the system's word: seconds and nanoseconds. To tell a file that
    /// was changed from one that was not, and for nothing else.
    pub change_time: (i64, i64),
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The only kind that a store may be.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A pipe, socket or device.
    Special,
}

impl FileKind {
    /// What a person calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regular => "a regular file",
            Self::Directory => "a directory",
            Self::SymbolicLink => "a symbolic link",
            Self::Special => "a pipe, socket or device",
        }
    }
}
