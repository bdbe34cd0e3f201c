//! The lines of a text, each with its number.

use alloc::vec::Vec;
use core::str::Utf8Error;

use dreichor_core::Hash;

use crate::TEXT_BYTES_MAX;
use crate::base64;
use crate::malformed::{Malformed, Problem};

/// Checks what holds for every text: its length, UTF-8, no control characters but LF, and an LF at the end.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(Problem::TooLong.at(1));
    }
    let not_text = |error: Utf8Error| Problem::NotText.at(line_of(bytes, error.valid_up_to()));
    let text = core::str::from_utf8(bytes).map_err(not_text)?;
    check_octets(bytes, |octet| octet < b' ' && octet != b'\n')?;
    Ok(text)
}

/// Checks the length of a text, that no octet of it is foreign, and the LF at the end.
pub(crate) fn check_octets(bytes: &[u8], is_foreign: impl Fn(u8) -> bool) -> Result<(), Malformed> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(Problem::TooLong.at(1));
    }
    if let Some(offset) = bytes.iter().position(|octet| is_foreign(*octet)) {
        return Err(Problem::Control(char::from(bytes[offset])).at(line_of(bytes, offset)));
    }
    if bytes.last() != Some(&b'\n') {
        return Err(Problem::CutOff.at(line_of(bytes, bytes.len())));
    }
    Ok(())
}

/// The number of the line that holds the byte at `offset`, from 1.
fn line_of(bytes: &[u8], offset: usize) -> usize {
    bytes[..offset].split(|byte| *byte == b'\n').count()
}

/// Reads a text that [`check`] has accepted line by line.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'t> {
    rest: &'t str,
    /// The number of the next line, from 1.
    number: usize,
}

impl<'t> Lines<'t> {
    /// Starts with line `number` of the file, the first of `text`.
    pub(crate) fn starting_at(text: &'t str, number: usize) -> Self {
        Self { rest: text, number }
    }

    /// The number of the next line.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'t str {
        self.rest
    }

    /// Returns the next line without its LF; none at the end.
    pub(crate) fn next(&mut self) -> Option<&'t str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        self.number += 1;
        Some(line)
    }

    /// The error of the line that was read last; of the first if none was.
    pub(crate) fn fault(&self, problem: Problem) -> Malformed {
        problem.at(self.number.saturating_sub(1).max(1))
    }

    /// Returns the next line, which must be there and have content.
    pub(crate) fn content(&mut self, what: &'static str) -> Result<&'t str, Malformed> {
        match self.next() {
            Some("") => Err(self.fault(Problem::Empty(what))),
            Some(line) => Ok(line),
            None => Err(Problem::Missing(what).at(self.number)),
        }
    }

    /// Returns what follows `word` and a space in the next line.
    pub(crate) fn after(&mut self, word: &'static str) -> Result<&'t str, Malformed> {
        let line = self.content(word)?;
        let value = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' '));
        value.ok_or_else(|| self.fault(Problem::Word(word)))
    }

    /// Reads a decimal number.
    pub(crate) fn decimal(&self, text: &str, what: &'static str) -> Result<u64, Malformed> {
        crate::decimal::parse(text).ok_or_else(|| self.fault(Problem::Decimal(what)))
    }

    /// Reads one hash a line, at most `count_max`, up to an empty line, which is read, too.
    pub(crate) fn path(&mut self, count_max: usize) -> Result<Vec<Hash>, Malformed> {
        let mut path = Vec::new();
        loop {
            match self.next() {
                Some("") => return Ok(path),
                Some(_) if path.len() == count_max => {
                    return Err(self.fault(Problem::TooManyHashes(count_max)));
                }
                Some(line) => path.push(self.hash(line, "a hash of the path")?),
                None => return Err(Problem::Missing("the empty line after the path").at(self.number)),
            }
        }
    }

    /// Reads a SHA-256 hash.
    pub(crate) fn hash(&self, text: &str, what: &'static str) -> Result<Hash, Malformed> {
        let bytes = base64::decode(text).ok_or_else(|| self.fault(Problem::Base64(what)))?;
        let wrong = |bytes: Vec<u8>| Problem::Length { what, found: bytes.len(), expected: "32" };
        bytes.try_into().map(Hash::from_bytes).map_err(|bytes| self.fault(wrong(bytes)))
    }
}
