//! One event, by its id.

use dreichor_core::id::content_id;
use dreichor_core::value::Uuid;
use dreichor_log::Medium;
use memchr::memmem;

use crate::error::Error;
use crate::view::View;

/// How much is read at once, in bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number, from 1. Its leaf's index in the tree is one less.
    pub number: u64,
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// Its bytes, without LF.
    pub bytes: Vec<u8>,
}

impl<M: Medium> View<'_, M> {
    /// The event with this id, found by looking at every byte before it.
    pub fn find(&self, id: Uuid) -> Result<Option<Found>, Error> {
        // The event's line starts so, and nowhere else in any line does a member `id` stand.
        let start = format!("{{\"id\":\"{id}\"");
        let finder = memmem::Finder::new(start.as_bytes());
        let mut block = vec![0; BLOCK_BYTES];
        let (mut at, mut lines_before) = (0, 0);
        while at < self.end() {
            let wanted = usize::try_from(self.end() - at).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            let place = block.get_mut(..wanted).unwrap_or_default();
            self.read(place, at)?;
            if let Some(found) = finder.find(place) {
                let before = place.get(..found).unwrap_or_default();
                lines_before += count(before);
                // In the middle of a line it can stand only if the line is malformed, which reading it tells.
                let offset = self.line_start(at + found as u64)?;
                return self.take(offset, lines_before + 1, id).map(Some);
            }
            // The start may be cut in two by the block's end: the next block begins before it.
            let step = if at + wanted as u64 == self.end() { wanted } else { wanted - start.len() + 1 };
            lines_before += count(place.get(..step).unwrap_or_default());
            at += step as u64;
        }
        Ok(None)
    }

    /// The line at `offset`, which must be the event with this id.
    fn take(&self, offset: u64, number: u64, id: Uuid) -> Result<Found, Error> {
        let mut lines = self.lines(offset, self.end());
        if let Some(line) = lines.next()? {
            let (_, leaf) = self.read_event(offset, line.bytes)?;
            if content_id(leaf) == id {
                return Ok(Found { number, offset, bytes: line.bytes.to_vec() });
            }
        }
        // It was there a moment ago.
        Err(self.changed(offset))
    }
}

fn count(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
