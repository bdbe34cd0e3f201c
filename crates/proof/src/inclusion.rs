//! Inclusion proofs: RFC 6962 section 2.1.1, RFC 9162 section 2.1.3.

use dreichor_core::{Hash, proof};

/// Why a path does not prove that a leaf is in a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The tree has no such leaf.
    #[error("the tree of {size} events has none with the index {index}")]
    NoSuchLeaf {
        /// The index of the leaf, from 0.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The path is too long or too short.
    #[error("the path has {found} hashes, and that of this event in this tree has {expected}")]
    Length {
        /// The length of the path.
        found: usize,
        /// The length that it must have.
        expected: usize,
    },
    /// The path leads from the leaf to another root.
    #[error("event and path have the root {computed}, and the checkpoint has {expected}")]
    Root {
        /// The root of leaf and path.
        computed: Hash,
        /// The root of the tree.
        expected: Hash,
    },
}

/// Checks that `path` proves that `leaf` is leaf `index` of the tree that has `size` leaves and this root.
///
/// # Errors
///
/// It does not.
pub fn verify(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> Result<(), InclusionError> {
    let siblings = proof::inclusion(index, size).ok_or(InclusionError::NoSuchLeaf { index, size })?;
    if siblings.len() != path.len() {
        return Err(InclusionError::Length { found: path.len(), expected: siblings.len() });
    }
    let computed = siblings.iter().zip(path).fold(leaf, |node, (range, sibling)| {
        if range.start > index { Hash::parent(node, *sibling) } else { Hash::parent(*sibling, node) }
    });
    if computed == root { Ok(()) } else { Err(InclusionError::Root { computed, expected: root }) }
}
