//! A published tree as a reader sees it: every tile is checked against the checkpoint before it is used.
//!
//! The hashes at the right edge of all levels give the root. A full tile gives one hash of the level above, which was
//! checked before. So the first wrong tile is known by its name.

use dreichor_core::{Event, Hash};
use dreichor_proof::tile::{self, CHECKPOINT, Kind, Name, TileError};
use dreichor_proof::{Checkpoint, CheckpointError, TEXT_BYTES_MAX, Trust, read_checkpoint};

use crate::source::{Source, SourceError};

/// The longest bundle: 256 entries of 65,535 bytes with their lengths.
const BUNDLE_BYTES_MAX: u64 = 256 * (65_535 + 2);
const TILE_BYTES_MAX: u64 = 256 * 32;

/// Why a published tree is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no checkpoint.
    #[error(
        "there is no checkpoint: it is not a published tree, or nothing was published to it yet\nnext: name the directory or URL that `dreichor publish` writes to or is served from"
    )]
    NoCheckpoint,
    /// The checkpoint is malformed, or its signatures are not accepted.
    #[error(
        "the checkpoint is not accepted: {0}\nnext: ask the operator; check that the key or policy is the one of this log"
    )]
    Checkpoint(#[from] CheckpointError),
    /// A file that the checkpoint demands is missing.
    #[error(
        "{0} is missing, although the checkpoint covers it\nnext: ask the operator; a copy of the tree must copy the tiles before the checkpoint"
    )]
    Missing(Name),
    /// A file is no tile or bundle.
    #[error("{name} is not what it must be: {error}\nnext: ask the operator")]
    Malformed {
        /// The file.
        name: Name,
        /// What is wrong with it.
        error: TileError,
    },
    /// A tile has other hashes than the checked level above demands.
    #[error(
        "{name} was changed: its root is {found}, and the checkpoint demands {expected}\nnext: ask the operator; what is published is not one history"
    )]
    Changed {
        /// The tile.
        name: Name,
        /// The root of its hashes.
        found: Hash,
        /// The root that the level above has.
        expected: Hash,
    },
    /// The tiles at the right edge do not have the root of the checkpoint.
    #[error("the tiles {} do not have the root of the checkpoint: it is {found}, expected {expected}\nnext: ask the operator; one of these tiles was changed, or the checkpoint is of another tree", listed(.names))]
    Edge {
        /// The tiles.
        names: Vec<Name>,
        /// Their root.
        found: Hash,
        /// The root of the checkpoint.
        expected: Hash,
    },
    /// An entry is not the one of its leaf.
    #[error("{name}: entry {index} (line {} of the log) was changed: its leaf is {found}, and its tile has {expected}\nnext: ask the operator; the entry is not in the published history", .index + 1)]
    Entry {
        /// The bundle.
        name: Name,
        /// The index of the entry in the log, from 0.
        index: u64,
        /// The leaf hash of the entry.
        found: Hash,
        /// The leaf hash in the tile.
        expected: Hash,
    },
    /// An entry is no content of an event.
    #[error(
        "{name}: entry {index} is no JSON object, as the content of every event is\nnext: ask the operator; what is published is not a log of this format"
    )]
    NotAnEvent {
        /// The bundle.
        name: Name,
        /// The index of the entry in the log, from 0.
        index: u64,
    },
}

fn listed(names: &[Name]) -> String {
    names.iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
}

/// A published tree whose checkpoint and right edge are checked.
pub struct PublishedTree<'s, S> {
    source: &'s S,
    checkpoint: Checkpoint,
    /// The bytes of the checkpoint's file.
    note: Vec<u8>,
    /// The hashes of each level that are in no full tile.
    edge: Vec<Vec<Hash>>,
    /// The full tile of each level that was read last, with its index.
    recent: Vec<Option<(u64, Vec<Hash>)>>,
}

impl<'s, S: Source> PublishedTree<'s, S> {
    /// Reads the checkpoint, and the right edge of its tree.
    ///
    /// # Errors
    ///
    /// The checkpoint is not accepted, or the edge is not its own.
    pub fn open(source: &'s S, trust: &Trust) -> Result<Self, TreeError> {
        let note = source.get(CHECKPOINT, TEXT_BYTES_MAX as u64)?.ok_or(TreeError::NoCheckpoint)?;
        let checkpoint = read_checkpoint(&note, Some(trust))?;
        let size = checkpoint.size();
        let mut names = Vec::new();
        let (mut edge, mut recent) = (Vec::new(), Vec::new());
        for level in (0..8).take_while(|level| tile::count(size, *level) > 0) {
            let count = tile::count(size, level);
            let last = Name::of(Kind::Hashes(level), (count - 1) / tile::WIDTH as u64, count);
            edge.push(if last.is_full() {
                Vec::new()
            } else {
                names.push(last);
                read_hashes(source, last)?
            });
            recent.push(None);
        }
        let found = tile::root_of_levels(edge.iter().map(Vec::as_slice));
        if found != checkpoint.root() {
            return Err(TreeError::Edge { names, found, expected: checkpoint.root() });
        }
        Ok(Self { source, checkpoint, note, edge, recent })
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The bytes of the checkpoint's file.
    pub fn note(&self) -> &[u8] {
        &self.note
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// Computes the root of the tree of the first `size` entries, from checked tiles; none if the tree is smaller.
    ///
    /// # Errors
    ///
    /// A tile is not accepted.
    pub fn root_of(&mut self, size: u64) -> Result<Option<Hash>, TreeError> {
        if size > self.size() {
            return Ok(None);
        }
        let mut levels = Vec::new();
        for level in (0..8).take_while(|level| tile::count(size, *level) > 0) {
            let count = tile::count(size, level);
            let kept = tile::within(count);
            let hashes =
                if kept == 0 { &[] } else { &self.hashes(level, count / tile::WIDTH as u64)?[..kept] };
            levels.push(hashes.to_vec());
        }
        Ok(Some(tile::root_of_levels(levels.iter().map(Vec::as_slice))))
    }

    /// Reads the lines of the log (without LF) of the bundle of entry `from`, from this entry on, each with its leaf hash,
    /// all checked.
    ///
    /// # Errors
    ///
    /// The bundle or a tile is not accepted.
    pub fn lines(&mut self, from: u64) -> Result<Vec<(Vec<u8>, Hash)>, TreeError> {
        let index = from / tile::WIDTH as u64;
        let name = Name::of(Kind::Entries, index, self.size());
        let (bytes, held) = read(self.source, name, BUNDLE_BYTES_MAX)?;
        let entries = tile::read_entries(&bytes, held, name.width());
        let entries = entries.map_err(|error| TreeError::Malformed { name, error })?;
        let leaves = self.hashes(0, index)?;
        let numbered = (name.first()..).zip(entries).zip(leaves);
        let checked = numbered.map(|((index, entry), expected)| {
            let line = Event::line_of(entry).ok_or(TreeError::NotAnEvent { name, index })?;
            let found = Event::leaf(&line);
            if found == *expected {
                Ok((line, found))
            } else {
                Err(TreeError::Entry { name, index, found, expected: *expected })
            }
        });
        checked.skip(tile::within(from)).collect()
    }

    /// The hashes of a tile, checked.
    fn hashes(&mut self, level: u8, index: u64) -> Result<&[Hash], TreeError> {
        let place = usize::from(level);
        let count = tile::count(self.size(), level);
        let name = Name::of(Kind::Hashes(level), index, count);
        if !name.is_full() {
            return Ok(&self.edge[place]);
        }
        if self.recent[place].as_ref().is_none_or(|(recent, _)| *recent != index) {
            let expected = self.hashes(level + 1, index / tile::WIDTH as u64)?[tile::within(index)];
            let hashes = read_hashes(self.source, name)?;
            let found = tile::root(&hashes);
            if found != expected {
                return Err(TreeError::Changed { name, found, expected });
            }
            self.recent[place] = Some((index, hashes));
        }
        let Some((_, hashes)) = &self.recent[place] else { unreachable!("the tile was just read") };
        Ok(hashes)
    }
}

fn read_hashes(source: &impl Source, name: Name) -> Result<Vec<Hash>, TreeError> {
    let (bytes, _) = read(source, name, TILE_BYTES_MAX)?;
    tile::read_hashes(&bytes, name.width()).map_err(|error| TreeError::Malformed { name, error })
}

/// Reads a file, and how many hashes or entries it holds. A partial one may have been removed since the full one is there.
fn read(source: &impl Source, name: Name, bytes_max: u64) -> Result<(Vec<u8>, usize), TreeError> {
    for served in [Some(name), Some(name.full()).filter(|full| *full != name)].into_iter().flatten() {
        if let Some(bytes) = source.get(&served.to_string(), bytes_max)? {
            return Ok((bytes, served.width()));
        }
    }
    Err(TreeError::Missing(name))
}
