//! The files of a tree that any web server can serve: C2SP tlog-tiles.
//!
//! A tile holds up to 256 hashes of one level: those of level 0 are leaves, and each hash of the next level is the root
//! of one full tile. An entry bundle holds the entries of the leaves of one tile of level 0.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use dreichor_core::{Hash, Tree};

/// The number of hashes of a full tile, and of entries of a full bundle.
pub const WIDTH: usize = 256;

/// The name of the checkpoint's file.
pub const CHECKPOINT: &str = "checkpoint";

/// The number of bytes of a hash.
const HASH_BYTES: usize = 32;

/// What a file of the tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Hashes of this level; level 0 is that of the leaves.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// The name of a tile or an entry bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    kind: Kind,
    index: u64,
    width: usize,
}

impl Name {
    /// The name of the tile or bundle that has this index in its level and begins a tree whose level has `count` hashes:
    /// full, or as wide as the level reaches.
    ///
    /// # Panics
    ///
    /// If the level does not reach the tile.
    pub fn of(kind: Kind, index: u64, count: u64) -> Self {
        let before = index * WIDTH as u64;
        assert!(before < count, "the level reaches the tile");
        let width = usize::try_from(count - before).map_or(WIDTH, |width| width.min(WIDTH));
        Self { kind, index, width }
    }

    /// The number of hashes or entries in it, from 1 to 256.
    pub fn width(self) -> usize {
        self.width
    }

    /// The index of its first hash or entry in its level.
    pub fn first(self) -> u64 {
        self.index * WIDTH as u64
    }

    /// True if it holds 256: such a file never changes.
    pub fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// The name that it has once it is full.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: WIDTH, ..self }
    }
}

/// The path: `tile/<level>/<index>[.p/<width>]`, the index in groups of three digits.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups = format!("x{:03}/{groups}", rest % 1000);
            rest /= 1000;
        }
        f.write_str(&groups)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// The number of hashes of `level` in a tree of `size` leaves: one for each 256^level leaves.
pub fn count(size: u64, level: u8) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// Tiles and bundles of a growing tree. Each full one is returned as soon as it is.
#[derive(Debug, Default)]
pub struct Tiles {
    size: u64,
    entries: Vec<u8>,
    /// The hashes of each level that are in no full tile.
    levels: Vec<Vec<Hash>>,
}

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: Name,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Tiles {
    /// Creates those of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry and its leaf; returns the files that are full now, the entries first.
    ///
    /// # Panics
    ///
    /// If the entry is longer than 65,535 bytes, which no event is.
    #[expect(clippy::expect_used, reason = "a line of the log is not longer, and the entry is a part of it")]
    pub fn push(&mut self, entry: &[u8], leaf: Hash) -> Vec<File> {
        let length = u16::try_from(entry.len()).expect("an entry has at most 65,535 bytes");
        self.entries.extend_from_slice(&length.to_be_bytes());
        self.entries.extend_from_slice(entry);
        self.size += 1;
        let mut full = Vec::new();
        if self.size.is_multiple_of(WIDTH as u64) {
            let entries = core::mem::take(&mut self.entries);
            full.push(last_file(Kind::Entries, self.size, entries));
        }
        let mut hash = leaf;
        for level in 0_u8.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::with_capacity(WIDTH));
            }
            let hashes = &mut self.levels[usize::from(level)];
            hashes.push(hash);
            if hashes.len() < WIDTH {
                break;
            }
            hash = root(hashes);
            let bytes = encode(&core::mem::take(hashes));
            full.push(last_file(Kind::Hashes(level), count(self.size, level), bytes));
        }
        full
    }

    /// The files at the right edge of the tree that are not full.
    pub fn partial(&self) -> Vec<File> {
        let entries = (Kind::Entries, self.size, self.entries.clone());
        let levels = (0_u8..).zip(&self.levels);
        let levels =
            levels.map(|(level, hashes)| (Kind::Hashes(level), count(self.size, level), encode(hashes)));
        core::iter::once(entries)
            .chain(levels)
            .filter(|(.., bytes)| !bytes.is_empty())
            .map(|(kind, count, bytes)| last_file(kind, count, bytes))
            .collect()
    }
}

/// The last file of a level with `count` hashes or entries.
fn last_file(kind: Kind, count: u64, bytes: Vec<u8>) -> File {
    File { name: Name::of(kind, (count - 1) / WIDTH as u64, count), bytes }
}

/// The root over the hashes of one tile, which are of one level.
pub fn root(hashes: &[Hash]) -> Hash {
    let mut tree = Tree::new();
    tree.extend(hashes);
    tree.root()
}

/// The root of a tree, from the hashes of each level that are in no full tile, the level of the leaves first.
pub fn root_of_levels<'h>(levels: impl IntoIterator<Item = &'h [Hash]>) -> Hash {
    let mut right: Option<Hash> = None;
    for mut hashes in levels {
        // The perfect subtrees of the level, from the right.
        while !hashes.is_empty() {
            let (rest, subtree) = hashes.split_at(hashes.len() - (1 << hashes.len().trailing_zeros()));
            let left = root(subtree);
            right = Some(right.map_or(left, |right| Hash::parent(left, right)));
            hashes = rest;
        }
    }
    right.unwrap_or_else(|| Tree::new().root())
}

fn encode(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Why the bytes of a file are not those of a tile or bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The length is not that of so many hashes.
    #[error("it has {found} bytes, and {width} hashes have {}", .width * HASH_BYTES)]
    Length {
        /// The number of its bytes.
        found: usize,
        /// The number of hashes that it must hold.
        width: usize,
    },
    /// The bundle ends within an entry.
    #[error("it ends within entry {0}")]
    CutOff(usize),
    /// Bytes follow the last entry.
    #[error("{0} bytes follow its last entry")]
    Trailing(usize),
}

/// Reads the first `width` hashes of a tile that has as many, or 256.
///
/// # Errors
///
/// It has another length.
pub fn read_hashes(bytes: &[u8], width: usize) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() || (hashes.len() != width && hashes.len() != WIDTH) {
        return Err(TileError::Length { found: bytes.len(), width });
    }
    Ok(hashes.iter().take(width).map(|hash| Hash::from_bytes(*hash)).collect())
}

/// Reads the first `width` entries of a bundle of `held` entries.
///
/// # Errors
///
/// It does not hold exactly `held` entries.
pub fn read_entries(bytes: &[u8], held: usize, width: usize) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::with_capacity(held);
    let mut rest = bytes;
    while entries.len() < held {
        let cut_off = TileError::CutOff(entries.len() + 1);
        let (length, after) = rest.split_first_chunk().ok_or_else(|| cut_off.clone())?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(cut_off)?;
        entries.push(entry);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(TileError::Trailing(rest.len()));
    }
    entries.truncate(width);
    Ok(entries)
}

/// The place of a leaf, by its index, in its tile of level 0 and its bundle.
pub fn within(index: u64) -> usize {
    // The low byte.
    usize::from(index.to_le_bytes()[0])
}

/// The last file of each level, and the last bundle, of a tree of `size` leaves.
pub fn edge(size: u64) -> impl Iterator<Item = Name> {
    let levels = (0..8).map(move |level| (Kind::Hashes(level), count(size, level)));
    core::iter::once((Kind::Entries, size))
        .chain(levels)
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| Name::of(kind, (count - 1) / WIDTH as u64, count))
}

/// True if the file is full in a tree of `size` leaves.
pub fn has_full(name: Name, size: u64) -> bool {
    let count = match name.kind {
        Kind::Hashes(level) => count(size, level),
        Kind::Entries => size,
    };
    count >= name.first() + WIDTH as u64
}
