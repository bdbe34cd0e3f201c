//! Proofs that an event is in a log: C2SP tlog-proof, `c2sp.org/tlog-proof@v1`.

use alloc::vec::Vec;
use core::fmt;

use dreichor_core::Hash;

use crate::base64;
use crate::checkpoint::SignedCheckpoint;
use crate::inclusion::{self, InclusionError};
use crate::lines::{Lines, check};
use crate::malformed::{Malformed, Problem};

/// The first line.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The longest path: a tree of 2^64 - 1 leaves has no longer one.
const HASHES_MAX: usize = 64;

/// A proof that an entry is in the log of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data that nothing in the proof vouches for; here, the event's content, which is hashed to the leaf.
    pub extra: Option<Vec<u8>>,
    /// The index of the entry, from 0.
    pub index: u64,
    /// The path from the leaf to the root.
    pub path: Vec<Hash>,
    /// The checkpoint, with its signatures.
    pub checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// Parses a proof. Neither it nor the signatures are checked.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut lines = Lines::starting_at(check(bytes)?, 1);
        if lines.next() != Some(HEADER) {
            return Err(lines.fault(Problem::Word(HEADER)));
        }
        let mut extra = None;
        if lines.rest().starts_with("extra ") {
            let text = lines.after("extra")?;
            let data = base64::decode(text);
            extra = Some(data.ok_or_else(|| lines.fault(Problem::Base64("the extra data")))?);
        }
        let index = lines.after("index")?;
        let index = lines.decimal(index, "the index")?;
        let path = lines.path(HASHES_MAX)?;
        let checkpoint = SignedCheckpoint::parse_from(lines.rest(), lines.number())?;
        Ok(Self { extra, index, path, checkpoint })
    }

    /// Checks that `leaf` is in the log of the checkpoint, whose signatures are not checked.
    ///
    /// # Errors
    ///
    /// The path does not prove it.
    pub fn verify(&self, leaf: Hash) -> Result<(), InclusionError> {
        let checkpoint = self.checkpoint.checkpoint();
        inclusion::verify(leaf, self.index, checkpoint.size(), &self.path, checkpoint.root())
    }
}

/// The bytes of the proof.
impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", base64::encode(hash.as_bytes())))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
