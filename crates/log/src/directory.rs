//! The real medium: a directory of the file system.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::medium::{File, FileKind, Medium, ReadAt, Stat, SyncFile, WriteFile, WriteMedium};

/// A directory that is held open.
///
/// Names are resolved by the directory's path each time, so a directory that is replaced under a writer is noticed like
/// a file that is replaced.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    handle: OwnedFd,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing exists at the path.
    #[error("there is no such directory")]
    Missing,
    /// The path leads to something else.
    #[error("it is not a directory")]
    NotADirectory,
    /// The system's error.
    #[error("it cannot be opened: {0}")]
    Refused(io::Error),
}

impl Directory {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    ///
    /// The path is missing, is not a directory, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty())) {
            Ok(handle) => Ok(Self { path: path.to_owned(), handle }),
            Err(Errno::NOENT) => Err(OpenError::Missing),
            Err(Errno::NOTDIR) => Err(OpenError::NotADirectory),
            Err(error) => Err(OpenError::Refused(error.into())),
        }
    }

    /// The directory's path.
    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// The permission bits of the directory that was opened.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn mode(&self) -> io::Result<u32> {
        Ok(stat_of(rustix::fs::fstat(&self.handle)?).mode)
    }

    /// How many bytes a user without privileges can still write to the file system; none: it does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::fstatvfs(&self.handle).ok()?;
        stat.f_bavail.checked_mul(stat.f_frsize)
    }

    fn open_for(&self, name: &str, access: OFlags) -> io::Result<fs::File> {
        // NONBLOCK: opening a pipe under the file's name must not block; it has no effect on a regular file.
        let flags = access | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        Ok(retry_on_intr(|| rustix::fs::open(self.path(name), flags, Mode::empty()))?.into())
    }
}

/// The descriptor of the directory that was opened, even if another one has its path now.
impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// The operations of a file system that create directories, so that a simulated one can replace the real one.
///
/// # Errors
///
/// Each method returns the system's error.
pub trait Tree {
    /// True if there is a directory at `path`.
    fn is_directory(&self, path: &Path) -> bool;

    /// Creates the directory at `path` (mode 0750) in a directory that exists.
    fn create(&self, path: &Path) -> io::Result<()>;

    /// Makes the entries of the directory at `path` durable.
    fn sync(&self, path: &Path) -> io::Result<()>;
}

/// The file system of this process.
struct FileSystem;

impl Tree for FileSystem {
    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o750).create(path)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }
}

/// Creates the directory at `path` (mode 0750) and its missing ancestors, durably; returns false if it exists already.
///
/// # Errors
///
/// A directory could not be created or synced.
pub fn create(path: &Path) -> io::Result<bool> {
    create_in(&FileSystem, &std::path::absolute(path)?)
}

/// Does the same in any file system, for an absolute path.
///
/// Goes from the root down. An existing directory is synced, since a killed `init` may have created it or its entry for
/// the next one. A new directory and its parent are synced before the next one is created.
///
/// # Errors
///
/// A directory could not be created, or one that may hold a new entry could not be synced.
pub fn create_in(tree: &impl Tree, path: &Path) -> io::Result<bool> {
    let mut is_new = false;
    for directory in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
        is_new = !tree.is_directory(directory);
        if is_new {
            tree.create(directory)?;
        }
        match tree.sync(directory) {
            Err(error) if !is_new && directory != path && has_nothing_of_ours(&error) => {}
            synced => synced?,
        }
        if is_new && let Some(parent) = directory.parent() {
            tree.sync(parent)?;
        }
    }
    Ok(is_new)
}

/// True if a directory that cannot be synced for this reason has no entry that this user created: the user may not open
/// it, or its file system is read-only (some of these cannot sync a directory at all).
fn has_nothing_of_ours(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::InvalidInput
    )
}

#[expect(clippy::expect_used, reason = "the system keeps these ranges (POSIX, sys/stat.h)")]
fn stat_of(stat: rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::Regular,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::SymbolicLink,
        FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => FileKind::Special,
    };
    #[allow(clippy::useless_conversion, reason = "the widths of these fields differ between systems")]
    Stat {
        kind,
        identity: (stat.st_dev.into(), stat.st_ino.into()),
        links: stat.st_nlink.into(),
        size: u64::try_from(stat.st_size).expect("a size is not negative"),
        mode: stat.st_mode & 0o7777,
        change_time: (
            stat.st_ctime.into(),
            i64::try_from(stat.st_ctime_nsec).expect("nanoseconds are below a second"),
        ),
    }
}

impl Medium for Directory {
    type File = fs::File;

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(CWD, self.path(name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat_of(stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        self.open_for(name, OFlags::RDONLY)
    }
}

impl WriteMedium for Directory {
    fn open_to_append(&self, name: &str) -> io::Result<fs::File> {
        self.open_for(name, OFlags::WRONLY | OFlags::APPEND)
    }

    fn create(&self, name: &str) -> io::Result<fs::File> {
        let flags = OFlags::CLOEXEC
            | OFlags::NOFOLLOW
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::WRONLY
            | OFlags::APPEND;
        Ok(retry_on_intr(|| rustix::fs::open(self.path(name), flags, Mode::from(0o640)))?.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.path(from), self.path(to));
        match retry_on_intr(|| rustix::fs::renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE)) {
            // Not every file system can refuse to replace. The lock excludes other writers, and the caller has
            // checked that the name is free.
            Err(Errno::INVAL | Errno::NOSYS) => Ok(retry_on_intr(|| rustix::fs::rename(&from, &to))?),
            result => Ok(result?),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::unlink(self.path(name)))?)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::fsync(&self.handle))?)
    }

    fn prove_writable(&self) -> io::Result<()> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match retry_on_intr(|| rustix::fs::open(&self.path, flags, Mode::from(0o600))) {
            Ok(_) => Ok(()),
            // Not every file system has unnamed files: without them, `accessat` must do.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
                Ok(rustix::fs::accessat(CWD, &self.path, access, AtFlags::EACCESS)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl ReadAt for fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(self, &mut *buffer, offset))?)
    }
}

impl File for fs::File {
    fn stat(&self) -> io::Result<Stat> {
        Ok(stat_of(rustix::fs::fstat(self)?))
    }
}

impl SyncFile for fs::File {
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(self)?)
    }

    fn evict(&self, offset: u64) -> io::Result<()> {
        match rustix::fs::fadvise(self, offset, None, Advice::DontNeed) {
            // A file system without a page cache has nothing to drop.
            Err(Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
            result => Ok(result?),
        }
    }
}

impl WriteFile for fs::File {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self, bytes)?)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::ftruncate(self, size))?)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match fs::File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}
