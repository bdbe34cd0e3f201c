//! Search of one event by its id.

use dreichor_core::id::content_id;
use dreichor_core::value::Uuid;
use dreichor_log::Medium;
use memchr::memmem;

use crate::error::Error;
use crate::view::View;

/// The size of one read, in bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// A line of the log that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The line's number, from 1. The index of its leaf in the tree is one less.
    pub number: u64,
    /// The offset of the line's start in the file, in bytes.
    pub offset: u64,
    /// The line's bytes, without LF.
    pub bytes: Vec<u8>,
}

impl<M: Medium> View<'_, M> {
    /// Finds the event with this id; none if the view has no such event. Reads every byte of the view before it, and
    /// counts its lines from the start of the view.
    ///
    /// # Errors
    ///
    /// The log cannot be read or has changed, or the line is malformed.
    pub fn find(&self, id: Uuid) -> Result<Option<Found>, Error> {
        // The event's line starts like this. No line holds a member `id` anywhere else.
        let start = format!("{{\"id\":\"{id}\"");
        let finder = memmem::Finder::new(start.as_bytes());
        let mut block = vec![0; BLOCK_BYTES];
        let (mut at, mut lines_before) = (self.start(), 0);
        while at < self.end() {
            let wanted = usize::try_from(self.end() - at).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            let place = &mut block[..wanted];
            self.read(place, at)?;
            if let Some(found) = finder.find(place) {
                lines_before += count(&place[..found]);
                // If this is not the start of the line, the line is malformed, and reading it finds that.
                let offset = self.line_start(at + found as u64)?;
                return self.take(offset, lines_before + 1, id).map(Some);
            }
            // The end of the block may divide the start of the line: the next block begins before it.
            let step = if at + wanted as u64 == self.end() { wanted } else { wanted - start.len() + 1 };
            lines_before += count(&place[..step]);
            at += step as u64;
        }
        Ok(None)
    }

    /// Reads the line at `offset`, which must be the event with this id.
    fn take(&self, offset: u64, number: u64, id: Uuid) -> Result<Found, Error> {
        let mut lines = self.lines(offset, self.end());
        if let Some(line) = lines.next()? {
            let (_, leaf) = self.read_event(offset, line.bytes)?;
            if content_id(leaf) == id {
                return Ok(Found { number, offset, bytes: line.bytes.to_vec() });
            }
        }
        // The search has just seen the id here, so the file has changed.
        Err(self.changed(offset))
    }
}

fn count(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
