//! Other implementations of the same formats say the same: ct-merkle (trees), tlog_tiles (trees, checkpoints) and
//! signed_note (keys, notes).
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use dreichor_core::Hash;
use dreichor_proof::{Checkpoint, SignedCheckpoint, SignerKey, VerifierKey, consistency, inclusion};
use sha2::Sha256;
use signed_note::{Note, Signer as _, StandardSigner, StandardVerifier, Verifier as _, VerifierList};
use support::{consistency_path, data, edges, inclusion_path, leaf, log_key, root, trust_in};
use tlog_tiles::{HashReader, check_record, check_tree, prove_record, prove_tree, stored_hashes, tree_hash};

/// The largest tree that is tried.
const SIZE_MAX: u64 = 130;

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|hash| Hash::from_bytes(hash.try_into().unwrap())).collect()
}

#[test]
fn ct_merkle_agrees() {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=SIZE_MAX {
        tree.push(data(size - 1));
        assert_eq!(hashes(tree.root().as_bytes()), [root(size)]);
        let place = |number: u64| usize::try_from(number).unwrap();
        for index in edges(SIZE_MAX).into_iter().filter(|index| *index < size) {
            let path = hashes(tree.prove_inclusion(place(index)).as_bytes());
            assert_eq!(path, inclusion_path(index, size));
            inclusion::verify(leaf(index), index, size, &path, root(size)).unwrap();
        }
        for from in edges(SIZE_MAX).into_iter().filter(|from| (1..size).contains(from)) {
            let path = hashes(tree.prove_consistency(place(size - from)).as_bytes());
            consistency::verify((from, root(from)), (size, root(size)), &path).unwrap();
        }
    }
}

/// The nodes of a tree in the order in which tlog_tiles stores them.
#[derive(Default)]
struct Nodes(Vec<tlog_tiles::Hash>);

impl HashReader for Nodes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

#[test]
fn tlog_tiles_agrees_on_trees() {
    let theirs = |hash: &Hash| tlog_tiles::Hash(*hash.as_bytes());
    let ours =
        |path: Vec<tlog_tiles::Hash>| path.iter().map(|hash| Hash::from_bytes(hash.0)).collect::<Vec<_>>();
    let mut nodes = Nodes::default();
    for size in 1..=SIZE_MAX {
        let stored = stored_hashes(size - 1, &data(size - 1), &nodes).unwrap();
        nodes.0.extend(stored);
        let root_now = tree_hash(size, &nodes).unwrap();
        assert_eq!(root_now.0, *root(size).as_bytes());
        for index in edges(SIZE_MAX).into_iter().filter(|index| *index < size) {
            let path = prove_record(size, index, &nodes).unwrap();
            inclusion::verify(leaf(index), index, size, &ours(path), root(size)).unwrap();
            let path = inclusion_path(index, size).iter().map(theirs).collect();
            check_record(&path, size, root_now, index, theirs(&leaf(index))).unwrap();
        }
        for from in edges(SIZE_MAX).into_iter().filter(|from| (1..=size).contains(from)) {
            let path = prove_tree(size, from, &nodes).unwrap();
            consistency::verify((from, root(from)), (size, root(size)), &ours(path)).unwrap();
            let path = consistency_path(from, size).iter().map(theirs).collect();
            check_tree(&path, size, root_now, from, theirs(&root(from))).unwrap();
        }
    }
}

#[test]
fn tlog_tiles_agrees_on_checkpoints() {
    for size in edges(SIZE_MAX) {
        let ours = Checkpoint::new("example.org/log", size, root(size));
        let theirs = tlog_tiles::Checkpoint::from_bytes(ours.to_string().as_bytes()).unwrap();
        assert_eq!((theirs.origin(), theirs.size()), (ours.origin(), size));
        assert_eq!(theirs.hash().0, *root(size).as_bytes());
        assert_eq!(theirs.to_bytes(), ours.to_string().into_bytes());
    }
}

#[test]
fn signed_note_reads_our_keys_and_notes_and_we_its() {
    let key = log_key("example.org/log", 1);
    let (secret, public) = (key.to_text(), key.verifier().to_string());
    let their_signer = StandardSigner::new(&secret).unwrap();
    let their_verifier = StandardVerifier::new(&public).unwrap();
    assert_eq!(their_verifier.key_id().to_be_bytes(), key.verifier().id().0);

    let checkpoint = Checkpoint::new("example.org/log", 5, root(5));
    let ours = checkpoint.clone().sign(&key).to_string();
    let read = Note::from_bytes(ours.as_bytes()).unwrap();
    assert_eq!(read.to_bytes(), ours.as_bytes());
    let known = VerifierList::new(vec![Box::new(their_verifier)]);
    let (verified, unverified) = read.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));

    let mut theirs = Note::new(checkpoint.to_string().as_bytes(), &[]).unwrap();
    theirs.add_sigs(&[&their_signer as &dyn signed_note::Signer]).unwrap();
    assert_eq!(theirs.to_bytes(), ours.as_bytes());
    let signed = SignedCheckpoint::parse(&theirs.to_bytes()).unwrap();
    trust_in(&key).verify(&signed).unwrap();
    assert_eq!(their_signer.name(), "example.org/log");
}

#[test]
fn signed_note_refuses_the_keys_that_we_refuse() {
    let key = log_key("example.org/log", 1);
    let (secret, public) = (key.to_text(), key.verifier().to_string());
    let changes = |text: &str| -> Vec<String> {
        let flip = |at: usize| {
            let mut changed = text.as_bytes().to_vec();
            changed[at] ^= 1;
            String::from_utf8(changed).unwrap()
        };
        (0..text.len()).map(flip).collect()
    };
    for changed in changes(&public) {
        assert!(
            StandardVerifier::new(&changed).is_err() && VerifierKey::parse(&changed).is_err(),
            "{changed}"
        );
    }
    for changed in changes(&secret) {
        assert!(StandardSigner::new(&changed).is_err() && SignerKey::parse(&changed).is_err(), "{changed}");
    }
}
