//! Clone: the log back from a published tree, byte for byte, with every tile and entry checked.
//!
//! The copy only grows, and its checkpoint is written last. So a clone that is killed anywhere leaves a prefix of the
//! published log; the next one cuts off an unfinished line, and goes on from there.

use std::fs;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use dreichor_core::{Event, Fault, Hash, History};
use dreichor_log::{
    Appender, Directory, File as _, Lock, Medium as _, SyncFile as _, WriteMedium, directory, last,
    uninterrupted,
};
use dreichor_proof::tile::CHECKPOINT;
use dreichor_proof::{Checkpoint, CheckpointError, TEXT_BYTES_MAX, Trust, read_checkpoint};
use dreichor_replay::directories::Directories;
use dreichor_replay::{Error, Fold, Progress, Store, Stores};

use crate::source::{Source, SourceError};
use crate::tree::{PublishedTree, TreeError};

/// What makes a directory a clone's own; locked while a clone writes to it.
const MARK: &str = ".clone";

/// How much is written at once, in bytes, or more by one bundle.
const BLOCK_BYTES: usize = 8 << 20;

/// What a clone holds, or what was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloned {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The number of events before.
    pub size_before: u64,
    /// The size of the log, in bytes.
    pub bytes: u64,
}

/// Why nothing, or not all, was cloned.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The published tree is not accepted.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An event of the published log breaks the contract.
    #[error(
        "line {line} of the published log breaks the contract: {fault}\nnothing from this line on was written; next: ask the operator, whose `dreichor verify` says the same"
    )]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
    /// The published checkpoint is older than the kept one.
    #[error(
        "the published checkpoint is of {published} events, and the kept one of {kept}: it is older\nnothing was written; next: ask the operator why the published log was set back; the copy here has the longer history"
    )]
    Older {
        /// The size of the published tree.
        published: u64,
        /// The size of the tree of the kept checkpoint, or of the copy.
        kept: u64,
    },
    /// The published log does not extend the copy.
    #[error(
        "history diverged: the first {size} events here have the root {kept}, and the published ones {published}\nnothing was written; next: keep both, and ask the operator which is the history"
    )]
    Diverged {
        /// The number of events.
        size: u64,
        /// Their root here.
        kept: Hash,
        /// Their published root.
        published: Hash,
    },
    /// The kept checkpoint is not accepted.
    #[error("{}: the kept checkpoint is not accepted: {error}\nnothing was written; next: check the key or policy", .path.display())]
    Kept {
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        error: CheckpointError,
    },
    /// Another process writes to the directory.
    #[error("{}: another process writes to it\nnothing was written; next: wait for it, or end it", .0.display())]
    Locked(PathBuf),
    /// The directory is not new, not empty, and no clone.
    #[error("{}: it is neither empty nor a clone\nnothing was written; next: name a new directory", .0.display())]
    NotAClone(PathBuf),
    /// The copy's log is malformed or cannot be read.
    #[error(transparent)]
    Stores(#[from] Error),
    /// The copy could not be written.
    #[error("{}: {problem}\nwhat is there is a prefix of the published log; next: check the disk, then clone again", .path.display())]
    Copy {
        /// The file or directory.
        path: PathBuf,
        /// The operation that failed.
        problem: String,
    },
}

impl From<SourceError> for CloneError {
    fn from(error: SourceError) -> Self {
        Self::Tree(error.into())
    }
}

/// Checks a published tree: every tile, every entry, and the contract of every event.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn verify_published(
    source: &impl Source,
    trust: &Trust,
    progress: &mut impl Progress,
) -> Result<Cloned, CloneError> {
    let mut tree = PublishedTree::open(source, trust)?;
    let mut bytes = 0;
    each_block(&mut tree, &mut History::new(), progress, |block| {
        bytes += block.len() as u64;
        Ok(())
    })?;
    Ok(Cloned { checkpoint: tree.checkpoint().clone(), size_before: 0, bytes })
}

/// Clones a published log to `out`, or adds to an earlier clone what was published since.
///
/// # Errors
///
/// The tree is not accepted, does not extend what is there, or cannot be copied.
pub fn clone_to(
    source: &impl Source,
    trust: &Trust,
    out: &Path,
    progress: &mut impl Progress,
) -> Result<Cloned, CloneError> {
    let mut tree = PublishedTree::open(source, trust)?;
    let _mark = mark(out)?;
    let kept = out.join(CHECKPOINT);
    if let Some(before) = kept_checkpoint(&kept, trust)? {
        check_extends(&mut tree, before.size(), before.root())?;
    }
    let directories = Directories::within(out);
    for directory in [&directories.audit_events, &directories.snapshots] {
        directory::create(directory).map_err(|error| cannot_write(directory, error))?;
    }
    let stores = Stores::open(&directories)?;
    let mut copy = Copy::open(&stores.events)?;
    let size_before = copy.history.size();
    check_extends(&mut tree, size_before, copy.history.tree().root())?;
    let (history, appender) = (&mut copy.history, &mut copy.appender);
    each_block(&mut tree, history, progress, |block| {
        appender.append(block).map_err(|error| cannot_write(stores.events.path(), error))
    })?;
    keep(&kept, tree.note()).map_err(|error| cannot_write(&kept, error))?;
    Ok(Cloned { checkpoint: tree.checkpoint().clone(), size_before, bytes: copy.appender.size() })
}

/// Calls `use_block` with the lines that follow `history`, all checked and applied, block by block.
fn each_block(
    tree: &mut PublishedTree<'_, impl Source>,
    history: &mut History,
    progress: &mut impl Progress,
    mut use_block: impl FnMut(&[u8]) -> Result<(), CloneError>,
) -> Result<(), CloneError> {
    let mut block = Vec::new();
    while history.size() < tree.size() {
        for (line, leaf) in tree.lines(history.size())? {
            let number = history.size() + 1;
            let malformed = |fault| CloneError::Malformed { line: number, fault };
            let event = Event::read_hashed(&line, leaf).map_err(malformed)?;
            history.push(&event, leaf).map_err(malformed)?;
            block.extend_from_slice(&line);
            block.push(b'\n');
        }
        progress.advance(history.size(), tree.size());
        if block.len() >= BLOCK_BYTES || history.size() == tree.size() {
            use_block(&block)?;
            block.clear();
        }
    }
    Ok(())
}

/// Checks that the published log begins with `size` events that have this root.
fn check_extends(tree: &mut PublishedTree<'_, impl Source>, size: u64, kept: Hash) -> Result<(), CloneError> {
    match tree.root_of(size)? {
        None => Err(CloneError::Older { published: tree.size(), kept: size }),
        Some(published) if published != kept => Err(CloneError::Diverged { size, kept, published }),
        Some(_) => Ok(()),
    }
}

/// Creates the directory of a new clone, or accepts that of an earlier one; locks it.
fn mark(out: &Path) -> Result<fs::File, CloneError> {
    let failed = |error| cannot_write(out, error);
    directory::create(out).map_err(failed)?;
    let mark = out.join(MARK);
    let is_clone = mark.try_exists().map_err(failed)?;
    if !is_clone && fs::read_dir(out).map_err(failed)?.next().is_some() {
        return Err(CloneError::NotAClone(out.to_owned()));
    }
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o640).open(&mark);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(CloneError::Locked(out.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn kept_checkpoint(path: &Path, trust: &Trust) -> Result<Option<Checkpoint>, CloneError> {
    let mut bytes = Vec::new();
    // One byte more than a checkpoint may have: a longer file is refused as too long.
    let read =
        fs::File::open(path).and_then(|file| file.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let unread = Error::unavailable(path, "it cannot be read", "check its permissions and its disk");
            return Err(unread.because(error).into());
        }
    }
    let checkpoint = read_checkpoint(&bytes, Some(trust));
    checkpoint.map(Some).map_err(|error| CloneError::Kept { path: path.to_owned(), error })
}

/// Writes the checkpoint in the place of the kept one, durably.
fn keep(path: &Path, note: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(note)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::File::open(directory)?.sync_all()
}

/// The copied log, folded and locked as by a writer.
struct Copy<'s> {
    history: History,
    appender: Appender<'s, Directory>,
    _lock: Lock<fs::File>,
}

impl<'s> Copy<'s> {
    /// Opens the log, creates it if it is missing, and cuts off what a killed clone has left of a line.
    fn open(store: &'s Store<Directory>) -> Result<Self, CloneError> {
        let medium = store.medium();
        let path = store.path();
        let failed = |error| cannot_write(&path, error);
        if store.stat()?.is_none() {
            let file = medium.create(store.file()).map_err(failed)?;
            uninterrupted(|| file.sync()).map_err(failed)?;
            uninterrupted(|| medium.sync()).map_err(failed)?;
        }
        let lock = Lock::take(medium, store.file()).map_err(failed)?;
        let lock = lock.ok_or_else(|| CloneError::Locked(path.clone()))?;
        let file = medium.open(store.file()).map_err(failed)?;
        let size = file.stat().map_err(failed)?.size;
        let end = last::find_end(&file, size).map_err(|error| store.unreadable(error, 0))?;
        if let Some(tail) = end.tail {
            let cut = tail.cut(medium, store.file(), lock.identity());
            cut.map_err(|error| cannot_write(&path, error))?;
        }
        let mut fold = Fold::new(store, Some(file), end.tail.map_or(size, |tail| tail.offset));
        while fold.next()?.is_some() {}
        let bytes = fold.offset();
        let appender = Appender::open(medium, store.file(), lock.identity(), bytes);
        let appender = appender.map_err(|error| cannot_write(&path, error))?;
        Ok(Self { history: fold.into_history(), appender, _lock: lock })
    }
}

fn cannot_write(path: impl AsRef<Path>, error: impl std::fmt::Display) -> CloneError {
    CloneError::Copy { path: path.as_ref().to_owned(), problem: error.to_string() }
}
