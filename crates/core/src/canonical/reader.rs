//! A cursor over one line that accepts the canonical encoding only.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::Value;
use super::writer::short_escape;
use crate::fault::{Fault, Result, Rule, excerpt};
use crate::plain::plain_length;
use crate::value::{Comment, Form, INTEGER_MAX};

/// Reads one line from left to right.
///
/// Faults are built out of line: the good path is comparisons and loads.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    line: &'a [u8],
    rest: &'a [u8],
    /// The member whose value is being read, for messages.
    member: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `line`, which is without its LF.
    #[inline(always)]
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self { line, rest: line, member: "" }
    }

    /// Bytes read so far.
    #[inline(always)]
    pub(crate) fn offset(&self) -> usize {
        self.line.len() - self.rest.len()
    }

    /// Reads the member called `name`; `token` is the name in quotes with the punctuation around it.
    #[inline(always)]
    pub(crate) fn member<T: Value<'a>>(&mut self, token: &'static str, name: &'static str) -> Result<T> {
        self.key(token, name)?;
        T::read(self)
    }

    /// Steps over a member's name.
    #[inline(always)]
    pub(crate) fn key(&mut self, token: &'static str, name: &'static str) -> Result<()> {
        if self.take(token.as_bytes()) {
            self.member = name;
            Ok(())
        } else {
            Err(self.other_key(token, name))
        }
    }

    /// The fault of other bytes than a member's name.
    #[cold]
    #[inline(never)]
    fn other_key(&mut self, token: &'static str, name: &'static str) -> Box<Fault> {
        // The punctuation before the name tells a value that goes on too long from another member.
        let (punctuation, _) = token.split_once('"').unwrap_or((token, ""));
        if !self.rest.starts_with(punctuation.as_bytes()) && self.rest.first() != Some(&b'}') {
            return self.fault(Rule::Canonical, self.offset(), format!("{} here", excerpt(token.as_bytes())));
        }
        self.member = name;
        self.fault(Rule::Members, self.offset(), format!("the member {name} here"))
    }

    /// Steps over `expected` if it is here.
    #[inline(always)]
    pub(crate) fn take(&mut self, expected: &[u8]) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Steps over `expected`, which must be here.
    #[inline(always)]
    pub(crate) fn literal(&mut self, expected: &'static str) -> Result<()> {
        if self.take(expected.as_bytes()) {
            Ok(())
        } else {
            Err(self.fault(Rule::Canonical, self.offset(), format!("{} here", excerpt(expected.as_bytes()))))
        }
    }

    /// Demands that nothing follows.
    #[inline(always)]
    pub(crate) fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fault(Rule::Canonical, self.offset(), "the end of the line"))
        }
    }

    /// From now on, `member` is the one whose value is being read.
    #[inline(always)]
    pub(crate) fn enter(&mut self, member: &'static str) {
        self.member = member;
    }

    /// Reads the object that is the value of `member`; a fault in one of its members names both.
    pub(crate) fn within<T>(
        &mut self,
        member: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        read(self).map_err(|mut fault| {
            if fault.member != member {
                fault.member = format!("{member}.{}", fault.member);
            }
            fault
        })
    }

    /// A fault at `offset` that shows what is there.
    #[cold]
    #[inline(never)]
    pub(crate) fn fault(&self, rule: Rule, offset: usize, expected: impl Into<String>) -> Box<Fault> {
        let found = match self.line.get(offset..) {
            None | Some([]) => String::from("the end of the line"),
            Some(rest) => excerpt(rest),
        };
        Fault::new(rule, offset, self.member, found, expected)
    }

    /// The fault of an integer that starts at `offset` and exceeds 2^53 − 1.
    #[cold]
    pub(crate) fn too_great(&self, offset: usize) -> Box<Fault> {
        self.fault(Rule::Value, offset, format!("an integer from 0 to {INTEGER_MAX}"))
    }

    /// An integer without leading zeros, in 64 bits.
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Result<u64> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (text, rest) = self.rest.split_at(digits);
        let has_form = match text {
            [] | [b'0', _, ..] => false,
            [..] => !matches!(rest.first(), Some(b'.' | b'e' | b'E' | b'+' | b'-')),
        };
        // Nineteen digits fit in 64 bits; longer ones exceed 2^53 − 1 anyway.
        if !has_form || digits > 19 {
            return Err(self.no_integer(text));
        }
        self.rest = rest;
        Ok(text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
    }

    #[cold]
    #[inline(never)]
    fn no_integer(&self, digits: &[u8]) -> Box<Fault> {
        if digits.len() > 19 {
            return self.too_great(self.offset());
        }
        let expected = format!("an integer from 0 to {INTEGER_MAX}, without leading zeros");
        self.fault(Rule::Value, self.offset(), expected)
    }

    /// A string of the form `T`; none of the format's forms holds a quote or an escape.
    #[inline(always)]
    pub(crate) fn formed<T: Form>(&mut self) -> Result<T> {
        if let Some(inside) = self.rest.strip_prefix(b"\"")
            && let Some(length) = memchr::memchr(b'"', inside)
            && let Some(value) = T::parse(&inside[..length])
        {
            self.rest = &inside[length + 1..];
            return Ok(value);
        }
        Err(self.unformed(T::expected))
    }

    /// A string of `N` characters, which `parse` understands.
    #[inline(always)]
    pub(crate) fn fixed<const N: usize, T>(
        &mut self,
        parse: impl FnOnce(&[u8; N]) -> Option<T>,
        expected: fn() -> String,
    ) -> Result<T> {
        if let Some(inside) = self.rest.strip_prefix(b"\"")
            && let Some((text, rest)) = inside.split_first_chunk::<N>()
            && let Some(rest) = rest.strip_prefix(b"\"")
            && let Some(value) = parse(text)
        {
            self.rest = rest;
            return Ok(value);
        }
        Err(self.unformed(expected))
    }

    #[cold]
    #[inline(never)]
    fn unformed(&self, expected: fn() -> String) -> Box<Fault> {
        // A word of its own for the reserved plane, which is the format's but not of this phase.
        if self.member == "plane" && self.rest.starts_with(b"\"LIVE\"") {
            let expected = "PAPER (LIVE is reserved, and refused in this phase)";
            return self.fault(Rule::Plane, self.offset(), expected);
        }
        // The type says which members follow, so an unknown one has a rule of its own.
        let rule = if self.member == "type" { Rule::Type } else { Rule::Value };
        self.fault(rule, self.offset(), expected())
    }

    /// A comment; the only string that may hold escapes and any character.
    pub(crate) fn comment(&mut self) -> Result<Comment<'a>> {
        let start = self.offset();
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
        let (plain, rest) = self.rest.split_at(plain_length(self.rest));
        if !matches!(rest.first(), Some(b'"' | b'\\')) {
            return Err(self.fault(
                Rule::Canonical,
                self.offset() + plain.len(),
                "a string whose control characters are escaped, and its closing quote",
            ));
        }
        let text = core::str::from_utf8(plain)
            .map_err(|error| self.fault(Rule::Json, self.offset() + error.valid_up_to(), "UTF-8"))?;
        self.rest = rest;
        Ok(text)
    }

    /// An escape, in its only canonical spelling.
    fn escape(&mut self) -> Result<u8> {
        let canonical = match *self.rest {
            [b'\\', b'u', b'0', b'0', high @ b'0'..=b'1', low @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
                let low = if low.is_ascii_digit() { low - b'0' } else { low - b'a' + 10 };
                let byte = ((high - b'0') << 4) | low;
                short_escape(byte).is_none().then_some((byte, 6))
            }
            [b'\\', letter, ..] => {
                (0..0x80).find(|&byte| short_escape(byte) == Some(letter)).map(|byte| (byte, 2))
            }
            _ => None,
        };
        match canonical {
            Some((byte, length)) => {
                self.rest = &self.rest[length..];
                Ok(byte)
            }
            None => Err(self.fault(
                Rule::Canonical,
                self.offset(),
                "one of the escapes \\\" \\\\ \\b \\t \\n \\f \\r, or \\u00xx in lower case for another control character",
            )),
        }
    }
}
