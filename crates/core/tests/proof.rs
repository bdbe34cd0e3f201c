//! The proofs are those of RFC 6962 for every leaf and every size, and the verifiers of RFC 9162 accept them.

#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use std::ops::Range;

use dreichor_core::proof::{consistency, inclusion};
use proptest::prelude::*;
use support::config::config;
use support::rfc6962::{
    Node, hex, mth, path, proof, published_leaves, verifies_consistency, verifies_inclusion,
};

fn hashes(leaves: &[Vec<u8>], ranges: Vec<Range<u64>>) -> Vec<Node> {
    let place = |at: u64| usize::try_from(at).unwrap();
    ranges.into_iter().map(|range| mth(&leaves[place(range.start)..place(range.end)])).collect()
}

#[test]
fn every_proof_to_70_leaves_is_the_defined_one_and_verifies() {
    let leaves: Vec<Vec<u8>> = (0..70_u8).map(|index| vec![index]).collect();
    let roots: Vec<Node> = (0..=leaves.len()).map(|size| mth(&leaves[..size])).collect();
    let other = [7; 32];
    for (size, &root) in (0_u64..).zip(&roots) {
        for (index, data) in (0_u64..).zip(&leaves) {
            let ranges = inclusion(index, size);
            assert_eq!(ranges, (index < size).then(|| path(index, 0..size)), "{index} in {size}");
            let Some(ranges) = ranges else { continue };
            let (path, leaf) = (hashes(&leaves, ranges), mth(std::slice::from_ref(data)));
            assert!(verifies_inclusion(index, size, &path, leaf, root), "{index} in {size}");
            assert!(!verifies_inclusion(index, size, &path, leaf, other));
            assert!(!verifies_inclusion(index, size, &path, other, root));
        }
        for (from, &old) in (0_u64..).zip(&roots) {
            let ranges = consistency(from, size);
            let is_none = from == 0;
            let defined = || if is_none { Vec::new() } else { proof(from, size) };
            assert_eq!(ranges, (from <= size).then(defined), "{from} to {size}");
            let Some(ranges) = ranges else { continue };
            let path = hashes(&leaves, ranges);
            assert!(verifies_consistency((from, old), (size, root), &path), "{from} to {size}");
            assert!(is_none || !verifies_consistency((from, other), (size, root), &path));
            assert!(is_none || !verifies_consistency((from, old), (size, other), &path));
        }
    }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn proofs_of_any_size_are_the_defined_ones(size in 1..=u64::MAX, shift in 0..64_u32, at: u64) {
        let size = (size >> shift).max(1);
        let index = at % size;
        prop_assert_eq!(inclusion(index, size), Some(path(index, 0..size)));
        prop_assert_eq!(consistency(index + 1, size), Some(proof(index + 1, size)));
        prop_assert_eq!(inclusion(size, size), None);
        prop_assert_eq!(inclusion(size.saturating_add(at), size), None);
        prop_assert_eq!(consistency(size, index), None);
    }
}

/// The proofs by which implementations of Certificate Transparency test themselves: leaf or old size, size, path.
#[test]
fn proofs_are_the_published_ones() {
    const FIRST: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    const SECOND: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    const THIRD_AND_FOURTH: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    const FIFTH: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    const FIFTH_AND_SIXTH: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
    const SEVENTH: &str = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f";
    const LAST_TWO: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    const LAST_FOUR: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    const FIRST_TWO: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    const FIRST_FOUR: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";

    let leaves = published_leaves();
    let check = |ranges: Option<Vec<Range<u64>>>, published: &[&str]| {
        let path: Vec<_> = hashes(&leaves, ranges.unwrap()).iter().map(|node| hex(node)).collect();
        assert_eq!(path, published);
    };
    check(inclusion(0, 1), &[]);
    check(inclusion(0, 8), &[SECOND, THIRD_AND_FOURTH, LAST_FOUR]);
    check(inclusion(5, 8), &[FIFTH, LAST_TWO, FIRST_FOUR]);
    check(inclusion(2, 3), &[FIRST_TWO]);
    check(inclusion(1, 5), &[FIRST, THIRD_AND_FOURTH, FIFTH]);
    check(consistency(1, 1), &[]);
    check(consistency(1, 8), &[SECOND, THIRD_AND_FOURTH, LAST_FOUR]);
    check(consistency(6, 8), &[FIFTH_AND_SIXTH, LAST_TWO, FIRST_FOUR]);
    check(consistency(2, 5), &[THIRD_AND_FOURTH, FIFTH]);
    check(consistency(6, 7), &[FIFTH_AND_SIXTH, SEVENTH, FIRST_FOUR]);
}
