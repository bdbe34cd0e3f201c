//! Whose signatures are demanded of a checkpoint: one log's, or what a policy says.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::checkpoint::SignedCheckpoint;
use crate::key::{KeyId, KeyType, SignerKey, VerifierKey};
use crate::malformed::Malformed;
use crate::note::NoteSignature;

/// The logs that are known, the witnesses, and which of these must have cosigned (C2SP tlog-policy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// At least one.
    pub(crate) logs: Vec<VerifierKey>,
    /// Witnesses and groups, in the order of the policy: a group's members precede it.
    pub(crate) parties: Vec<Party>,
    /// Who must have witnessed.
    pub(crate) quorum: Quorum,
}

/// Who must have witnessed a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quorum {
    /// Nobody: no cosignature is demanded.
    Nobody,
    /// The party with this index.
    Party(usize),
}

/// A witness or a group, under the name that the policy gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    /// Any octets without white space.
    pub(crate) name: Vec<u8>,
    pub(crate) kind: PartyKind,
}

impl Party {
    /// The name for messages.
    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartyKind {
    Witness {
        key: Box<VerifierKey>,
        /// Where it takes requests, if the policy says so.
        url: Option<String>,
    },
    /// Has witnessed if `threshold` of the members have.
    Group { threshold: usize, members: Vec<usize> },
}

/// A witness of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness<'t> {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: &'t VerifierKey,
    /// The submission prefix of tlog-witness, if the policy gives one.
    pub url: Option<&'t str>,
}

/// Whose signatures a checkpoint has, all checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers {
    /// The key of the log.
    pub log: VerifierKey,
    /// The cosignatures of the policy's witnesses, in the order of the policy.
    pub cosigners: Vec<Cosigner>,
    /// How many signatures are of unknown keys. They say nothing.
    pub unknown: usize,
}

/// A witness that has cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigner {
    /// Its name in the policy.
    pub name: String,
    /// The time that it states, in seconds since the Unix epoch: the latest of several.
    pub time: u64,
}

/// Why the signatures of a checkpoint are not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The checkpoint is of a log that is not known.
    #[error("it is of the log {origin:?}, and the key is of {known}")]
    OtherLog {
        /// The origin of the checkpoint.
        origin: String,
        /// The logs that are known.
        known: String,
    },
    /// A known key did not make the signature that bears its name and id.
    #[error("the signature of {name}+{id} is not of this text: one of them was changed")]
    BadSignature {
        /// The key's name.
        name: String,
        /// The key's id.
        id: KeyId,
    },
    /// No signature is of the log's key.
    #[error("none of its signatures is of {key}; it has those of {found}")]
    NotSigned {
        /// The keys of the log.
        key: String,
        /// The keys that signed.
        found: String,
    },
    /// Too few witnesses have cosigned.
    #[error("the quorum {quorum:?} is not met: of the policy's witnesses, {found} cosigned it")]
    NoQuorum {
        /// The quorum's name in the policy.
        quorum: String,
        /// The names of those that did, or "none".
        found: String,
    },
}

/// Why a key cannot be that of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this key is a witness's, of type 0x04, and no log signs with it")]
pub struct NotALog;

impl Trust {
    /// Demands the signature of one log.
    ///
    /// # Errors
    ///
    /// The key is a witness's.
    pub fn in_log(key: VerifierKey) -> Result<Self, NotALog> {
        match key.key_type() {
            KeyType::Note => Ok(Self { logs: vec![key], parties: Vec::new(), quorum: Quorum::Nobody }),
            KeyType::Cosignature => Err(NotALog),
        }
    }

    /// Demands the signature of the log that signs with this key.
    pub fn in_log_of(key: &SignerKey) -> Self {
        // A signer key is never a witness's.
        Self { logs: vec![key.verifier().clone()], parties: Vec::new(), quorum: Quorum::Nobody }
    }

    /// The witnesses, in the order of the policy.
    pub fn witnesses(&self) -> impl Iterator<Item = Witness<'_>> {
        self.parties.iter().filter_map(|party| match &party.kind {
            PartyKind::Witness { key, url } => {
                Some(Witness { name: party.shown(), key, url: url.as_deref() })
            }
            PartyKind::Group { .. } => None,
        })
    }

    /// Parses a policy, which must name a log.
    ///
    /// # Errors
    ///
    /// The first line that is not of the format.
    pub fn parse_policy(bytes: &[u8]) -> Result<Self, Malformed> {
        crate::policy::parse(bytes)
    }

    /// Checks the signatures of a checkpoint: each of a known key must be right, one must be of the log whose origin the
    /// checkpoint has, and the quorum must have cosigned. Those of unknown keys are ignored.
    ///
    /// # Errors
    ///
    /// The first demand that is not met.
    pub fn verify(&self, signed: &SignedCheckpoint) -> Result<Signers, TrustError> {
        let (note, origin) = (signed.note(), signed.checkpoint().origin());
        let is_of_origin = |key: &&VerifierKey| key.name().as_str() == origin;
        if !self.logs.iter().any(|key| is_of_origin(&key)) {
            let known = self.logs.iter().map(|key| key.name().to_string());
            return Err(TrustError::OtherLog { origin: origin.to_owned(), known: join(known) });
        }
        let mut log = None;
        let mut times = vec![None; self.parties.len()];
        let mut unknown = 0;
        for signature in note.signatures() {
            let check = |key: &VerifierKey| {
                key.verify(note.text(), &signature.bytes)
                    .map_err(|_| TrustError::BadSignature { name: key.name().to_string(), id: key.id() })
            };
            if let Some(key) = self.logs.iter().find(|key| is_by(signature, key)) {
                check(key)?;
                log = log.or_else(|| Some(key).filter(is_of_origin));
            } else if let Some((index, key)) = self.witness(signature) {
                // A witness counts once, whatever it signed how often.
                times[index] = times[index].max(check(key)?);
            } else {
                unknown += 1;
            }
        }
        let Some(log) = log else {
            let keys = self.logs.iter().filter(is_of_origin);
            let found = note.signatures().iter().map(|found| alloc::format!("{}+{}", found.name, found.id));
            return Err(TrustError::NotSigned {
                key: join(keys.map(|key| alloc::format!("{}+{}", key.name(), key.id()))),
                found: join(found),
            });
        };
        let named = self.parties.iter().zip(&times);
        let cosigner =
            |(party, time): (&Party, &Option<u64>)| time.map(|time| Cosigner { name: party.shown(), time });
        let cosigners: Vec<Cosigner> = named.filter_map(cosigner).collect();
        if let Quorum::Party(quorum) = self.quorum
            && !self.witnessed(&times)[quorum]
        {
            let found = cosigners.iter().map(|cosigner| cosigner.name.clone());
            return Err(TrustError::NoQuorum { quorum: self.parties[quorum].shown(), found: join(found) });
        }
        Ok(Signers { log: log.clone(), cosigners, unknown })
    }

    fn witness(&self, signature: &NoteSignature) -> Option<(usize, &VerifierKey)> {
        let key = |(index, party): (usize, &'_ Party)| match &party.kind {
            PartyKind::Witness { key, .. } if is_by(signature, key) => Some(index),
            PartyKind::Witness { .. } | PartyKind::Group { .. } => None,
        };
        let index = self.parties.iter().enumerate().find_map(key)?;
        match &self.parties[index].kind {
            PartyKind::Witness { key, .. } => Some((index, key)),
            PartyKind::Group { .. } => None,
        }
    }

    /// For each party, whether it has witnessed; `times` are those of the witnesses that have cosigned.
    fn witnessed(&self, times: &[Option<u64>]) -> Vec<bool> {
        let mut witnessed = Vec::with_capacity(self.parties.len());
        for (party, time) in self.parties.iter().zip(times) {
            let has = match &party.kind {
                PartyKind::Witness { .. } => time.is_some(),
                PartyKind::Group { threshold, members } => {
                    members.iter().filter(|member| witnessed[**member]).count() >= *threshold
                }
            };
            witnessed.push(has);
        }
        witnessed
    }
}

/// True if the signature bears the key's name and id.
fn is_by(signature: &NoteSignature, key: &VerifierKey) -> bool {
    signature.name == *key.name() && signature.id == key.id()
}

/// The names with commas, or "none".
fn join(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
