//! The place of a published tree: a directory, or a URL.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::http::{Patience, Web};

/// Reads the files of a published tree.
pub trait Source {
    /// Reads a file of at most `bytes_max` bytes; none if there is no such file. The path is relative to the tree.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is longer.
    fn get(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, SourceError>;
}

/// Why there is no file of a published tree.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("{place}: {problem}\nnext: check that the place is right and can be reached, then try again")]
    Unreached {
        /// The file's path or URL.
        place: String,
        /// What happened.
        problem: String,
    },
    /// It is longer than such a file can be.
    #[error(
        "{place}: it is longer than {bytes_max} bytes, as no such file is\nnext: ask the operator; what is there is not what was published"
    )]
    TooLong {
        /// The file's path or URL.
        place: String,
        /// The most bytes that it may have.
        bytes_max: u64,
    },
}

impl SourceError {
    /// Creates the error of a place that cannot be read.
    pub fn unreached(place: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self::Unreached { place: place.to_string(), problem: problem.to_string() }
    }

    pub(crate) fn too_long(place: impl fmt::Display, bytes_max: u64) -> Self {
        Self::TooLong { place: place.to_string(), bytes_max }
    }
}

/// A place that a user names.
#[derive(Debug)]
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// An http or https URL.
    Web(Web),
}

impl Place {
    /// The place: a URL if it begins with `http://` or `https://`, else a directory.
    pub fn of(name: &Path) -> Self {
        match name.to_str().filter(|name| name.starts_with("http://") || name.starts_with("https://")) {
            Some(url) => Self::Web(Web::new(url, Patience::default())),
            None => Self::Directory(name.to_owned()),
        }
    }
}

impl Source for Place {
    fn get(&self, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, SourceError> {
        match self {
            Self::Directory(directory) if !directory.is_dir() => {
                Err(SourceError::unreached(directory.display(), "there is no such directory"))
            }
            Self::Directory(directory) => read_file(&directory.join(path), bytes_max),
            Self::Web(web) => web.get(path, bytes_max),
        }
    }
}

fn read_file(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, SourceError> {
    let cannot =
        |error: io::Error| SourceError::unreached(path.display(), format!("it cannot be read: {error}"));
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    read_to(file, bytes_max)
        .map_err(cannot)?
        .map(Some)
        .ok_or_else(|| SourceError::too_long(path.display(), bytes_max))
}

/// Reads all of `from`; none if that is more than `bytes_max`.
pub(crate) fn read_to(from: impl Read, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= bytes_max))
}
