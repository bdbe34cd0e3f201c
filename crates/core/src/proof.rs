//! The subtrees of Merkle proofs: RFC 6962 sections 2.1.1 and 2.1.2 (RFC 9162 sections 2.1.3 and 2.1.4).
//!
//! A path is a list of hashes of subtrees, and a subtree is a range of leaves. The ranges of one path do not overlap,
//! so each leaf is hashed at most once for it.

use alloc::vec::Vec;
use core::ops::Range;

/// Returns the subtrees whose hashes prove that leaf `index` is in the tree of the first `size` leaves, in the order of
/// the path; none if the tree has no such leaf.
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + left_size(end - start);
        if index < middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// Returns the subtrees whose hashes prove that the tree of the first `to` leaves begins with that of the first `from`,
/// in the order of the path; none if `from` is greater than `to`. Every tree begins with the empty tree and with
/// itself: those paths are empty.
pub fn consistency(from: u64, to: u64) -> Option<Vec<Range<u64>>> {
    if from > to {
        return None;
    }
    let mut path = Vec::new();
    if from == 0 {
        return Some(path);
    }
    let (mut start, mut end) = (0, to);
    while from != end {
        let middle = start + left_size(end - start);
        if from <= middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    // The old tree itself needs no proof; a part of it that is a subtree of both does.
    if start > 0 {
        path.push(start..end);
    }
    path.reverse();
    Some(path)
}

/// The number of leaves of the left subtree of a tree of `size` leaves, at least 2: the greatest power of two below it.
fn left_size(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
