//! Proof files: each is read and written back to the same bytes, and no change of one is accepted.

mod support;

use std::fmt::Display;

use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use dreichor_proof::{AddCheckpoint, Checkpoint, Malformed, Note, Problem, SignedCheckpoint, TlogProof};
use proptest::prelude::*;
use support::{
    checkpoint, consistency_path, data, edges, inclusion_path, log_key, no_change_is_accepted, root, trust_in,
};

const ORIGIN: &str = "example.org/log";

fn inclusion(index: u64, size: u64) -> TlogProof {
    let (path, checkpoint) = (inclusion_path(index, size), checkpoint(ORIGIN, size));
    TlogProof { extra: Some(data(index)), index, path, checkpoint }
}

fn consistency(old: u64, size: u64) -> AddCheckpoint {
    AddCheckpoint { old, path: consistency_path(old, size), checkpoint: checkpoint(ORIGIN, size) }
}

/// True if the file proves that the data in it are in the log.
fn is_included(bytes: &[u8]) -> bool {
    let Ok(proof) = TlogProof::parse(bytes) else { return false };
    let mut leaf = Hasher::leaf();
    leaf.put(proof.extra.as_deref().unwrap_or_default());
    trust_in(&log_key(ORIGIN, 1)).verify(&proof.checkpoint).is_ok() && proof.verify(leaf.finish()).is_ok()
}

/// True if the file proves that the log extends its first `old` leaves.
fn is_extension(bytes: &[u8], old: u64) -> bool {
    AddCheckpoint::parse(bytes).is_ok_and(|proof| {
        let is_signed = trust_in(&log_key(ORIGIN, 1)).verify(&proof.checkpoint).is_ok();
        is_signed && proof.old == old && proof.verify(root(old)).is_ok()
    })
}

#[test]
fn files_have_one_text() {
    for size in edges(17) {
        for index in edges(17).into_iter().filter(|index| *index < size) {
            let proof = inclusion(index, size);
            let text = proof.to_string();
            assert_eq!(TlogProof::parse(text.as_bytes()), Ok(proof), "{text}");
            assert!(is_included(text.as_bytes()), "{text}");
        }
        for old in edges(17).into_iter().filter(|old| *old <= size) {
            let proof = consistency(old, size);
            let text = proof.to_string();
            assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(proof), "{text}");
            assert!(is_extension(text.as_bytes(), old), "{text}");
        }
    }
    for extra in [None, Some(Vec::new())] {
        let proof = TlogProof { extra, ..inclusion(0, 1) };
        assert_eq!(TlogProof::parse(proof.to_string().as_bytes()), Ok(proof));
    }
}

#[test]
fn no_change_of_an_inclusion_proof_is_accepted() {
    for (index, size) in [(0, 1), (2, 3), (4, 5), (3, 8)] {
        no_change_is_accepted(inclusion(index, size).to_string().as_bytes(), is_included);
    }
}

#[test]
fn no_change_of_a_consistency_proof_is_accepted() {
    for (old, size) in [(1, 1), (3, 5), (4, 5), (8, 8)] {
        let proof = consistency(old, size).to_string();
        no_change_is_accepted(proof.as_bytes(), |bytes| is_extension(bytes, old));
    }
}

#[test]
fn files_of_another_form_are_refused_by_line() {
    let good = inclusion(2, 3).to_string();
    let refused = |from: &str, to: &str| {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from} is there");
        let error = TlogProof::parse(text.as_bytes()).expect_err(&text);
        (error.line, error.problem)
    };
    let index = Problem::Decimal("the index");
    for number in ["02", "+2", "-2", "", " 2", "18446744073709551616"] {
        assert_eq!(refused("index 2", &format!("index {number}")), (3, index.clone()), "{number}");
    }
    assert_eq!(refused("index 2", "Index 2"), (3, Problem::Word("index")));
    assert_eq!(refused("index 2\n", ""), (3, Problem::Word("index")));
    assert_eq!(refused("@v1", "@v2"), (1, Problem::Word("c2sp.org/tlog-proof@v1")));
    assert_eq!(refused("extra AAAAAAAAAAI=", "extra AAAAAAAAAAI"), (2, Problem::Base64("the extra data")));
    assert_eq!(refused("extra ", "extra  ").1, Problem::Base64("the extra data"));
    let hash = good.lines().nth(3).unwrap();
    assert!(matches!(refused(hash, &hash[..42]), (4, Problem::Base64(_))));
    assert!(matches!(refused(hash, "AAAA"), (4, Problem::Length { found: 3, .. })));
    let many = format!("{hash}\n").repeat(65);
    assert_eq!(refused(&format!("{hash}\n"), &many), (68, Problem::TooManyHashes(64)));
    // Without the empty line, the checkpoint is read as hashes.
    assert!(matches!(refused("\n\n", "\n"), (5, Problem::Base64(_))));

    let good = consistency(3, 5).to_string();
    let refused = |from: &str, to: &str| {
        let text = good.replacen(from, to, 1);
        let error = AddCheckpoint::parse(text.as_bytes()).expect_err(&text);
        (error.line, error.problem)
    };
    assert_eq!(refused("old 3", "old 03"), (1, Problem::Decimal("the old size")));
    assert_eq!(refused("old 3", "older 3"), (1, Problem::Word("old")));
    assert_eq!(refused("old 3", "old 6"), (1, Problem::OldSize { old: 6, size: 5 }));
    let hash = good.lines().nth(1).unwrap();
    let many = format!("{hash}\n").repeat(64);
    assert_eq!(refused(&format!("{hash}\n"), &many), (65, Problem::TooManyHashes(63)));
}

#[test]
fn consistency_from_nothing_needs_the_root_of_nothing() {
    for size in [0, 1, 5] {
        let proof = consistency(0, size);
        proof.verify(root(0)).unwrap();
        proof.verify(root(1)).unwrap_err();
        let longer = AddCheckpoint { path: vec![root(1)], ..proof };
        longer.verify(root(0)).unwrap_err();
    }
}

/// What texts of these formats consist of, and some of what they do not.
const PIECES: [&str; 15] = [
    "c2sp.org/tlog-proof@v1\n",
    "extra ",
    "AAAA\n",
    "index ",
    "old ",
    "0\n",
    "1\n",
    "example.org/log\n",
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    "\n",
    "— example.org/log ",
    "AAAAAAA=\n",
    " ",
    "\r\n",
];

/// A text that is read is written back to the same bytes.
fn is_faithful<T: Display>(text: &str, parse: impl Fn(&[u8]) -> Result<T, Malformed>) -> bool {
    parse(text.as_bytes()).is_ok_and(|read| {
        assert_eq!(read.to_string(), text);
        true
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_is_read_is_written_back(pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..14)) {
        let text = pieces.concat();
        let is_checkpoint = is_faithful(&text, Checkpoint::parse);
        let is_note = is_faithful(&text, Note::parse);
        let is_signed = is_faithful(&text, SignedCheckpoint::parse);
        let is_proof = is_faithful(&text, TlogProof::parse);
        let is_extension = is_faithful(&text, AddCheckpoint::parse);
        // A file is of one format. All but the text of a checkpoint are notes, too.
        let formats = [is_checkpoint, is_signed, is_proof, is_extension];
        prop_assert!(formats.iter().filter(|is_it| **is_it).count() <= 1);
        prop_assert_eq!(is_note && is_checkpoint, false);
        prop_assert!(is_note || !(is_signed || is_proof || is_extension));
    }
}
