//! Proofs that a log extends an older one of itself: the body of an `add-checkpoint` request of C2SP tlog-witness.

use alloc::vec::Vec;
use core::fmt;

use dreichor_core::Hash;

use crate::base64;
use crate::checkpoint::SignedCheckpoint;
use crate::consistency::{self, ConsistencyError, Head};
use crate::lines::{Lines, check};
use crate::malformed::{Malformed, Problem};

/// The first word.
pub const OLD: &str = "old";

/// The longest path that a witness accepts.
const HASHES_MAX: usize = 63;

/// A checkpoint, and a proof that its log begins with that of an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the older tree.
    pub old: u64,
    /// The path.
    pub path: Vec<Hash>,
    /// The checkpoint, with its signatures.
    pub checkpoint: SignedCheckpoint,
}

impl AddCheckpoint {
    /// Parses a request's body. Neither the proof nor the signatures are checked.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut lines = Lines::starting_at(check(bytes)?, 1);
        let old = lines.after(OLD)?;
        let old = lines.decimal(old, "the old size")?;
        let path = lines.path(HASHES_MAX)?;
        let checkpoint = SignedCheckpoint::parse_from(lines.rest(), lines.number())?;
        let size = checkpoint.checkpoint().size();
        if old > size {
            return Err(Problem::OldSize { old, size }.at(1));
        }
        Ok(Self { old, path, checkpoint })
    }

    /// Checks that the log of the checkpoint, whose signatures are not checked, begins with the tree of the old size that
    /// has this root.
    ///
    /// # Errors
    ///
    /// The path does not prove it.
    pub fn verify(&self, old_root: Hash) -> Result<(), ConsistencyError> {
        let checkpoint = self.checkpoint.checkpoint();
        let to: Head = (checkpoint.size(), checkpoint.root());
        consistency::verify((self.old, old_root), to, &self.path)
    }
}

/// The bytes of the body.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{OLD} {}", self.old)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", base64::encode(hash.as_bytes())))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
