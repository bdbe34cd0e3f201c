//! The Merkle tree over the log: RFC 6962 (and RFC 9162), SHA-256, one leaf per event in file order.

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

use crate::canonical::{Sink, formed_values};
use crate::value::{Form, hex_digits, hex_nibble};

/// A SHA-256 hash: of a leaf, an inner node or a whole tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn hex(self) -> [u8; 64] {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&hex_digits(byte));
        }
        text
    }
}

impl Form for Hash {
    const EXPECTED: &'static str = "a SHA-256 hash of 64 lower-case hexadecimal digits";

    fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; 64] = text.try_into().ok()?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let (high, low) = (hex_nibble(pair[0]), hex_nibble(pair[1]));
            if high > 0x0f || low > 0x0f {
                return None;
            }
            *byte = (high << 4) | low;
        }
        Some(Self(bytes))
    }

    fn as_text(&self) -> impl AsRef<str> {
        use alloc::string::ToString;
        self.to_string()
    }
}

formed_values!(Hash);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A SHA-256 over what is put into it.
#[derive(Clone)]
pub struct Hasher(Sha256);

impl Hasher {
    /// A hash of nothing yet: what is put is what is hashed.
    pub fn plain() -> Self {
        Self(Sha256::new())
    }

    /// The hash of a leaf whose data is what is put: SHA-256(0x00 ‖ data), RFC 6962 section 2.1.
    pub fn leaf() -> Self {
        let mut hasher = Self::plain();
        hasher.put(&[0x00]);
        hasher
    }

    /// The hash of all that was put.
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

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
fn inner(left: Hash, right: Hash) -> Hash {
    let mut data = [0x01; 65];
    data[1..33].copy_from_slice(&left.0);
    data[33..].copy_from_slice(&right.0);
    Hash(Sha256::digest(data).into())
}

/// A growing tree, kept as the roots of its perfect subtrees: one for each bit that is set in the size, the
/// greatest first. At most 64 hashes, whatever the size.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

impl Tree {
    /// The tree without a leaf.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf behind all others.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing one of the size is a perfect subtree that the new node completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = inner(left, node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
        debug_assert_eq!(self.peaks.len(), self.size.count_ones() as usize);
    }

    /// The root: of the empty tree, SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| inner(left, right))
            .unwrap_or_else(|| Hasher::plain().finish())
    }
}
