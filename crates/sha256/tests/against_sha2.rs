//! The hashes are those of the `sha2` crate, whatever the lengths and however many.

use dreichor_sha256::hash_each;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn check(prefix: &[u8], bodies: &[Vec<u8>]) {
    let mut hashes = vec![[7; 32]];
    hash_each(prefix, bodies.iter().map(Vec::as_slice), &mut hashes);
    let expected: Vec<[u8; 32]> =
        bodies.iter().map(|body| Sha256::digest([prefix, body].concat()).into()).collect();
    assert_eq!(hashes[0], [7; 32], "what was there before stays");
    assert_eq!(hashes[1..], expected, "prefix of {} bytes, {} bodies", prefix.len(), bodies.len());
}

/// Around each border of a block and of its padding.
#[test]
fn every_length_is_padded_as_the_standard_says() {
    for prefix in [0, 1, 2, 55, 56, 63, 64] {
        let bodies: Vec<Vec<u8>> = (0_u8..=200).map(|length| vec![length; usize::from(length)]).collect();
        check(&vec![0xab; prefix], &bodies);
    }
}

#[test]
fn any_number_of_messages_is_hashed() {
    for count in 0..20 {
        check(b"\x01", &vec![vec![5; 64]; count]);
    }
}

proptest! {

    #[test]
    fn messages_of_any_lengths_are_hashed_side_by_side(
        prefix in prop::collection::vec(any::<u8>(), 0..=64),
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..40),
    ) {
        check(&prefix, &bodies);
    }
}
