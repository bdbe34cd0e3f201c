//! Publish: the log as a C2SP tlog-tiles tree, in a directory that any web server can serve.
//!
//! 1. The head is that of the whole, durable log.
//! 2. The log must extend the checkpoint that the directory has.
//! 3. The tiles and bundles that are missing are written. Existing ones must have the same bytes.
//! 4. The witnesses of the policy cosign the new checkpoint.
//! 5. The checkpoint is replaced last, so that what it covers is there at every moment.
//!
//! Invariant: all state is in the directory. A publisher that is killed anywhere and started again goes on.

use std::collections::BTreeSet;
use std::io;

use dreichor_core::{Event, Hash};
use dreichor_log::Medium;
use dreichor_proof::tile::{self, CHECKPOINT, File, Kind, Name, Tiles};
use dreichor_proof::{
    Checkpoint, CheckpointError, SignedCheckpoint, SignerKey, Trust, TrustError, consistency, read_checkpoint,
};
use dreichor_replay::{Durable, Error, Fold, Progress, Stores};

use crate::site::Site;
use crate::witness::{self, Post, Refused};

/// What a round published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// The size of the tree that was published before.
    pub size_before: u64,
    /// The number of files that were written.
    pub files_written: u64,
    /// The witnesses that did not cosign, although the quorum is met without them.
    pub refused: Vec<Refused>,
}

/// Why a round failed. The published checkpoint is the one that was there before, but for `Unfinished`.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The log cannot be read, or breaks the contract.
    #[error(transparent)]
    Stores(#[from] Error),
    /// The directory cannot be read or written to.
    #[error(
        "{path} in the published directory cannot be {act}: {error}\nthe published checkpoint is as it was; next: check the directory's permissions and its disk, then publish again"
    )]
    Site {
        /// The path below the directory.
        path: String,
        /// What was tried.
        act: &'static str,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The checkpoint could not be replaced, or not durably, or what is no longer needed could not be removed.
    #[error(
        "{path} in the published directory cannot be {act}: {error}\nthe published checkpoint may be the new one or the one before, and what it covers is there; next: check the directory's permissions and its disk, then publish again"
    )]
    Unfinished {
        /// The path below the directory.
        path: String,
        /// What was tried.
        act: &'static str,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// A published file is another one than the log's.
    #[error(
        "{path} in the published directory is not that of this log\nnothing that is published was changed; next: find out what wrote it; if it was corrupted, remove it, and publish again"
    )]
    OtherBytes {
        /// The path below the directory.
        path: String,
    },
    /// The published checkpoint is not one of this key.
    #[error(
        "the published checkpoint is not accepted: {0}\nnothing was written; next: check that this is the directory of this log, and the key its own"
    )]
    Checkpoint(#[from] CheckpointError),
    /// The log does not extend the published one.
    #[error(
        "history diverged: the log does not extend the published checkpoint\n  published: {published_size} events, root {published_root}\n  the log:   {log_size} events, root {log_root} at the same size or at its end\n  first entry that differs: line {line}\nnothing was written. Was the log restored from an older copy, edited, or replaced? Keep both, and compare them from this line on; `dreichor clone` restores the published history"
    )]
    Diverged {
        /// The size of the published tree.
        published_size: u64,
        /// Its root.
        published_root: Hash,
        /// The size of the log's tree.
        log_size: u64,
        /// The root of the log's tree at the published size, or at its end if it is shorter.
        log_root: Hash,
        /// The line of the first entry that differs, from 1.
        line: u64,
    },
    /// Too few witnesses cosigned.
    #[error("{problem}{}\nthe published checkpoint is as it was; next: publish again when the witnesses can be reached", listed(.refused))]
    Quorum {
        /// The demand that is not met.
        problem: TrustError,
        /// The witnesses that did not cosign.
        refused: Vec<Refused>,
    },
}

fn listed(refused: &[Refused]) -> String {
    let lines: Vec<String> = refused.iter().map(|refused| format!("\n  {refused}")).collect();
    lines.concat()
}

/// Publishes the log up to `durable`, signed by `key`.
///
/// # Errors
///
/// Nothing of what is published was changed, but for [`PublishError::Unfinished`]; files that no checkpoint covers may have
/// been added.
pub fn publish<M: Medium>(
    stores: &Stores<M>,
    durable: &Durable<'_, M>,
    target: &impl Site,
    key: &SignerKey,
    policy: Option<&Trust>,
    post: &impl Post,
    progress: &mut impl Progress,
) -> Result<Published, PublishError> {
    let (size, root) = (durable.size(), durable.whole_root()?);
    let checkpoint = Checkpoint::new(key.verifier().name().as_str(), size, root).sign(key);
    let before = published(target, key)?;
    if let Some(before) = &before {
        check_extends(stores, durable, root, target, before)?;
    }
    let files_written = write_files(stores, durable, target, progress)?;
    let size_before = before.as_ref().map_or(0, Checkpoint::size);
    let (checkpoint, refused) = match policy {
        None => (checkpoint, Vec::new()),
        Some(policy) => cosign(checkpoint, policy, durable, size_before, post)?,
    };
    replace_checkpoint(target, &checkpoint, size_before)?;
    Ok(Published { checkpoint, size_before, files_written, refused })
}

/// The checkpoint in the directory, whose signature is that of `key`; none if there is none.
fn published(target: &impl Site, key: &SignerKey) -> Result<Option<Checkpoint>, PublishError> {
    let Some(bytes) = read(target, CHECKPOINT)? else { return Ok(None) };
    Ok(Some(read_checkpoint(&bytes, Some(&Trust::in_log_of(key)))?))
}

/// Checks that the log, whose root is `root`, extends the tree of `before`.
fn check_extends<M: Medium>(
    stores: &Stores<M>,
    durable: &Durable<'_, M>,
    root: Hash,
    target: &impl Site,
    before: &Checkpoint,
) -> Result<(), PublishError> {
    let (old, new) = ((before.size(), before.root()), (durable.size(), root));
    let computed = match durable.consistency(old.0, new.0)? {
        // The log is shorter.
        None => new.1,
        Some(path) => match consistency::verify(old, new, &path) {
            Ok(()) => return Ok(()),
            Err(consistency::ConsistencyError::OldRoot { computed, .. }) => computed,
            Err(error) => unreachable!("the path is that of these trees: {error}"),
        },
    };
    Err(PublishError::Diverged {
        published_size: old.0,
        published_root: old.1,
        log_size: new.0,
        log_root: computed,
        line: first_difference(stores, durable, target, old.0)?,
    })
}

/// The line of the first entry that differs from the published one, among the first `size`.
fn first_difference<M: Medium>(
    stores: &Stores<M>,
    durable: &Durable<'_, M>,
    target: &impl Site,
    size: u64,
) -> Result<u64, PublishError> {
    let mut fold = fold(stores, durable)?;
    let mut bundle = Vec::new();
    while let Some(entry) = fold.next()? {
        let index = entry.line.number - 1;
        if index == size {
            break;
        }
        let within = tile::within(index);
        if within == 0 {
            let name = Name::of(Kind::Entries, index / tile::WIDTH as u64, size);
            // A bundle that is missing or corrupted holds none of the log's entries.
            let bytes = read(target, &name.to_string())?;
            let entries =
                bytes.as_deref().and_then(|bytes| tile::read_entries(bytes, name.width(), name.width()).ok());
            bundle = entries.iter().flatten().map(|entry| entry.to_vec()).collect();
        }
        if bundle.get(within).map(Vec::as_slice) != Some(&*Event::content(entry.line.bytes)) {
            return Ok(entry.line.number);
        }
    }
    // The log ends where the published one goes on.
    Ok(durable.size().min(size) + 1)
}

/// Writes the tiles and bundles of the log that are missing, durably. Returns how many.
fn write_files<M: Medium>(
    stores: &Stores<M>,
    durable: &Durable<'_, M>,
    target: &impl Site,
    progress: &mut impl Progress,
) -> Result<u64, PublishError> {
    let mut writer = Writer { target, directories: BTreeSet::new(), written: 0 };
    let mut tiles = Tiles::new();
    let mut fold = fold(stores, durable)?;
    let total = fold.end();
    while let Some(entry) = fold.next()? {
        let content = Event::content(entry.line.bytes);
        for file in tiles.push(&content, entry.leaf) {
            writer.put(&file)?;
        }
        progress.advance(entry.line.offset, total);
    }
    for file in tiles.partial() {
        writer.put(&file)?;
    }
    writer.sync()?;
    Ok(writer.written)
}

/// Writes files, and remembers whose names are not durable yet.
struct Writer<'s, S> {
    target: &'s S,
    directories: BTreeSet<String>,
    written: u64,
}

impl<S: Site> Writer<'_, S> {
    /// Writes the file, unless it is there with these bytes.
    fn put(&mut self, file: &File) -> Result<(), PublishError> {
        let path = file.name.to_string();
        // A killed publisher may have linked a file that is there, and not have synced its directory.
        self.create_directories(&path)?;
        match read(self.target, &path)? {
            Some(bytes) if bytes == file.bytes => return Ok(()),
            Some(_) => return Err(PublishError::OtherBytes { path }),
            None => {}
        }
        self.target.write_new(&file.bytes).map_err(cannot("written", &path))?;
        if !self.target.link_new(&path).map_err(cannot("linked", &path))? {
            return Err(PublishError::OtherBytes { path });
        }
        self.written += 1;
        Ok(())
    }

    /// Creates the directories of the path, from the top.
    fn create_directories(&mut self, path: &str) -> Result<(), PublishError> {
        for (end, _) in path.match_indices('/') {
            let directory = &path[..end];
            if !self.directories.contains(directory) {
                self.target.create_directory(directory).map_err(cannot("created", directory))?;
                self.directories.insert(directory.to_owned());
            }
        }
        Ok(())
    }

    /// Makes all names durable: those in a directory before its own.
    fn sync(&self) -> Result<(), PublishError> {
        let directories = self.directories.iter().rev().map(String::as_str);
        directories.chain([""]).try_for_each(|directory| sync(self.target, directory))
    }
}

/// The checkpoint with the cosignatures that the policy demands.
fn cosign<M: Medium>(
    mut checkpoint: SignedCheckpoint,
    policy: &Trust,
    durable: &Durable<'_, M>,
    size_before: u64,
    post: &impl Post,
) -> Result<(SignedCheckpoint, Vec<Refused>), PublishError> {
    let mut refused = Vec::new();
    for witness in policy.witnesses() {
        let path = |old| durable.consistency(old, durable.size());
        match witness::cosign(&checkpoint, &witness, size_before, path, post)? {
            Ok(cosigned) => checkpoint = cosigned,
            Err(why) => refused.push(why),
        }
    }
    match policy.verify(&checkpoint) {
        Ok(_) => Ok((checkpoint, refused)),
        Err(problem) => Err(PublishError::Quorum { problem, refused }),
    }
}

/// Folds it once more.
fn fold<'s, M: Medium>(stores: &'s Stores<M>, durable: &Durable<'_, M>) -> Result<Fold<'s, M>, Error> {
    let file = stores.events.open()?.map(|(file, _)| file);
    Ok(Fold::new(&stores.events, file, durable.view().end()))
}

/// Replaces the checkpoint durably. Then removes what was partial in the tree of `size_before` leaves and is full now.
fn replace_checkpoint(
    target: &impl Site,
    checkpoint: &SignedCheckpoint,
    size_before: u64,
) -> Result<(), PublishError> {
    target.write_new(checkpoint.to_string().as_bytes()).map_err(cannot("written", CHECKPOINT))?;
    let cannot = |act, path: &str| {
        let path = path.to_owned();
        move |error| PublishError::Unfinished { path, act, error }
    };
    target.replace_by_new(CHECKPOINT).map_err(cannot("replaced", CHECKPOINT))?;
    target.sync("").map_err(cannot("synced", "."))?;
    let size = checkpoint.checkpoint().size();
    for name in tile::edge(size_before).filter(|name| !name.is_full() && tile::has_full(*name, size)) {
        let directory = format!("{}.p", name.full());
        target.remove_directory(&directory).map_err(cannot("removed", &directory))?;
    }
    Ok(())
}

fn read(target: &impl Site, path: &str) -> Result<Option<Vec<u8>>, PublishError> {
    target.read(path).map_err(cannot("read", path))
}

fn sync(target: &impl Site, directory: &str) -> Result<(), PublishError> {
    let shown = if directory.is_empty() { "." } else { directory };
    target.sync(directory).map_err(cannot("synced", shown))
}

fn cannot(act: &'static str, path: &str) -> impl FnOnce(io::Error) -> PublishError {
    let path = path.to_owned();
    move |error| PublishError::Site { path, act, error }
}
