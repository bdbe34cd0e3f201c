//! The Merkle tree over the log: RFC 6962 (and RFC 9162), SHA-256, one leaf per event in file order.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use dreichor_sha256::hash_each;
use sha2::{Digest, Sha256};

use crate::canonical::{Reader, Sink, Value};
use crate::fault::Result;
use crate::schema::Schema;
use crate::value::Form;

/// A SHA-256 hash: of a leaf, an inner node or a whole tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

/// The length of the spelling, in bytes.
const HASH_TEXT_BYTES: usize = 64;

impl Hash {
    /// Creates a hash from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Computes the hash of the inner node over two subtrees.
    pub fn parent(left: Self, right: Self) -> Self {
        Self(inner(left.0, right.0))
    }
}

fn read_hash(text: &[u8; HASH_TEXT_BYTES]) -> Option<Hash> {
    let mut bytes = [0; 32];
    base16ct::lower::decode(text, &mut bytes).ok()?;
    Some(Hash(bytes))
}

impl Form for Hash {
    fn expected() -> String {
        "a SHA-256 hash of 64 lower-case hexadecimal digits".into()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        read_hash(text.try_into().ok()?)
    }
}

impl Schema for Hash {
    fn schema() -> String {
        r#"{"type":"string","pattern":"^[0-9a-f]{64}$"}"#.into()
    }
}

impl<'a> Value<'a> for Hash {
    fn write(&self, sink: &mut impl Sink) {
        sink.put(alloc::format!("\"{self}\"").as_bytes());
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        reader.fixed(read_hash, Self::expected)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", base16ct::HexDisplay(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A SHA-256 computation over all bytes that are put into it.
#[derive(Clone)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts a plain SHA-256.
    pub fn plain() -> Self {
        Self(Sha256::new())
    }

    /// Starts the hash of a leaf with the data that follows: SHA-256(0x00 ‖ data), RFC 6962 section 2.1.
    pub fn leaf() -> Self {
        let mut hasher = Self::plain();
        hasher.put(&[0x00]);
        hasher
    }

    /// Returns the hash of all bytes.
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

impl Sink for Hasher {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// The prefix of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
const INNER: &[u8] = &[0x01];

fn inner(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(INNER).chain_update([left, right].as_flattened()).finalize().into()
}

/// A growing tree, stored as the roots of its perfect subtrees: one for each bit that is set in the size, the greatest
/// first. At most 64 hashes, whatever the size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    peaks: Vec<[u8; 32]>,
}

impl Tree {
    /// Creates the tree without a leaf.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf after all others.
    pub fn push(&mut self, leaf: Hash) {
        self.extend(&[leaf]);
    }

    /// Adds leaves after all others, in order. The nodes of a level don't depend on each other, so they are hashed
    /// together.
    pub fn extend(&mut self, leaves: &[Hash]) {
        // The new nodes of a level, and how many nodes were there before them.
        let (mut nodes, mut before) = (Vec::with_capacity(leaves.len() + 1), self.size);
        nodes.extend(leaves.iter().map(|leaf| leaf.0));
        let mut unpaired = Vec::new();
        while !nodes.is_empty() {
            if before % 2 == 1 {
                // The last node of the level is still without its right neighbour: it is the lowest peak.
                let left = self.peaks.pop();
                nodes.splice(0..0, left);
            }
            if nodes.len() % 2 == 1 {
                unpaired.extend(nodes.pop());
            }
            let mut parents = Vec::with_capacity(nodes.len() / 2 + 1);
            hash_each(INNER, nodes.as_flattened().chunks_exact(64), &mut parents);
            (nodes, before) = (parents, before / 2);
        }
        self.peaks.extend(unpaired.into_iter().rev());
        self.size += leaves.len() as u64;
        debug_assert_eq!(self.peaks.len(), self.size.count_ones() as usize);
    }

    /// Computes the root; that of the empty tree is SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let root = self.peaks.iter().rev().copied().reduce(|right, left| inner(left, right));
        root.map_or_else(|| Hasher::plain().finish(), Hash)
    }
}
