//! SHA-256 (FIPS 180-4) of many short messages.
//!
//! The lines of a block and the nodes of a tree's level don't depend on each other. A processor with SHA instructions
//! computes four such hashes in little more time than it waits for the results of one.
//!
//! Invariant: the results are those of the `sha2` crate, on every machine. Where the instructions are missing, that
//! crate computes them.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

#[cfg(target_arch = "x86_64")]
mod lanes;

/// Appends the hash of `prefix ‖ body` to `hashes` for each of `bodies`, in order.
///
/// The prefix has at most 64 bytes.
pub fn hash_each<'b>(
    prefix: &[u8],
    bodies: impl ExactSizeIterator<Item = &'b [u8]>,
    hashes: &mut Vec<[u8; 32]>,
) {
    #[cfg(target_arch = "x86_64")]
    if bodies.len() > 1 && lanes::are_available() {
        return lanes::hash_each(prefix, bodies, hashes);
    }
    hashes.extend(
        bodies.map(|body| <[u8; 32]>::from(Sha256::new().chain_update(prefix).chain_update(body).finalize())),
    );
}
