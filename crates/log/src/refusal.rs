//! Checks of a file that are made before anything of it is read.

use crate::medium::{FileKind, Stat};

/// Why a file cannot be a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file is not a regular file.
    #[error("it is {}, not a regular file", .0.name())]
    Kind(FileKind),
    /// The file has several names: another process can change it under a name that is not checked.
    #[error("it has {0} names (hard links); a store has one")]
    Links(u64),
    /// Group or others may write to the file.
    #[error("it is writable by group or others (mode {0:04o})")]
    Writable(u32),
    /// Everyone may create, rename and remove files in the directory.
    #[error("everyone may write to this directory (mode {0:04o})")]
    OpenDirectory(u32),
}

/// Checks kind and number of links.
///
/// # Errors
///
/// The file cannot be a store, neither for a reader nor for a writer.
pub fn check_kind(stat: &Stat) -> Result<(), Refusal> {
    if stat.kind != FileKind::Regular {
        return Err(Refusal::Kind(stat.kind));
    }
    if stat.links != 1 {
        return Err(Refusal::Links(stat.links));
    }
    Ok(())
}

/// Checks the permission bits.
///
/// # Errors
///
/// Group or others may write to the file.
pub fn check_mode(stat: &Stat) -> Result<(), Refusal> {
    if stat.mode & 0o022 == 0 { Ok(()) } else { Err(Refusal::Writable(stat.mode)) }
}

/// Checks the permission bits of a store's directory. Its group may write to it, and everyone if the sticky bit keeps
/// them from renaming and removing the files of others.
///
/// # Errors
///
/// Everyone may replace the files in it.
pub fn check_directory_mode(mode: u32) -> Result<(), Refusal> {
    if mode & 0o1002 == 0o0002 { Err(Refusal::OpenDirectory(mode)) } else { Ok(()) }
}
