//! Lines that certify themselves, `{"<id>":"…",` and their content: the reader accepts exactly those that the
//! general reading accepts too, and gives back every byte of them.

use dreichor_core::canonical::Sink;
use dreichor_core::fault::Result;
use dreichor_core::id::content_id;
use dreichor_core::tree::Hasher;

use crate::general::Json;

/// A kind of line.
pub struct Kind {
    /// The id's member.
    pub id: &'static str,
    /// The longest line, if there is a limit.
    pub bytes_max: usize,
    /// Reads a line by the reader under test, and writes again what it read.
    pub read_and_write: fn(&[u8]) -> Result<Vec<u8>>,
    /// True if a value has the shape.
    pub has_shape: fn(&Json) -> bool,
}

impl Kind {
    /// Checks `line`; then `line` with its right id, for else hardly any mutation would come past the id's
    /// check; then, if that is accepted, what says the same in another spelling.
    pub fn check(&self, line: &[u8]) {
        self.check_line(line);
        let Some(content) = line.get(self.content_at()..) else { return };
        let certified = self.certified(content);
        if self.check_line(&certified) {
            for other in other_spellings(content) {
                assert!(!self.check_line(&self.certified(&other)), "{}", String::from_utf8_lossy(&other));
            }
        }
    }

    /// True if both readings accept the line; they must agree.
    fn check_line(&self, line: &[u8]) -> bool {
        let is_expected = self.is_line(line);
        match (self.read_and_write)(line) {
            Ok(written) => {
                assert_eq!(written.strip_suffix(b"\n"), Some(line), "written otherwise than it was read");
                assert!(is_expected, "accepted: {}", String::from_utf8_lossy(line));
                true
            }
            Err(fault) => {
                assert!(fault.offset <= line.len(), "{fault}");
                assert!(!is_expected, "refused: {fault}: {}", String::from_utf8_lossy(line));
                false
            }
        }
    }

    /// The general reading.
    fn is_line(&self, line: &[u8]) -> bool {
        line.len() <= self.bytes_max
            && Json::parse(line).is_some_and(|json| json.written() == line && (self.has_shape)(&json))
            && self.certified(&line[self.content_at()..]) == line
    }

    /// The offset of the content, without its brace.
    fn content_at(&self) -> usize {
        self.opening().len() + 36 + "\",".len()
    }

    fn opening(&self) -> String {
        format!("{{\"{}\":\"", self.id)
    }

    /// The line of this content.
    fn certified(&self, content: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::leaf();
        hasher.put(b"{");
        hasher.put(content);
        let id = content_id(hasher.finish());
        [format!("{}{id}\",", self.opening()).as_bytes(), content].concat()
    }
}

/// Objects that are not canonical: with the same members as `content` (a canonical object without its opening brace),
/// or with a part of them twice.
fn other_spellings(content: &[u8]) -> Vec<Vec<u8>> {
    let object = [b"{", content].concat();
    let Some(json) = Json::parse(&object) else { return Vec::new() };
    let mut spellings = vec![
        json.reversed().written(),
        serde_json_pretty(&object),
        [&object[..object.len() - 1], b",\"version\":1}"].concat(),
        [&object[..], b" "].concat(),
        [&object[..], b"\r"].concat(),
        object.strip_suffix(b"}").unwrap_or_default().to_vec(),
    ];
    // One blank between tokens, or one character escaped without need, at a place that the content decides.
    let seed = object.iter().fold(7_usize, |sum, &byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let (structural, plain) = places(&object);
    let insert = |at: usize, text: &[u8]| [&object[..at], text, &object[at..]].concat();
    if let Some(&at) = structural.get(seed % structural.len().max(1)) {
        spellings.push(insert(at, b" "));
        spellings.push(insert(at, b"\t"));
    }
    if let Some(&at) = plain.get(seed % plain.len().max(1)) {
        let escape = format!("\\u{:04x}", object[at]);
        spellings.push([&object[..at], escape.as_bytes(), &object[at + 1..]].concat());
    }
    for text in [&b"1"[..], b"0"] {
        // `"version":1` as 01, 1.0, 1e0, 10.
        let Some(at) = object.windows(11).position(|window| window == b"\"version\":1") else { continue };
        spellings.push(insert(at + 10, text));
    }
    spellings.retain(|spelling| *spelling != object);
    spellings.into_iter().filter_map(|spelling| Some(spelling.strip_prefix(b"{")?.to_vec())).collect()
}

fn serde_json_pretty(object: &[u8]) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_slice(object).expect("JSON by the other reading");
    serde_json::to_vec_pretty(&value).expect("what was read can be written")
}

/// The offsets of tokens outside of strings, and of plain characters within strings.
fn places(object: &[u8]) -> (Vec<usize>, Vec<usize>) {
    let (mut structural, mut plain) = (Vec::new(), Vec::new());
    let (mut is_inside, mut is_escaped) = (false, false);
    for (at, &byte) in object.iter().enumerate() {
        match (is_inside, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (true, b'"') => is_inside = false,
            (true, _) if byte.is_ascii_alphanumeric() && !is_part_of_escape(object, at) => plain.push(at),
            (true, _) => {}
            (false, b'"') => {
                structural.push(at);
                is_inside = true;
            }
            (false, b'{' | b'}' | b'[' | b']' | b':' | b',') if at > 0 => structural.push(at),
            (false, _) => {}
        }
    }
    (structural, plain)
}

/// True if this may be one of the four digits after `\u`.
fn is_part_of_escape(object: &[u8], at: usize) -> bool {
    object[at.saturating_sub(5)..at].contains(&b'\\')
}
