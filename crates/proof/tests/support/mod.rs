//! A tree, keys of logs and witnesses, and changes to files that nobody may accept.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a helper's failure is the test's")]

#[path = "../../../core/tests/support/rfc6962.rs"]
pub(crate) mod rfc6962;

use std::ops::Range;
use std::sync::LazyLock;

use data_encoding::{BASE64, HEXLOWER};
use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use dreichor_core::{Hash, Tree};
use dreichor_proof::{Checkpoint, KeyName, SignedCheckpoint, SignerKey, Trust, VerifierKey};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

/// The data of leaf `index`.
pub(crate) fn data(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}

/// Leaf `index`.
pub(crate) fn leaf(index: u64) -> Hash {
    let mut hasher = Hasher::leaf();
    hasher.put(&data(index));
    hasher.finish()
}

/// The leaves of the largest tree that a test makes.
static LEAVES: LazyLock<Vec<Hash>> = LazyLock::new(|| (0..260).map(leaf).collect());

/// The root of the subtree over a range of leaves.
pub(crate) fn root_of(range: Range<u64>) -> Hash {
    let place = |at: u64| usize::try_from(at).unwrap();
    let mut tree = Tree::new();
    tree.extend(&LEAVES[place(range.start)..place(range.end)]);
    tree.root()
}

/// The root of the tree of the first `size` leaves.
pub(crate) fn root(size: u64) -> Hash {
    root_of(0..size)
}

/// The path of RFC 6962 section 2.1.1.
pub(crate) fn inclusion_path(index: u64, size: u64) -> Vec<Hash> {
    rfc6962::path(index, 0..size).into_iter().map(root_of).collect()
}

/// The path of RFC 6962 section 2.1.2.
pub(crate) fn consistency_path(from: u64, to: u64) -> Vec<Hash> {
    if from == 0 { Vec::new() } else { rfc6962::proof(from, to).into_iter().map(root_of).collect() }
}

/// 0, 1, and around each power of two up to `most`.
pub(crate) fn edges(most: u64) -> Vec<u64> {
    let powers = (0..64).map(|power| 1 << power).take_while(|power| *power <= most);
    let mut edges: Vec<u64> = powers.flat_map(|power: u64| [power - 1, power, power + 1]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

pub(crate) fn name(text: &str) -> KeyName {
    KeyName::parse(text).unwrap()
}

/// The key of a log; another seed is another key.
pub(crate) fn log_key(origin: &str, seed: u8) -> SignerKey {
    SignerKey::new(name(origin), &[seed; 32])
}

/// What accepts the log's checkpoints.
pub(crate) fn trust_in(key: &SignerKey) -> Trust {
    Trust::in_log(VerifierKey::parse(&key.verifier().to_string()).unwrap()).unwrap()
}

/// A signed checkpoint of the tree of this size.
pub(crate) fn checkpoint(origin: &str, size: u64) -> SignedCheckpoint {
    Checkpoint::new(origin, size, root(size)).sign(&log_key(origin, 1))
}

/// A witness, written from tlog-cosignature and not from the code.
pub(crate) struct Witness {
    name: String,
    signing: SigningKey,
}

impl Witness {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        Self { name: name.into(), signing: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn key(&self) -> Vec<u8> {
        [&[4], &self.signing.verifying_key().to_bytes()[..]].concat()
    }

    fn id(&self) -> Vec<u8> {
        Sha256::digest([self.name.as_bytes(), b"\n", &self.key()].concat())[..4].to_vec()
    }

    pub(crate) fn verifier(&self) -> String {
        format!("{}+{}+{}", self.name, HEXLOWER.encode(&self.id()), BASE64.encode(&self.key()))
    }

    /// A signature line.
    pub(crate) fn cosign(&self, text: &str, time: u64) -> String {
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = self.signing.sign(message.as_bytes()).to_bytes();
        let bytes = [&self.id()[..], &time.to_be_bytes(), &signature].concat();
        format!("— {} {}\n", self.name, BASE64.encode(&bytes))
    }
}

/// Checks that the file is accepted as it is, and with any bit flipped, cut off anywhere, or with more after it, is not.
#[track_caller]
pub(crate) fn no_change_is_accepted(file: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(file), "the file itself");
    for bit in 0..file.len() * 8 {
        let mut changed = file.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepts(&changed), "bit {bit}: {}", String::from_utf8_lossy(&changed));
    }
    for length in 0..file.len() {
        assert!(!accepts(&file[..length]), "{length} bytes");
    }
    for more in ["\n", " ", "x", "x\n", "\0", "\n\n", "— x AAAA\n", "\u{feff}"] {
        assert!(!accepts(&[file, more.as_bytes()].concat()), "{more:?} after it");
        assert!(!accepts(&[more.as_bytes(), file].concat()), "{more:?} before it");
    }
    let crlf = String::from_utf8_lossy(file).replace('\n', "\r\n");
    assert!(!accepts(crlf.as_bytes()), "CRLF");
}
