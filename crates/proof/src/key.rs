//! Keys, in the text forms of C2SP signed-note (verifier keys) and of Go's `sumdb/note` (signer keys).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base64;

/// The name of a key: not empty, without spaces, plus signs and control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// Parses a name; none for a text that is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_foreign = |char: char| char.is_whitespace() || char == '+' || char < ' ';
        (!text.is_empty() && !text.contains(is_foreign)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a key: the first four bytes of a hash over its name, type and public key. With the name, it tells keys apart;
/// it proves nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a key signs. Others exist (ML-DSA-44), and their signatures are those of unknown keys here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// The text of a note, by Ed25519 (signed-note).
    Note,
    /// The text of a checkpoint at a stated time, by Ed25519 (tlog-cosignature, `cosignature/v1`).
    Cosignature,
}

impl KeyType {
    /// The signature type identifier byte.
    const fn byte(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has another form.
    #[error("a verifier key has the form NAME+ID+BASE64, with an id of 8 lower-case hexadecimal digits")]
    VerifierForm,
    /// It has another form. The text is not shown, since it may be secret.
    #[error("a private key has the form PRIVATE+KEY+NAME+ID+BASE64, on one line")]
    SignerForm,
    /// The name is no key's name.
    #[error("a key's name must have a character, and neither space nor plus")]
    Name,
    /// The key is of a type that is not known here.
    #[error("the key has type {0:#04x}; known are 0x01 (Ed25519) and 0x04 (Ed25519 cosignatures)")]
    Type(u8),
    /// The key has too many or too few bytes, or is a point of the curve that no signature can be trusted of.
    #[error("this is not a public key of Ed25519")]
    Point,
    /// The id is not that of the key.
    #[error("the key's id is {found}, but name and key have the id {expected}: one of them was changed")]
    Id {
        /// The id in the text.
        found: String,
        /// The id that name and key have.
        expected: KeyId,
    },
}

/// A public key, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key_type: KeyType,
    public: VerifyingKey,
}

/// A signature that its key did not make of this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSignature;

/// The length of an Ed25519 signature and of the time before it in a cosignature, in bytes.
const SIGNATURE_BYTES: usize = 64;
const TIME_BYTES: usize = 8;

impl VerifierKey {
    /// Parses a verifier key: `NAME+ID+BASE64`.
    ///
    /// # Errors
    ///
    /// The text has another form, or its id is not that of the key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::VerifierForm);
        };
        let name = KeyName::parse(name).ok_or(KeyError::Name)?;
        let key = base64::decode(key).ok_or(KeyError::VerifierForm)?;
        let (key_type, public) = match key.split_first() {
            Some((0x01, public)) => (KeyType::Note, public),
            Some((0x04, public)) => (KeyType::Cosignature, public),
            Some((other, _)) => return Err(KeyError::Type(*other)),
            None => return Err(KeyError::VerifierForm),
        };
        let public = public.try_into().map_err(|_| KeyError::Point)?;
        let public = VerifyingKey::from_bytes(public).map_err(|_| KeyError::Point)?;
        // Everybody can sign anything for such a key.
        if public.is_weak() {
            return Err(KeyError::Point);
        }
        let key = Self::new(name, key_type, public);
        check_id(id, key.id, KeyError::VerifierForm)?;
        Ok(key)
    }

    fn new(name: KeyName, key_type: KeyType, public: VerifyingKey) -> Self {
        let hash = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', key_type.byte()])
            .chain_update(public.as_bytes())
            .finalize();
        Self { name, id: KeyId([hash[0], hash[1], hash[2], hash[3]]), key_type, public }
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key signs.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// True if both have the same public key, whatever their names.
    pub fn is_duplicate(&self, other: &Self) -> bool {
        self.public == other.public
    }

    /// Checks that the key signed `text`; returns the time that a cosignature states, in seconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn verify(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, BadSignature> {
        match self.key_type {
            KeyType::Note => self.verify_bytes(text.as_bytes(), signature).map(|()| None),
            KeyType::Cosignature => {
                let (time, signature) = signature.split_first_chunk::<TIME_BYTES>().ok_or(BadSignature)?;
                let time = u64::from_be_bytes(*time);
                // A time beyond this is none (tlog-cosignature, "Format").
                if i64::try_from(time).is_err() {
                    return Err(BadSignature);
                }
                let message = cosigned_message(time, text);
                self.verify_bytes(message.as_bytes(), signature).map(|()| Some(time))
            }
        }
    }

    fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let signature: &[u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| BadSignature)?;
        self.public.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| BadSignature)
    }
}

/// The message of a `cosignature/v1`.
fn cosigned_message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// `NAME+ID+BASE64`.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = base64::encode(&[&[self.key_type.byte()], &self.public.as_bytes()[..]].concat());
        write!(f, "{}+{}+{key}", self.name, self.id)
    }
}

/// Checks that the text of an id has its one spelling and is that of the key.
fn check_id(text: &str, id: KeyId, form: KeyError) -> Result<(), KeyError> {
    let found: [u8; 4] = match HEXLOWER.decode(text.as_bytes()).map(TryInto::try_into) {
        Ok(Ok(found)) => found,
        Ok(Err(_)) | Err(_) => return Err(form),
    };
    if found == id.0 { Ok(()) } else { Err(KeyError::Id { found: text.to_owned(), expected: id }) }
}

/// A private key, with its name. It is erased from memory when it is dropped.
pub struct SignerKey {
    verifier: VerifierKey,
    signing: SigningKey,
}

impl SignerKey {
    /// Creates the key of a name and a seed of Ed25519, which must be random and secret.
    pub fn new(name: KeyName, seed: &[u8; 32]) -> Self {
        Self::of_type(name, KeyType::Note, seed)
    }

    fn of_type(name: KeyName, key_type: KeyType, seed: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        Self { verifier: VerifierKey::new(name, key_type, signing.verifying_key()), signing }
    }

    /// Parses a private key: `PRIVATE+KEY+NAME+ID+BASE64`, Base64 of 0x01 and the seed.
    ///
    /// # Errors
    ///
    /// The text has another form, or its id is not that of the key. The error does not show the text.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::SignerForm)?;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::SignerForm);
        };
        let name = KeyName::parse(name).ok_or(KeyError::Name)?;
        let key = Zeroizing::new(base64::decode(key).ok_or(KeyError::SignerForm)?);
        let seed = match key.split_first() {
            Some((0x01, seed)) => seed.try_into().map_err(|_| KeyError::SignerForm)?,
            Some((other, _)) => return Err(KeyError::Type(*other)),
            None => return Err(KeyError::SignerForm),
        };
        let key = Self::new(name, seed);
        check_id(id, key.verifier.id, KeyError::SignerForm)?;
        Ok(key)
    }

    /// The text of the private key, without LF. It is secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut key = Zeroizing::new(Vec::with_capacity(33));
        key.push(self.verifier.key_type.byte());
        key.extend_from_slice(self.signing.as_bytes());
        let key = Zeroizing::new(base64::encode(&key));
        Zeroizing::new(format!("PRIVATE+KEY+{}+{}+{}", self.verifier.name, self.verifier.id, *key))
    }

    /// The public key.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs the text of a note. The same text gives the same signature (RFC 8032).
    pub fn sign(&self, text: &str) -> [u8; SIGNATURE_BYTES] {
        self.signing.sign(text.as_bytes()).to_bytes()
    }
}

/// Shows the public key only.
impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.verifier)
    }
}
