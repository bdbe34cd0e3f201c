//! The fold with the checks that make a log certify itself: the id of every line, and the root of the Merkle tree
//! (RFC 6962). On two threads.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;
use sha2::{Digest, Sha256};

use super::blocks;
use super::event::Event;
use super::fold::{Fold, Summary};

type Hash = [u8; 32];

const DIGITS: &[u8; 16] = b"0123456789abcdef";

pub(super) fn fold(events: &Path) -> Result<Summary> {
    let parts = blocks::map(events, |block| {
        let mut fold = Fold::default();
        let mut leaves = Vec::new();
        for line in blocks::lines(block) {
            let event: Event<'_> = serde_json::from_slice(line)?;
            let leaf = leaf(line)?;
            ensure!(event.id.as_bytes() == id(leaf), "a line has another id than its content");
            fold.add(&event);
            leaves.push(leaf);
        }
        Ok((fold, leaves))
    })?;
    let mut all = Fold::default();
    let mut leaves = Vec::new();
    for (fold, part) in parts {
        all = all.join(fold);
        leaves.extend(part);
    }
    Ok(all.summary(Some(hexadecimal(&blocks::pool()?.install(|| root(leaves))))))
}

/// Leaf hash of a line's content: the line without its first member, the id.
fn leaf(line: &[u8]) -> Result<Hash> {
    const ID: usize = r#"{"id":"00000000-0000-0000-0000-000000000000","#.len();
    let content = line.get(ID..).context("a line is too short")?;
    Ok(Sha256::new().chain_update(b"\0{").chain_update(content).finalize().into())
}

/// The first half of a leaf hash as a UUID of version 8.
fn id(leaf: Hash) -> [u8; 36] {
    let mut bytes = leaf;
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut out = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().take(16).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        out[at] = DIGITS[usize::from(byte >> 4)];
        out[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    out
}

/// Root of the tree, one level after the other.
fn root(mut level: Vec<Hash>) -> Hash {
    if level.is_empty() {
        return Sha256::digest([]).into();
    }
    while level.len() > 1 {
        level = level.par_chunks(2).with_min_len(1 << 10).map(node).collect();
    }
    level[0]
}

/// A node over two; the last one of a level may be alone, and then moves up as it is.
fn node(pair: &[Hash]) -> Hash {
    match pair {
        [left, right] => {
            Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
        }
        _ => pair[0],
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
