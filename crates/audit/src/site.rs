//! The directory of a published tree, and its operations as a trait, so that a simulated one can replace it and fail at
//! each of them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use dreichor_log::directory;

/// The directory, below the published one, of the lock and of the file that has no name yet.
const PRIVATE: &str = ".publish";
const LOCK: &str = ".publish/lock";
const NEW: &str = ".publish/new";

/// A directory that a web server can serve. Paths are relative to it.
///
/// A file is written without a name that readers know, durably, and then gets its name in one step.
///
/// # Errors
///
/// Each method returns the system's error.
pub trait Site {
    /// Reads a file; none if there is no such file.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// Creates a directory, unless it exists.
    fn create_directory(&self, path: &str) -> io::Result<()>;

    /// Writes these bytes to the new file, which has no name yet, and syncs it.
    fn write_new(&self, bytes: &[u8]) -> io::Result<()>;

    /// Names the new file, unless a file has this name; false if one has.
    fn link_new(&self, path: &str) -> io::Result<bool>;

    /// Names the new file, in the place of the file that has this name.
    fn replace_by_new(&self, path: &str) -> io::Result<()>;

    /// Removes a directory with the files in it, if it exists.
    fn remove_directory(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a directory durable; "" is the directory of the tree.
    fn sync(&self, directory: &str) -> io::Result<()>;
}

/// A directory of the file system, locked for one publisher.
#[derive(Debug)]
pub struct PublicDirectory {
    root: PathBuf,
    /// Locked for as long as it is open.
    _lock: fs::File,
}

impl PublicDirectory {
    /// Creates the directory and its ancestors, unless they exist, and locks it; none if another process holds the lock.
    ///
    /// # Errors
    ///
    /// It cannot be created or locked.
    pub fn lock(root: &Path) -> io::Result<Option<Self>> {
        let absolute = std::path::absolute(root)?;
        if let Some(parent) = absolute.parent() {
            directory::create(parent)?;
        }
        create_public(&absolute)?;
        // This makes the names above it durable, too.
        directory::create(&absolute.join(PRIVATE))?;
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o640)
            .open(root.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { root: root.to_owned(), _lock: lock })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Site for PublicDirectory {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        none_if_missing(fs::read(self.root.join(path)))
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        create_public(&self.root.join(path))
    }

    fn write_new(&self, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(NEW);
        // A killed publisher may have left it as a second name of a published file, so it is never written to.
        none_if_missing(fs::remove_file(&path))?;
        let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o644).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn link_new(&self, path: &str) -> io::Result<bool> {
        match fs::hard_link(self.root.join(NEW), self.root.join(path)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        fs::remove_file(self.root.join(NEW))?;
        Ok(true)
    }

    fn replace_by_new(&self, path: &str) -> io::Result<()> {
        fs::rename(self.root.join(NEW), self.root.join(path))
    }

    fn remove_directory(&self, path: &str) -> io::Result<()> {
        let path = self.root.join(path);
        let Some(entries) = none_if_missing(fs::read_dir(&path))? else { return Ok(()) };
        for entry in entries {
            fs::remove_file(entry?.path())?;
        }
        fs::remove_dir(path)
    }

    fn sync(&self, directory: &str) -> io::Result<()> {
        fs::File::open(self.root.join(directory))?.sync_all()
    }
}

/// Creates a directory that a web server can read as another user, unless it exists.
fn create_public(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

fn none_if_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
