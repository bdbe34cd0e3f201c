//! Lines that certify themselves: `{"<id>":"…",` and the content that the id is computed from.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use dreichor_sha256::hash_each;

use crate::canonical::{Reader, Sink};
use crate::fault::{Fault, Result, Rule};
use crate::id::{content_id, content_id_schema};
use crate::schema::described;
use crate::tree::{Hash, Hasher};
use crate::value::{UUID_TEXT_BYTES, Uuid, uuid_text};

/// A kind of certified line.
pub(crate) struct Certified {
    /// Everything before the id: `{"<id>":"`.
    pub(crate) opening: &'static str,
    /// The same without the id's quote: the token of its member.
    pub(crate) key: &'static str,
    /// The id's member.
    pub(crate) member: &'static str,
    /// The rule that an id breaks which is not the content's.
    pub(crate) rule: Rule,
}

/// The first byte of a leaf's data after RFC 6962's prefix for leaves: a content begins with a brace.
const LEAF: &[u8] = b"\x00{";

impl Certified {
    /// The name and the schema of the id's member.
    pub(crate) fn describe_id(&self) -> (&'static str, String) {
        (self.member, described(&content_id_schema(), "The content id of the line."))
    }

    /// The line's content without its brace: everything after the id's comma. Empty for a line too short for an id.
    #[inline(always)]
    fn content<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        line.get(self.opening.len() + UUID_TEXT_BYTES + "\",".len()..).unwrap_or_default()
    }

    /// The leaf hash of the line's content; of any bytes.
    pub(crate) fn leaf(&self, line: &[u8]) -> Hash {
        let mut hasher = Hasher::plain();
        hasher.put(LEAF);
        hasher.put(self.content(line));
        hasher.finish()
    }

    /// The line's content, with its brace.
    pub(crate) fn whole_content(&self, line: &[u8]) -> Vec<u8> {
        [b"{", self.content(line)].concat()
    }

    /// The line that has this content; none if the content does not begin with a brace.
    pub(crate) fn line_of(&self, content: &[u8]) -> Option<Vec<u8>> {
        let members = content.strip_prefix(b"{")?;
        let mut hasher = Hasher::leaf();
        hasher.put(content);
        let id = uuid_text(content_id(hasher.finish()));
        Some([self.opening.as_bytes(), &id, b"\",", members].concat())
    }

    /// Appends the leaf hash of each line's content, in order.
    pub(crate) fn leaves<'l>(&self, lines: impl ExactSizeIterator<Item = &'l [u8]>, leaves: &mut Vec<Hash>) {
        let mut hashes = Vec::with_capacity(lines.len());
        hash_each(LEAF, lines.map(|line| self.content(line)), &mut hashes);
        leaves.extend(hashes.into_iter().map(Hash::from_bytes));
    }

    /// Appends a line and its LF; `write_members` writes its members but the id. Returns the leaf hash.
    pub(crate) fn write(&self, lines: &mut Vec<u8>, write_members: impl FnOnce(&mut Vec<u8>)) -> Hash {
        let start = lines.len();
        let id_at = start + self.opening.len();
        lines.put(self.opening.as_bytes());
        // The id precedes the content that it is computed from; its place is filled afterwards.
        lines.put(&[b'0'; UUID_TEXT_BYTES]);
        lines.put(b"\"");
        write_members(lines);
        lines.put(b"}");
        let leaf = self.leaf(&lines[start..]);
        lines[id_at..id_at + UUID_TEXT_BYTES].copy_from_slice(&uuid_text(content_id(leaf)));
        lines.put(b"\n");
        leaf
    }

    /// Reads a line whose leaf hash is `leaf`, its members but the id by `read_members`. Refuses another id than that
    /// of the content.
    #[inline(always)]
    pub(crate) fn read<'a, T>(
        &self,
        line: &'a [u8],
        leaf: Hash,
        read_members: impl FnOnce(&mut Reader<'a>) -> Result<T>,
    ) -> Result<T> {
        let mut reader = Reader::new(line);
        let id: Uuid = reader.member(self.key, self.member)?;
        let read = read_members(&mut reader).and_then(|content| {
            reader.literal("}")?;
            reader.end()?;
            Ok(content)
        });
        match read {
            Ok(content) => {
                let computed = content_id(leaf);
                if computed == id { Ok(content) } else { Err(self.other_id(id, computed)) }
            }
            Err(fault) => Err(changed_if(fault, content_id(leaf) != id)),
        }
    }

    #[cold]
    #[inline(never)]
    fn other_id(&self, id: Uuid, computed: Uuid) -> Box<Fault> {
        Fault::new(
            self.rule,
            self.opening.len(),
            self.member,
            id.to_string(),
            format!("{computed}, the content id of this line"),
        )
        .changed()
    }
}

/// A fault of a line whose id fits its bytes was written; of another, the line was changed afterwards.
#[cold]
#[inline(never)]
fn changed_if(fault: Box<Fault>, is_changed: bool) -> Box<Fault> {
    if is_changed { fault.changed() } else { fault }
}
