//! Signed notes: C2SP signed-note.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::base64;
use crate::key::{KeyId, KeyName, SignerKey};
use crate::lines::{Lines, check};
use crate::malformed::{Malformed, Problem};

/// A text and signatures on it, which are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature, of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: KeyName,
    /// The id of the key.
    pub id: KeyId,
    /// What the key's kind of signature consists of; not empty.
    pub bytes: Vec<u8>,
}

/// What a signature line begins with: an em dash and a space.
const SIGNATURE: &str = "— ";

impl Note {
    /// Signs `text`, which ends in LF.
    pub fn sign(text: String, key: &SignerKey) -> Self {
        let verifier = key.verifier();
        let signature = NoteSignature {
            name: verifier.name().clone(),
            id: verifier.id(),
            bytes: key.sign(&text).to_vec(),
        };
        Self { text, signatures: alloc::vec![signature] }
    }

    /// Parses a note. Its signatures are not checked.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::parse_from(check(bytes)?, 1)
    }

    /// Parses a note whose first line is line `number` of its file, and which [`check`] has accepted.
    pub(crate) fn parse_from(note: &str, number: usize) -> Result<Self, Malformed> {
        let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
        // The last empty line separates the text from the signatures.
        let Some(blank) = note.rfind("\n\n") else {
            let missing = Problem::Missing("the empty line between the text and its signatures");
            return Err(missing.at(number + lines(note)));
        };
        let (text, signed) = note.split_at(blank + 1);
        let mut signed = Lines::starting_at(&signed[1..], number + lines(text) + 1);
        let mut signatures = Vec::new();
        while let Some(line) = signed.next() {
            signatures.push(signature(line).map_err(|problem| signed.fault(problem))?);
        }
        if signatures.is_empty() {
            return Err(Problem::Missing("a signature").at(signed.number()));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Adds a signature after the others.
    pub(crate) fn add(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// The text, which ends in LF.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the order of the note; at least one.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

fn signature(line: &str) -> Result<NoteSignature, Problem> {
    let signature = line.strip_prefix(SIGNATURE).and_then(|rest| rest.split_once(' '));
    let (name, signature) = signature.ok_or(Problem::SignatureLine)?;
    let name = KeyName::parse(name).ok_or_else(|| Problem::KeyName(name.to_string()))?;
    let bytes = base64::decode(signature).ok_or(Problem::Base64("the signature"))?;
    match bytes.split_first_chunk::<4>() {
        Some((id, bytes)) if !bytes.is_empty() => {
            Ok(NoteSignature { name, id: KeyId(*id), bytes: bytes.to_vec() })
        }
        Some(_) | None => Err(Problem::Length {
            what: "the signature with its key id",
            found: bytes.len(),
            expected: "5 or more",
        }),
    }
}

/// The bytes of the note.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|NoteSignature { name, id, bytes }| {
            let signature = base64::encode(&[&id.0, &bytes[..]].concat());
            writeln!(f, "{SIGNATURE}{name} {signature}")
        })
    }
}
