//! A cursor over the JSON of inputs: accepts any member order, spaces and tabs between tokens, and any escape. Strict
//! in everything else.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::fault::{Fault, Result, Rule, excerpt, push_escaped};
use crate::plain::plain_length;

/// The greatest depth of nested objects and arrays. An input needs two levels; the limit protects the stack.
const DEPTH_MAX: usize = 8;

/// The most characters of a member's name that a message shows.
const NAME_SHOWN_MAX: usize = 40;

/// Reads one line from left to right. Invalid syntax is a fault at once; the caller checks the values.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// The number of objects and arrays around the cursor.
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// Creates a cursor at the value in `line` (without its LF).
    pub(crate) fn new(line: &'a [u8]) -> Result<Self> {
        if line.starts_with(b"\xef\xbb\xbf") {
            return Err(syntax_fault(line, 0, "JSON without a byte-order mark before it"));
        }
        let text =
            core::str::from_utf8(line).map_err(|error| syntax_fault(line, error.valid_up_to(), "UTF-8"))?;
        let mut cursor = Self { text, at: 0, depth: 0 };
        cursor.skip_blanks();
        if cursor.peek().is_none() {
            return Err(Fault::new(Rule::Json, 0, "", "a blank line", "one JSON object on each line"));
        }
        Ok(cursor)
    }

    /// The number of bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Checks that nothing follows.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.skip_blanks();
        if self.peek().is_none() { Ok(()) } else { Err(self.fault("the end of the line")) }
    }

    /// Skips `expected` if it comes next; returns true if it did.
    #[inline]
    pub(crate) fn take(&mut self, expected: &str) -> bool {
        let is_here = self.text.as_bytes()[self.at..].starts_with(expected.as_bytes());
        if is_here {
            self.at += expected.len();
        }
        is_here
    }

    /// Creates the fault of a value at `offset` that does not have the form of its member.
    #[cold]
    pub(crate) fn value_fault(&self, rule: Rule, offset: usize, expected: impl Into<String>) -> Box<Fault> {
        Fault::new(rule, offset, "", excerpt(&self.text.as_bytes()[offset..]), expected)
    }

    /// Creates the fault of invalid syntax at this place.
    #[cold]
    fn fault(&self, expected: &str) -> Box<Fault> {
        syntax_fault(self.text.as_bytes(), self.at, expected)
    }

    /// Skips spaces and tabs: the only white space that an input may hold.
    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips any value.
    pub(crate) fn skip_value(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{') => self.object(|cursor, _, _| cursor.skip_value()),
            Some(b'[') => self.array(Self::skip_value),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => {
                self.number();
                Ok(())
            }
            _ if self.take("null") || self.take("true") || self.take("false") => Ok(()),
            _ => Err(self.fault("a JSON value")),
        }
    }

    /// Returns the text of a number, not checked to be well-formed.
    pub(crate) fn number(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn enter(&mut self) {
        self.depth += 1;
        self.at += 1;
        self.skip_blanks();
    }

    /// Reads an array; calls `read` at each of its items.
    pub(crate) fn array(&mut self, mut read: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.enter();
        if !self.take("]") {
            loop {
                self.skip_blanks();
                self.check_depth()?;
                read(self)?;
                self.skip_blanks();
                if self.take("]") {
                    break;
                }
                if !self.take(",") {
                    return Err(self.fault("`,` or `]`"));
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an object; calls `read` at the value of each member, with the member's name, unescaped, and the name's
    /// offset.
    pub(crate) fn object(
        &mut self,
        mut read: impl FnMut(&mut Self, &str, usize) -> Result<()>,
    ) -> Result<()> {
        self.enter();
        if !self.take("}") {
            loop {
                self.skip_blanks();
                let name_at = self.at;
                let name = self.string()?;
                self.skip_blanks();
                if !self.take(":") {
                    return Err(self.fault("`:`"));
                }
                self.skip_blanks();
                self.check_depth()
                    .and_then(|()| read(self, &name, name_at))
                    .map_err(|fault| within(&name, fault))?;
                self.skip_blanks();
                if self.take("}") {
                    break;
                }
                if !self.take(",") {
                    return Err(self.fault("`,` or `}`"));
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Checks the depth of a value in an object or array, before the value is read. So an empty object or array may be
    /// one level deeper.
    fn check_depth(&self) -> Result<()> {
        if self.depth <= DEPTH_MAX {
            return Ok(());
        }
        Err(self.fault(&format!("at most {DEPTH_MAX} objects and arrays in each other")))
    }

    /// Reads a string and returns it unescaped.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>> {
        if !self.take("\"") {
            return Err(self.fault("a string"));
        }
        let mut text = Cow::Borrowed("");
        loop {
            let rest = &self.text[self.at..];
            let plain = &rest[..plain_length(rest.as_bytes())];
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            self.at += plain.len();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    text.to_mut().push(character);
                }
                Some(_) => return Err(self.fault("control characters in strings to be escaped")),
                None => return Err(self.fault("the closing quote of the string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let start = self.at;
        let letter = self.text.as_bytes().get(start + 1).copied();
        self.at += 2;
        let character = match letter {
            Some(letter @ (b'"' | b'\\' | b'/')) => Some(char::from(letter)),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(b'u') => self.unicode_escape(),
            _ => None,
        };
        character.ok_or_else(|| {
            self.at = start;
            self.fault("a JSON escape, surrogates in pairs")
        })
    }

    /// Reads the digits after `\u`, and the second escape of a surrogate pair; returns the character.
    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            // A low surrogate alone is not a character.
            return char::from_u32(first);
        }
        if !self.take("\\u") {
            return None;
        }
        let second = self.hex4()?;
        if !(0xdc00..0xe000).contains(&second) {
            return None;
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cold]
fn syntax_fault(line: &[u8], offset: usize, expected: &str) -> Box<Fault> {
    let found = match &line[offset..] {
        [] => String::from("the end of the line"),
        [b'\r', ..] => String::from("a carriage return (lines end in LF alone)"),
        [0, ..] => String::from("a NUL byte"),
        rest => excerpt(rest),
    };
    Fault::new(Rule::Json, offset, "", found, expected)
}

/// Names the outer member in a fault of a value inside it.
#[cold]
pub(crate) fn within(name: &str, mut fault: Box<Fault>) -> Box<Fault> {
    let mut path = String::new();
    name.chars().take(NAME_SHOWN_MAX).for_each(|character| push_escaped(&mut path, character));
    if name.chars().nth(NAME_SHOWN_MAX).is_some() {
        path.push('…');
    }
    if !fault.member.is_empty() {
        path.push('.');
        path.push_str(&fault.member);
    }
    fault.member = path;
    fault
}
