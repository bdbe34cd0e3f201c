//! The directory of all files that the benchmarks make.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Root of the checkout that this crate is part of.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The directory of all files of the benchmarks.
pub(crate) struct Work {
    root: PathBuf,
}

impl Work {
    /// Creates the directory where it is missing.
    pub(crate) fn open(root: Option<PathBuf>) -> Result<Self> {
        let root = root.unwrap_or_else(|| checkout().join("target/bench"));
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        let root = fs::canonicalize(&root)?;
        Ok(Self { root })
    }

    /// Path of `name` in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Removes the directory `name`, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    /// An empty directory `name`. The removal of its former content is synced, so that no later program's syncs
    /// pay for it.
    pub(crate) fn empty(&self, name: &str) -> Result<PathBuf> {
        self.remove(name)?;
        let path = self.path(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        File::open(&path)?.sync_all()?;
        File::open(&self.root)?.sync_all()?;
        Ok(path)
    }
}
