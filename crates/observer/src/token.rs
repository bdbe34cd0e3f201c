//! The bearer token (RFC 6750) that opens the API beyond loopback.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use subtle::ConstantTimeEq;

/// The least length of a token, in characters.
const LENGTH_MIN: usize = 32;
/// The greatest: with its header's name, it must fit a request.
const LENGTH_MAX: usize = 1024;

/// A token, of which only the hash is kept.
// Its field is private and it has no `PartialEq`: `is` is the only comparison, and takes constant time.
#[derive(Clone)]
pub struct Token {
    hash: [u8; 32],
}

/// Why a token file cannot be used.
#[derive(Debug)]
pub enum TokenError {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is not a regular file.
    Kind,
    /// Its group may write it, or others may use it.
    Mode(u32),
    /// It does not hold one token.
    Content(&'static str),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::Kind => write!(f, "it is not a regular file"),
            Self::Mode(mode) => {
                write!(
                    f,
                    "its mode is {mode:04o}: only its owner may write it, and others may not read it (`chmod 600` it)"
                )
            }
            Self::Content(problem) => write!(f, "{problem}"),
        }
    }
}

impl std::error::Error for TokenError {}

impl Token {
    /// Reads the token that a file holds: one line of 32 to 1,024 visible ASCII characters, in a file that its group may
    /// not write and others may not use.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        // A pipe in place of the file must not block the start.
        if !fs::metadata(path).map_err(TokenError::Unreadable)?.is_file() {
            return Err(TokenError::Kind);
        }
        let file = fs::File::open(path).map_err(TokenError::Unreadable)?;
        let metadata = file.metadata().map_err(TokenError::Unreadable)?;
        if !metadata.is_file() {
            return Err(TokenError::Kind);
        }
        let mode = metadata.mode() & 0o7777;
        // Kubernetes and systemd pass secrets with mode 0440 to the group of the process.
        if mode & 0o037 != 0 {
            return Err(TokenError::Mode(mode));
        }
        let mut text = String::new();
        file.take(LENGTH_MAX as u64 + 2).read_to_string(&mut text).map_err(TokenError::Unreadable)?;
        Self::parse(text.strip_suffix('\n').unwrap_or(&text))
    }

    fn parse(text: &str) -> Result<Self, TokenError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Content("it holds more than one line of visible ASCII characters"));
        }
        if text.len() < LENGTH_MIN {
            return Err(TokenError::Content("the token is shorter than 32 characters"));
        }
        if text.len() > LENGTH_MAX {
            return Err(TokenError::Content("the token is longer than 1,024 characters"));
        }
        Ok(Self { hash: hash(text.as_bytes()) })
    }

    /// True if this is the token. The time of the comparison does not depend on the number of equal bytes.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.hash.ct_eq(&hash(given)).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::plain();
    hasher.put(bytes);
    *hasher.finish().as_bytes()
}
