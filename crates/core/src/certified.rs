//! Lines that certify themselves: `{"<id>":"…",` and the content that the id is computed from.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::canonical::{Reader, Sink};
use crate::fault::{Fault, Result, Rule};
use crate::id::content_id;
use crate::tree::{Hash, Hasher};
use crate::value::{Form, UUID_TEXT_BYTES, Uuid};

/// A kind of certified line.
pub(crate) struct Certified {
    /// All before the id: `{"<id>":"`.
    pub(crate) opening: &'static str,
    /// The same without the id's quote, as the reader steps over it.
    pub(crate) key: &'static str,
    /// The id's member.
    pub(crate) member: &'static str,
    /// What an id that does not fit breaks.
    pub(crate) rule: Rule,
}

impl Certified {
    /// The leaf hash of the line's content, which is the line without its id: `{` and all behind the comma.
    fn leaf(&self, line: &[u8]) -> Hash {
        let content_at = self.opening.len() + UUID_TEXT_BYTES + "\",".len();
        let mut hasher = Hasher::leaf();
        hasher.put(b"{");
        hasher.put(line.get(content_at..).unwrap_or_default());
        hasher.finish()
    }

    /// Appends a line and its LF; `write_content` writes the content without its brace. Returns the leaf hash.
    pub(crate) fn write(&self, lines: &mut Vec<u8>, write_content: impl FnOnce(&mut Vec<u8>)) -> Hash {
        let start = lines.len();
        let id_at = start + self.opening.len();
        lines.put(self.opening.as_bytes());
        // The id stands before the content that it is computed from; its place is filled afterwards.
        lines.put(&[b'0'; UUID_TEXT_BYTES]);
        lines.put(b"\",");
        write_content(lines);
        let leaf = self.leaf(lines.get(start..).unwrap_or_default());
        if let Some(place) = lines.get_mut(id_at..id_at + UUID_TEXT_BYTES) {
            place.copy_from_slice(content_id(leaf).as_text().as_ref().as_bytes());
        }
        lines.put(b"\n");
        leaf
    }

    /// Reads a line, its content by `read_content`; refuses an id that is not the content's.
    pub(crate) fn read<'a, T>(
        &self,
        line: &'a [u8],
        read_content: impl FnOnce(&mut Reader<'a>) -> Result<T>,
    ) -> Result<(T, Hash)> {
        let mut reader = Reader::new(line);
        reader.key(self.key, self.member)?;
        let id: Uuid = reader.formed()?;
        let content = read_content(&mut reader)?;
        reader.end()?;
        let leaf = self.leaf(line);
        let computed = content_id(leaf);
        if computed != id {
            return Err(Fault::new(
                self.rule,
                self.opening.len(),
                self.member,
                id.to_string(),
                format!("{computed}, the content id of this line: the line was changed after it was written"),
            ));
        }
        Ok((content, leaf))
    }
}
