//! A cursor over one line that accepts the canonical encoding only.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::writer::short_escape;
use crate::fault::{Fault, Result, Rule, excerpt};
use crate::value::{Comment, Form, INTEGER_MAX, Plane, ReasonCode, ReasonCodes, hex_nibble};

/// Reads one line from left to right.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The member whose value is being read, for messages.
    member: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `line`, which is without its LF.
    pub fn new(line: &'a [u8]) -> Self {
        Self { bytes: line, at: 0, member: "" }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Steps over `expected` if it stands here.
    pub fn take(&mut self, expected: &[u8]) -> bool {
        let is_here = self.rest().starts_with(expected);
        if is_here {
            self.at += expected.len();
        }
        is_here
    }

    /// Steps over `expected`, which must stand here.
    pub fn literal(&mut self, expected: &'static str) -> Result<()> {
        if self.take(expected.as_bytes()) {
            Ok(())
        } else {
            Err(self.fault(Rule::Canonical, self.at, format!("{} here", excerpt(expected.as_bytes()))))
        }
    }

    /// Steps over a member's name; `token` is the name in quotes, with what stands before and behind it.
    pub fn key(&mut self, token: &'static str, name: &'static str) -> Result<()> {
        if self.take(token.as_bytes()) {
            self.member = name;
            return Ok(());
        }
        // What stands before the name says whether a value went on too long or a member is at fault.
        let opening = token.find('"').unwrap_or_default();
        if !self.rest().starts_with(token.get(..opening).unwrap_or_default().as_bytes())
            && self.rest().first() != Some(&b'}')
        {
            return Err(self.fault(Rule::Canonical, self.at, format!("{} here", excerpt(token.as_bytes()))));
        }
        self.member = name;
        Err(self.fault(Rule::Members, self.at, format!("the member {name} here")))
    }

    /// Demands that nothing follows.
    pub fn end(&mut self) -> Result<()> {
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(self.fault(Rule::Canonical, self.at, "the end of the line"))
        }
    }

    /// From now on, `member` is the one whose value is being read.
    pub fn enter(&mut self, member: &'static str) {
        self.member = member;
    }

    /// A fault at `offset` that shows what stands there.
    pub fn fault(&self, rule: Rule, offset: usize, expected: impl Into<String>) -> Box<Fault> {
        let found = match self.bytes.get(offset..) {
            None | Some([]) => String::from("the end of the line"),
            Some(rest) => excerpt(rest),
        };
        Fault::new(rule, offset, self.member, found, expected)
    }

    /// The fault of an integer that starts at `offset` and exceeds 2^53 − 1.
    pub fn too_great(&self, offset: usize) -> Box<Fault> {
        self.fault(Rule::Value, offset, format!("an integer from 0 to {INTEGER_MAX}"))
    }

    /// An integer without leading zeros.
    pub fn integer(&mut self) -> Result<u64> {
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(digit) = self.rest().first().filter(|byte| byte.is_ascii_digit()) {
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(digit - b'0')))
                .ok_or_else(|| self.too_great(start))?;
            self.at += 1;
        }
        let digits = self.bytes.get(start..self.at).unwrap_or_default();
        let is_integer = match digits {
            [] => false,
            [b'0'] => true,
            [first, ..] => *first != b'0',
        } && !matches!(self.rest().first(), Some(b'.' | b'e' | b'E' | b'+' | b'-'));
        if is_integer {
            Ok(value)
        } else {
            Err(self.fault(
                Rule::Value,
                start,
                format!("an integer from 0 to {INTEGER_MAX}, without leading zeros"),
            ))
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self) -> Result<bool> {
        if self.take(b"true") {
            Ok(true)
        } else if self.take(b"false") {
            Ok(false)
        } else {
            Err(self.fault(Rule::Value, self.at, "true or false"))
        }
    }

    /// An object of booleans with these names, in this order.
    pub fn booleans<const N: usize>(&mut self, names: &[&'static str; N]) -> Result<[bool; N]> {
        let mut members = [false; N];
        self.literal("{")?;
        for (index, name) in names.iter().enumerate() {
            let start = self.at;
            let is_here = (index == 0 || self.take(b","))
                && self.take(b"\"")
                && self.take(name.as_bytes())
                && self.take(b"\":");
            if !is_here {
                self.member = name;
                return Err(self.fault(Rule::Members, start, format!("the member {name} here")));
            }
            self.member = name;
            members[index] = self.boolean()?;
        }
        self.literal("}")?;
        Ok(members)
    }

    /// The bytes between two quotes; none of the format's forms holds a quote or an escape.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let inside = self.rest().strip_prefix(b"\"")?;
        let length = inside.iter().position(|&byte| byte == b'"')?;
        self.at += length + 2;
        inside.get(..length)
    }

    /// A string of the form `T`.
    pub fn formed<T: Form>(&mut self) -> Result<T> {
        let start = self.at;
        match self.quoted().and_then(T::parse) {
            Some(value) => Ok(value),
            None => {
                self.at = start;
                Err(self.fault(Rule::Value, start, T::EXPECTED))
            }
        }
    }

    /// The plane, with a word of its own for the reserved one.
    pub fn plane(&mut self) -> Result<Plane> {
        if self.rest().starts_with(b"\"LIVE\"") {
            return Err(self.fault(
                Rule::Plane,
                self.at,
                "PAPER (LIVE is reserved, and refused in this phase)",
            ));
        }
        self.formed()
    }

    /// A list of reason codes without repeats.
    pub fn reason_codes(&mut self) -> Result<ReasonCodes> {
        let mut codes = ReasonCodes::EMPTY;
        self.literal("[")?;
        if self.take(b"]") {
            return Ok(codes);
        }
        loop {
            let start = self.at;
            let code: ReasonCode = self.formed()?;
            codes = codes
                .with(code)
                .ok_or_else(|| self.fault(Rule::Value, start, "reason codes without repeats"))?;
            if self.take(b"]") {
                return Ok(codes);
            }
            self.literal(",")?;
        }
    }

    /// A comment; the only string that may hold escapes and any character.
    pub fn comment(&mut self) -> Result<Comment<'a>> {
        let start = self.at;
        self.literal("\"")?;
        let mut text = Cow::Borrowed("");
        loop {
            let plain = self.plain()?;
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            if self.take(b"\"") {
                break;
            }
            let escaped = self.escape()?;
            text.to_mut().push(char::from(escaped));
        }
        Comment::new(text).ok_or_else(|| self.fault(Rule::Value, start, Comment::EXPECTED))
    }

    /// The text up to the next quote or backslash.
    fn plain(&mut self) -> Result<&'a str> {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        let length = length.unwrap_or(rest.len());
        if !matches!(rest.get(length), Some(b'"' | b'\\')) {
            return Err(self.fault(
                Rule::Canonical,
                self.at + length,
                "a string whose control characters are escaped, and its closing quote",
            ));
        }
        let text = core::str::from_utf8(rest.get(..length).unwrap_or_default())
            .map_err(|error| self.fault(Rule::Json, self.at + error.valid_up_to(), "UTF-8"))?;
        self.at += length;
        Ok(text)
    }

    /// An escape, in its only canonical spelling.
    fn escape(&mut self) -> Result<u8> {
        let canonical = match *self.rest() {
            [b'\\', b'u', b'0', b'0', high @ (b'0' | b'1'), low @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
                let byte = (hex_nibble(high) << 4) | hex_nibble(low);
                short_escape(byte).is_none().then_some((byte, 6))
            }
            [b'\\', letter, ..] => {
                (0..0x80).find(|&byte| short_escape(byte) == Some(letter)).map(|byte| (byte, 2))
            }
            _ => None,
        };
        match canonical {
            Some((byte, length)) => {
                self.at += length;
                Ok(byte)
            }
            None => Err(self.fault(
                Rule::Canonical,
                self.at,
                "one of the escapes \\\" \\\\ \\b \\t \\n \\f \\r, or \\u00xx in lower case for another control character",
            )),
        }
    }
}
