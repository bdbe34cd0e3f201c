//! A path proves what it is of, and nothing else: by the definitions of RFC 6962, the verifiers of RFC 9162, and the
//! published cases.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use data_encoding::BASE64;
use dreichor_core::Hash;
use dreichor_proof::{consistency, inclusion};
use support::rfc6962::{verifies_consistency, verifies_inclusion};
use support::{consistency_path, edges, inclusion_path, leaf, root};

/// No tree has this hash.
const FOREIGN: Hash = Hash::from_bytes([7; 32]);

fn bytes(path: &[Hash]) -> Vec<[u8; 32]> {
    path.iter().map(|hash| *hash.as_bytes()).collect()
}

/// True if the path proves it; the verifier of RFC 9162 must agree.
#[track_caller]
fn includes(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> bool {
    let is_proven = inclusion::verify(leaf, index, size, path, root).is_ok();
    let theirs = verifies_inclusion(index, size, &bytes(path), *leaf.as_bytes(), *root.as_bytes());
    assert_eq!(is_proven, theirs, "{index} in {size}");
    is_proven
}

#[track_caller]
fn extends(from: (u64, Hash), to: (u64, Hash), path: &[Hash]) -> bool {
    let is_proven = consistency::verify(from, to, path).is_ok();
    let head = |(size, root): (u64, Hash)| (size, *root.as_bytes());
    if from.0 > 0 {
        assert_eq!(is_proven, verifies_consistency(head(from), head(to), &bytes(path)), "{from:?} {to:?}");
    }
    is_proven
}

/// Paths that differ from this one by their length.
fn other_lengths(path: &[Hash]) -> Vec<Vec<Hash>> {
    let longer = [[&[FOREIGN], path].concat(), [path, &[FOREIGN]].concat()];
    let shorter = path.split_first().map(|(_, rest)| rest.to_vec());
    let cut = path.split_last().map(|(_, rest)| rest.to_vec());
    longer.into_iter().chain(shorter).chain(cut).collect()
}

#[test]
fn every_leaf_of_every_tree_to_256_is_proven() {
    let roots: Vec<Hash> = (0..=256).map(root).collect();
    for (size, &root) in (0..).zip(&roots) {
        for index in 0..size {
            let path = inclusion_path(index, size);
            assert!(includes(leaf(index), index, size, &path, root));
            assert!(!includes(leaf(index + 1), index, size, &path, root));
            assert!(!includes(leaf(index), index ^ 1, size, &path, root) || path.is_empty());
            assert!(!includes(leaf(index), index, size, &path, FOREIGN));
        }
        assert!(!includes(leaf(size), size, size, &[], root));
    }
}

#[test]
fn every_pair_of_trees_to_256_is_proven() {
    let roots: Vec<Hash> = (0..=256).map(root).collect();
    for (to, &new) in (0..).zip(&roots) {
        for (from, &old) in (0..=to).zip(&roots) {
            let path = consistency_path(from, to);
            assert!(extends((from, old), (to, new), &path), "{from} to {to}");
            assert!(!extends((from, FOREIGN), (to, new), &path), "{from} to {to}");
            // Every tree begins with the empty one.
            assert!(!extends((from, old), (to, FOREIGN), &path) || (from == 0 && to > 0));
        }
        assert!(!extends((to + 1, FOREIGN), (to, new), &[]));
    }
}

#[test]
fn each_bit_and_each_hash_of_a_path_counts() {
    let sizes = edges(65);
    for &size in &sizes {
        let root_now = root(size);
        for &index in sizes.iter().filter(|index| **index < size) {
            let path = inclusion_path(index, size);
            let proves = |path: &[Hash]| includes(leaf(index), index, size, path, root_now);
            assert!(other_lengths(&path).iter().all(|path| !proves(path)), "{index} in {size}");
            assert!(flipped(&path).iter().all(|path| !proves(path)), "{index} in {size}");
        }
        for &from in sizes.iter().filter(|from| **from <= size) {
            let path = consistency_path(from, size);
            let proves = |path: &[Hash]| extends((from, root(from)), (size, root_now), path);
            assert!(other_lengths(&path).iter().all(|path| !proves(path)), "{from} to {size}");
            assert!(flipped(&path).iter().all(|path| !proves(path)), "{from} to {size}");
        }
    }
}

/// The path with each of its bits flipped in turn.
fn flipped(path: &[Hash]) -> Vec<Vec<Hash>> {
    let bits = (0..path.len() * 256).map(|bit| (bit / 256, bit % 256));
    let flip = |(at, bit): (usize, usize)| {
        let mut path = path.to_vec();
        let mut hash = *path[at].as_bytes();
        hash[bit / 8] ^= 1 << (bit % 8);
        path[at] = Hash::from_bytes(hash);
        path
    };
    bits.map(flip).collect()
}

#[test]
fn the_largest_sizes_are_no_special_case() {
    let (most, path) = (u64::MAX, [FOREIGN; 64]);
    assert!(!includes(FOREIGN, most - 1, most, &path, FOREIGN));
    assert!(!includes(FOREIGN, most, most, &path, FOREIGN));
    assert!(!extends((most - 1, FOREIGN), (most, FOREIGN), &path));
    assert!(extends((most, FOREIGN), (most, FOREIGN), &[]));
    assert!(!extends((most, FOREIGN), (most, leaf(0)), &[]));
}

/// A published case: its name, whether it is proven, two numbers, two hashes, a path.
type Case<'c> = (&'c str, bool, [u64; 2], [Hash; 2], Vec<Hash>);

/// The cases of a file, without those that have a hash of another length, which has no type here.
fn cases(file: &str) -> Vec<Case<'_>> {
    let hash = |text: &str| BASE64.decode(text.as_bytes()).ok()?.try_into().ok().map(Hash::from_bytes);
    let case = |line| {
        let cells: Vec<&str> = str::split(line, '\t').collect();
        let [name, verdict, one, two, first, second, path] = cells[..] else { unreachable!("{line}") };
        let path = path.split_terminator(',').map(hash).collect::<Option<_>>()?;
        let sizes = [one, two].map(|number| number.parse().unwrap());
        Some((name, verdict == "proven", sizes, [hash(first)?, hash(second)?], path))
    };
    file.lines().filter_map(case).collect()
}

#[test]
fn published_inclusions_have_their_verdicts() {
    let cases = cases(include_str!("data/inclusion.tsv"));
    assert!(cases.len() > 50 && cases.iter().filter(|case| case.1).count() > 4);
    for (name, is_proven, [index, size], [leaf, root], path) in cases {
        assert_eq!(includes(leaf, index, size, &path, root), is_proven, "{name}");
    }
}

#[test]
fn published_consistencies_have_their_verdicts() {
    let cases = cases(include_str!("data/consistency.tsv"));
    assert!(cases.len() > 50 && cases.iter().filter(|case| case.1).count() > 4);
    for (name, is_proven, [from, to], [old, new], path) in cases {
        // That library refuses the question. A witness is asked it for the first checkpoint of a log.
        if name == "additional/consistency-check-on-empty-tree-size1-is-zero-is-useless" {
            continue;
        }
        assert_eq!(extends((from, old), (to, new), &path), is_proven, "{name}");
    }
}
