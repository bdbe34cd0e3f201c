//! JSON as upstreams may write it: any member order, any white space but line ends, any escape. Strict in
//! everything else.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::fault::{Fault, Result, Rule, excerpt, push_escaped};

/// How deep objects and arrays may stand in each other. An input needs two levels; a stack has an end.
const DEPTH_MAX: usize = 8;

/// How many characters of a member's name a message shows.
const NAME_SHOWN: usize = 40;

/// A value, and where in the line it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// In bytes from the start of the line.
    pub offset: usize,
    /// The value.
    pub json: Json<'a>,
}

/// A JSON value. Numbers are kept as their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number's text, not yet known to be well-formed.
    Number(&'a str),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object's members, in the order of the text, repeats included.
    Object(Vec<Member<'a>>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Where the name starts, in bytes from the start of the line.
    pub offset: usize,
    /// The name, unescaped.
    pub name: Cow<'a, str>,
    /// The value.
    pub value: Node<'a>,
}

/// The one JSON value that `line` (without its LF) holds.
pub fn parse(line: &[u8]) -> Result<Node<'_>> {
    if line.starts_with(b"\xef\xbb\xbf") {
        return Err(fault(line, 0, "JSON without a byte-order mark before it"));
    }
    let text = core::str::from_utf8(line).map_err(|error| fault(line, error.valid_up_to(), "UTF-8"))?;
    let mut parser = Parser { text, at: 0, path: Vec::new() };
    parser.skip_blanks();
    if parser.peek().is_none() {
        return Err(Fault::new(Rule::Json, 0, "", "a blank line", "one JSON object on each line"));
    }
    let node = parser.value(0)?;
    parser.skip_blanks();
    if parser.peek().is_some() {
        return Err(parser.fault("the end of the line"));
    }
    Ok(node)
}

fn fault(line: &[u8], offset: usize, expected: &str) -> Box<Fault> {
    let found = match line.get(offset..) {
        None | Some([]) => String::from("the end of the line"),
        Some([b'\r', ..]) => String::from("a carriage return (lines end in LF alone)"),
        Some([0, ..]) => String::from("a NUL byte"),
        Some(rest) => excerpt(rest),
    };
    Fault::new(Rule::Json, offset, "", found, expected)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// The members, outermost first, within whose values the parser stands.
    path: Vec<Cow<'a, str>>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: &str) -> bool {
        let is_here = self.rest().starts_with(expected);
        if is_here {
            self.at += expected.len();
        }
        is_here
    }

    fn fault(&self, expected: &str) -> Box<Fault> {
        let mut fault = fault(self.text.as_bytes(), self.at, expected);
        for (depth, name) in self.path.iter().enumerate() {
            if depth > 0 {
                fault.member.push('.');
            }
            name.chars().take(NAME_SHOWN).for_each(|character| push_escaped(&mut fault.member, character));
            if name.chars().nth(NAME_SHOWN).is_some() {
                fault.member.push('…');
            }
        }
        fault
    }

    /// Steps over spaces and tabs: the only white space that an input may hold.
    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>> {
        if depth > DEPTH_MAX {
            return Err(self.fault(&format!("at most {DEPTH_MAX} objects and arrays in each other")));
        }
        let offset = self.at;
        let json = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Json::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.take("null") => Json::Null,
            _ if self.take("true") => Json::Boolean(true),
            _ if self.take("false") => Json::Boolean(false),
            _ => return Err(self.fault("a JSON value")),
        };
        Ok(Node { offset, json })
    }

    fn number(&mut self) -> Json<'a> {
        let rest = self.rest();
        let length = rest
            .bytes()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        self.at += length;
        Json::Number(rest.get(..length).unwrap_or_default())
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take("]") {
            return Ok(Json::Array(items));
        }
        loop {
            self.skip_blanks();
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take("]") {
                return Ok(Json::Array(items));
            }
            if !self.take(",") {
                return Err(self.fault("`,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>> {
        let mut members = Vec::with_capacity(10);
        self.at += 1;
        self.skip_blanks();
        if self.take("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_blanks();
            let offset = self.at;
            let name = self.string()?;
            self.skip_blanks();
            if !self.take(":") {
                return Err(self.fault("`:`"));
            }
            self.skip_blanks();
            self.path.push(name.clone());
            let value = self.value(depth + 1)?;
            self.path.pop();
            members.push(Member { offset, name, value });
            self.skip_blanks();
            if self.take("}") {
                return Ok(Json::Object(members));
            }
            if !self.take(",") {
                return Err(self.fault("`,` or `}`"));
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        if !self.take("\"") {
            return Err(self.fault("a string"));
        }
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.rest();
            let length = rest
                .bytes()
                .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
                .unwrap_or(rest.len());
            let plain = rest.get(..length).unwrap_or_default();
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            self.at += length;
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

    /// The character behind `\u`; two escapes for one beyond U+FFFF.
    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            // A low surrogate alone is no character.
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
        let digits = self.rest().get(..4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
