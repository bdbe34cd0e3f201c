//! Consistency proofs: RFC 6962 section 2.1.2, RFC 9162 section 2.1.4.

use dreichor_core::{Hash, Tree, proof};

/// A tree by its size and root.
pub type Head = (u64, Hash);

/// Why a path does not prove that a tree begins with another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The older tree is the larger one.
    #[error("the old tree has {from} events, more than the new one's {to}")]
    Backwards {
        /// The size of the old tree.
        from: u64,
        /// The size of the new tree.
        to: u64,
    },
    /// The path is too long or too short.
    #[error("the path has {found} hashes, and that of these two sizes has {expected}")]
    Length {
        /// The length of the path.
        found: usize,
        /// The length that it must have.
        expected: usize,
    },
    /// The old tree is not the one that the path is of.
    #[error("the old root is {expected}, and the path has {computed}")]
    OldRoot {
        /// The root of the old tree, by the path.
        computed: Hash,
        /// The root of the old tree.
        expected: Hash,
    },
    /// The new tree is not the one that the path is of.
    #[error("the new root is {expected}, and the path has {computed}")]
    NewRoot {
        /// The root of the new tree, by the path.
        computed: Hash,
        /// The root of the new tree.
        expected: Hash,
    },
}

/// Checks that `path` proves that the tree `to` begins with the tree `from`. Every tree begins with the empty one, whose
/// root is SHA-256 of nothing: that proves nothing about `to`.
///
/// # Errors
///
/// It does not.
pub fn verify(from: Head, to: Head, path: &[Hash]) -> Result<(), ConsistencyError> {
    let (old, new) = (from.0, to.0);
    let subtrees = proof::consistency(old, new).ok_or(ConsistencyError::Backwards { from: old, to: new })?;
    if subtrees.len() != path.len() {
        return Err(ConsistencyError::Length { found: path.len(), expected: subtrees.len() });
    }
    let mut nodes = subtrees.into_iter().zip(path.iter().copied()).peekable();
    // Both roots are computed from the last subtree of the old tree upwards. If that is the old tree itself, the path
    // leaves it out; else it is the path's first.
    let start = match nodes.next_if(|(range, _)| range.end == old && range.start > 0) {
        Some((_, node)) => node,
        None if old == 0 => Tree::new().root(),
        None => from.1,
    };
    let (mut old_root, mut new_root) = (start, start);
    for (range, node) in nodes {
        if range.start < old {
            old_root = Hash::parent(node, old_root);
            new_root = Hash::parent(node, new_root);
        } else {
            new_root = Hash::parent(new_root, node);
        }
    }
    if old_root != from.1 {
        return Err(ConsistencyError::OldRoot { computed: old_root, expected: from.1 });
    }
    if new_root != to.1 && (old > 0 || new == 0) {
        return Err(ConsistencyError::NewRoot { computed: new_root, expected: to.1 });
    }
    Ok(())
}
