//! What makes a text none of its format, and in which line.

use alloc::string::String;

/// A text that is not of its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is longer than [`crate::TEXT_BYTES_MAX`].
    #[error("the file is longer than any checkpoint, proof or policy, 1 MiB")]
    TooLong,
    /// The text is not UTF-8.
    #[error("the file is not text in UTF-8")]
    NotText,
    /// A control character other than LF, in any text; in a policy, tab is allowed too.
    #[error("the control character {0:?} is not allowed here (a carriage return is one, too)")]
    Control(char),
    /// The last line has no LF.
    #[error("the file ends within a line: it was cut off")]
    CutOff,
    /// There is no line where one must be.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A line that must have content is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A signature line has another form.
    #[error("a signature line has the form `— NAME BASE64`")]
    SignatureLine,
    /// A name that no key may have.
    #[error("{0:?} is not a key name, which has a character or more, and neither space nor plus")]
    KeyName(String),
    /// Another encoding than Base64 with padding, RFC 4648 section 4.
    #[error("{0} is not in Base64 (RFC 4648 section 4, with padding)")]
    Base64(&'static str),
    /// Base64 of too many or too few bytes.
    #[error("{what} has {found} bytes, expected {expected}")]
    Length {
        /// What it is.
        what: &'static str,
        /// How many bytes it has.
        found: usize,
        /// How many it must have.
        expected: &'static str,
    },
    /// A number in another spelling, or 2^64 or more.
    #[error("{0} is not a decimal number below 2^64, without sign and leading zeros")]
    Decimal(&'static str),
    /// A checkpoint of size 0 with another root than that of the empty tree.
    #[error("the tree of size 0 has one root only, the SHA-256 of nothing, and this is another one")]
    EmptyRoot,
    /// A line that must begin with a word does not.
    #[error("expected a line that begins with `{0}`")]
    Word(&'static str),
    /// More hashes than any tree's path has.
    #[error("there are more than {0} hashes")]
    TooManyHashes(usize),
    /// The old size of a consistency proof is greater than the checkpoint's.
    #[error("the old size is {old}, more than the checkpoint's {size}")]
    OldSize {
        /// The old size.
        old: u64,
        /// The checkpoint's size.
        size: u64,
    },
    /// A key of a policy is none.
    #[error(transparent)]
    Key(#[from] crate::KeyError),
    /// A line of a policy breaks one of its rules.
    #[error("{0}")]
    Policy(String),
}

impl Problem {
    /// Adds the line.
    pub(crate) fn at(self, line: usize) -> Malformed {
        Malformed { line, problem: self }
    }
}
