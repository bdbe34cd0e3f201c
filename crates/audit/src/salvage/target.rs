//! The new directory: whole, or plainly not a result.
//!
//! Both mounts are made under `incomplete`, and get their names only when all of the copy is durable and
//! proved. Stopped before that, DIR has no mounts, and every command refuses it. Stopped between the two
//! renames, one mount is missing, and every command refuses it too; the log comes first, since a log without
//! snapshots is a sound history and snapshots without a log are none.

use std::io;
use std::path::{Path, PathBuf};

use dreichor_log::{Directory, WriteMedium, directory, uninterrupted};
use dreichor_replay::{Error, Progress, Stores};

use super::{Report, SalvageError, salvage};

/// The directory of a copy that is not complete. An interrupted salvage leaves it.
pub const INCOMPLETE: &str = "incomplete";

const MOUNTS: [&str; 2] = ["audit-events", "snapshots"];

/// Salvages `from` into the mounts `audit-events` and `snapshots` of `out`, which must be new or empty.
///
/// # Errors
///
/// Those of [`salvage`], and [`Error::Unavailable`] for an unsuitable `out`. After an error, `out` has no
/// directories that a command would take for a result.
pub fn salvage_to(
    from: &Stores<Directory>,
    out: &Path,
    progress: &mut impl Progress,
) -> Result<Report, SalvageError> {
    // Everything that can be refused is refused before the first change.
    from.events.stat()?;
    from.snapshots.stat()?;
    check_apart(from, out)?;
    let created = directory::create(out).map_err(|error| unusable(out, creation_problem(&error)))?;
    if !created && out.read_dir().map_err(|error| unusable(out, error.to_string()))?.next().is_some() {
        return Err(
            unusable(out, "it is not empty, and salvage writes only to a new or empty directory").into()
        );
    }
    let incomplete = out.join(INCOMPLETE);
    let open = |name: &str| {
        let mount = incomplete.join(name);
        directory::create(&mount).map_err(|error| copy_failed(&mount, error))?;
        Directory::open(&mount).map_err(|error| copy_failed(&mount, error))
    };
    // The process that creates this directory is the only one that writes to DIR.
    if !directory::create(&incomplete).map_err(|error| copy_failed(&incomplete, error))? {
        return Err(unusable(out, "another salvage writes to it").into());
    }
    let to = Stores::new(open(MOUNTS[0])?, open(MOUNTS[1])?);
    let report = salvage(from, &to, progress)?;
    put_in_place(out).map_err(|error| copy_failed(&incomplete, error))?;
    Ok(report)
}

/// Gives both mounts their names, the log's first, and makes that durable.
fn put_in_place(out: &Path) -> io::Result<()> {
    let directory = Directory::open(out).map_err(io::Error::other)?;
    for mount in MOUNTS {
        directory.rename(&format!("{INCOMPLETE}/{mount}"), mount)?;
        uninterrupted(|| directory.sync())?;
    }
    std::fs::remove_dir(out.join(INCOMPLETE))?;
    uninterrupted(|| directory.sync())
}

/// Refuses a place within the original mounts: not even a name is to be added there.
fn check_apart(from: &Stores<Directory>, out: &Path) -> Result<(), Error> {
    let place = resolve(out).map_err(|error| unusable(out, creation_problem(&error)))?;
    for mount in [from.events.medium(), from.snapshots.medium()] {
        let mount = mount.directory();
        let resolved = mount.canonicalize().map_err(|error| unusable(mount, error.to_string()))?;
        if place.starts_with(&resolved) {
            let problem = format!(
                "it is within the directory {} of the originals, which must not change",
                mount.display()
            );
            return Err(unusable(out, problem));
        }
    }
    Ok(())
}

/// The absolute path of `out`, which may be missing; the directory above it must exist.
fn resolve(out: &Path) -> io::Result<PathBuf> {
    match (out.canonicalize(), out.parent(), out.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            Ok(parent.canonicalize()?.join(name))
        }
        (resolved, ..) => resolved,
    }
}

fn creation_problem(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        return "the directory above it is missing".into();
    }
    if matches!(kind, io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) {
        return "it is not a directory".into();
    }
    format!("it cannot be created: {error}")
}

fn unusable(path: &Path, problem: impl Into<String>) -> Error {
    let next = "nothing was written; name a new directory by --out (a directory that an interrupted salvage left can be removed)";
    Error::unavailable(path, problem.into(), next)
}

fn copy_failed(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> SalvageError {
    let problem = error.to_string();
    SalvageError::Copy { path: path.to_owned(), problem, source: Some(Box::new(error)) }
}
