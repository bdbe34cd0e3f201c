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

    /// The same flags as a shell takes them, each after a space; empty for the defaults.
    pub fn shell_flags(&self) -> String {
        let shown = |(flag, path): (&str, &Path)| [" ", flag, " ", &quoted(path)].concat();
        self.flags().into_iter().map(shown).collect()
    }

    /// A data directory near these that has both directories: their parent's parent, or a child of it.
    fn near(&self) -> Option<PathBuf> {
        let data_dir = self.audit_events.parent()?;
        let has_both = |dir: &PathBuf| dir.join(AUDIT_EVENTS).is_dir() && dir.join(SNAPSHOTS).is_dir();
        let children = std::fs::read_dir(data_dir).into_iter().flatten().take(NEAR_MAX);
        let mut children: Vec<PathBuf> =
            children.flatten().map(|entry| entry.path()).filter(has_both).collect();
        children.sort();
        data_dir.parent().map(Path::to_owned).filter(has_both).or_else(|| children.into_iter().next())
    }

    /// The next step if one of the directories is missing.
    pub(crate) fn advice_for_missing(&self) -> String {
        let near = self.near().map_or_else(String::new, |near| {
            format!("; there are stores at `dreichor{}`", Self::within(near).shell_flags())
        });
        let is_default = *self == Self::default();
        let flags = if is_default { " --data-dir DIR".to_owned() } else { self.shell_flags() };
        format!(
            "check that the volume is mounted and that the path is right{near}; for new stores: `dreichor{flags} init`"
        )
    }
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    // A path has no NUL, which alone cannot be quoted.
    let quoted = shlex::try_quote(&path).unwrap_or_else(|_| path.as_ref().into());
    quoted.into_owned()
}

/// The number of entries that are searched for stores near a missing directory.
const NEAR_MAX: usize = 200;
