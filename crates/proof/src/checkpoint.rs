//! Checkpoints: C2SP tlog-checkpoint.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use dreichor_core::{Hash, Tree};

use crate::base64;
use crate::key::{SignerKey, VerifierKey};
use crate::lines::{Lines, check};
use crate::malformed::{Malformed, Problem};
use crate::note::Note;
use crate::trust::{Trust, TrustError};

/// The size and the root of a log's tree, and the name of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// Creates a checkpoint of the tree with `size` leaves.
    ///
    /// # Panics
    ///
    /// If the origin is no line of text, or the tree of size 0 has another root than the empty one.
    pub fn new(origin: &str, size: u64, root: Hash) -> Self {
        assert!(!origin.is_empty() && origin.chars().all(|char| char >= ' '), "an origin is a line of text");
        assert!(size > 0 || root == Tree::new().root(), "the empty tree has one root");
        Self { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// Parses the text of a checkpoint, without signatures.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::parse_from(check(bytes)?, 1)
    }

    /// Parses a text whose first line is line `number` of its file, and which [`check`] has accepted.
    fn parse_from(text: &str, number: usize) -> Result<Self, Malformed> {
        let mut lines = Lines::starting_at(text, number);
        let origin = lines.content("the origin")?.to_owned();
        let size = lines.content("the tree size")?;
        let size = lines.decimal(size, "the tree size")?;
        let root = lines.content("the root hash")?;
        let root = lines.hash(root, "the root hash")?;
        if size == 0 && root != Tree::new().root() {
            return Err(lines.fault(Problem::EmptyRoot));
        }
        let mut extensions = Vec::new();
        while !lines.rest().is_empty() {
            extensions.push(lines.content("an extension line")?.to_owned());
        }
        Ok(Self { origin, size, root, extensions })
    }

    /// The name of the log: a line of text.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of events, which is the size of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Signs the checkpoint.
    pub fn sign(self, key: &SignerKey) -> SignedCheckpoint {
        SignedCheckpoint { note: Note::sign(self.to_string(), key), checkpoint: self }
    }
}

/// The text of the checkpoint, which is what signatures are of.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, extensions } = self;
        writeln!(f, "{origin}\n{size}\n{}", base64::encode(root.as_bytes()))?;
        extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A note whose text is a checkpoint. Its signatures are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    /// Parses a signed checkpoint. Its signatures are not checked.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::parse_from(check(bytes)?, 1)
    }

    /// Parses a note whose first line is line `number` of its file, and which [`check`] has accepted.
    pub(crate) fn parse_from(note: &str, number: usize) -> Result<Self, Malformed> {
        let note = Note::parse_from(note, number)?;
        let checkpoint = Checkpoint::parse_from(note.text(), number)?;
        Ok(Self { note, checkpoint })
    }

    /// Adds the cosignatures of `key` among these signature lines.
    ///
    /// # Errors
    ///
    /// The lines are not of the format, or none of them is a signature of this key on this checkpoint.
    pub fn cosigned(&self, lines: &str, key: &VerifierKey) -> Result<Self, CosignError> {
        let answered = Note::parse(format!("{self}{lines}").as_bytes())?;
        let mut note = self.note.clone();
        for signature in &answered.signatures()[note.signatures().len()..] {
            if signature.name != *key.name() || signature.id != key.id() {
                continue;
            }
            key.verify(note.text(), &signature.bytes).map_err(|_| CosignError::BadSignature)?;
            note.add(signature.clone());
        }
        if note.signatures().len() == self.note.signatures().len() {
            return Err(CosignError::Missing);
        }
        Ok(Self { note, checkpoint: self.checkpoint.clone() })
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The checkpoint in it.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// The bytes of the note.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// Why signature lines are not cosignatures of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// They are not of the format.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// One bears the key's name and id, and is not of this checkpoint.
    #[error("its signature is not of this checkpoint")]
    BadSignature,
    /// None bears the key's name and id.
    #[error("none of its signatures is of the policy's key")]
    Missing,
}

/// A checkpoint that somebody kept, with signatures or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// The text alone.
    Unsigned(Checkpoint),
    /// A note. Its signatures are not checked yet.
    Signed(SignedCheckpoint),
}

impl Kept {
    /// Parses a checkpoint, signed or not.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = check(bytes)?;
        // No line of a checkpoint's text is empty, so an empty line announces signatures.
        if text.contains("\n\n") {
            SignedCheckpoint::parse_from(text, 1).map(Self::Signed)
        } else {
            Checkpoint::parse_from(text, 1).map(Self::Unsigned)
        }
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        match self {
            Self::Unsigned(checkpoint) => checkpoint,
            Self::Signed(signed) => signed.checkpoint(),
        }
    }
}

/// Why a kept checkpoint is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is none.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is signed, and no key was given to check that: a question that was not asked whole.
    #[error("it is signed, and no key was given to check the signatures with")]
    NoTrust,
    /// A key or a policy was given, and it has no signature.
    #[error("it is not signed")]
    Unsigned,
    /// Its signatures are not those that are demanded.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
}

/// Reads a checkpoint that somebody kept: its text without signatures if `trust` is none, else a note with signatures that
/// `trust` accepts.
///
/// # Errors
///
/// It is malformed; or it is signed although nothing says by whom it should be, or the other way round; or its signatures
/// are not accepted.
pub fn read_checkpoint(bytes: &[u8], trust: Option<&Trust>) -> Result<Checkpoint, CheckpointError> {
    match (Kept::parse(bytes)?, trust) {
        (Kept::Unsigned(checkpoint), None) => Ok(checkpoint),
        (Kept::Unsigned(_), Some(_)) => Err(CheckpointError::Unsigned),
        (Kept::Signed(_), None) => Err(CheckpointError::NoTrust),
        (Kept::Signed(signed), Some(trust)) => {
            trust.verify(&signed)?;
            Ok(signed.checkpoint)
        }
    }
}
