//! The two directories of the stores, as configured.

use std::path::{Path, PathBuf};

/// The default data directory.
pub const DATA_DIR: &str = "/var/lib/dreichor";
/// The name of the audit-events directory in a data directory.
pub const AUDIT_EVENTS: &str = "audit-events";
/// The name of the snapshots directory in a data directory.
pub const SNAPSHOTS: &str = "snapshots";

/// The two directories of the stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// The audit-events directory.
    pub audit_events: PathBuf,
    /// The snapshots directory.
    pub snapshots: PathBuf,
}

impl Default for Directories {
    fn default() -> Self {
        Self::within(DATA_DIR)
    }
}

impl Directories {
    /// The two directories in a data directory.
    pub fn within(data_dir: impl AsRef<Path>) -> Self {
        let data_dir = data_dir.as_ref();
        Self { audit_events: data_dir.join(AUDIT_EVENTS), snapshots: data_dir.join(SNAPSHOTS) }
    }

    /// The flags that name both directories to another command; none if they are the defaults.
    pub fn flags(&self) -> Vec<(&'static str, &Path)> {
        let (events, snapshots) = (&*self.audit_events, &*self.snapshots);
        let is_shared = |dir: &&Path| events == dir.join(AUDIT_EVENTS) && snapshots == dir.join(SNAPSHOTS);
        match events.parent().filter(is_shared) {
            Some(dir) if dir == Path::new(DATA_DIR) => Vec::new(),
            Some(dir) if dir == Path::new("") => vec![("--data-dir", Path::new("."))],
            Some(dir) => vec![("--data-dir", dir)],
            None => vec![("--audit-events-dir", events), ("--snapshots-dir", snapshots)],
        }
    }
}
