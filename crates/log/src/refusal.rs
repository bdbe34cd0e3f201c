//! Files that are refused before anything of them is read.

use crate::medium::{FileKind, Stat};

/// Why a file is not taken for a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only a regular file can hold a store, and no link may lead elsewhere.
    #[error("it is {}, not a regular file", .0.name())]
    Kind(FileKind),
    /// Who has another name for the file can change it behind our back.
    #[error("it has {0} names (hard links); a store has one")]
    Links(u64),
    /// Whoever is in the group, or anyone, could write to it.
    #[error("it is writable by group or others (mode {0:04o})")]
    Writable(u32),
}

/// Refuses what can be no store, for anyone.
pub fn check_kind(stat: &Stat) -> Result<(), Refusal> {
    if stat.kind != FileKind::Regular {
        return Err(Refusal::Kind(stat.kind));
    }
    if stat.links != 1 {
        return Err(Refusal::Links(stat.links));
    }
    Ok(())
}

/// Refuses what another could write to.
pub fn check_mode(stat: &Stat) -> Result<(), Refusal> {
    if stat.mode & 0o022 == 0 { Ok(()) } else { Err(Refusal::Writable(stat.mode)) }
}
