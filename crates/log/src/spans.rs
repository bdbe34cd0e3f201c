//! Where lines stand, whatever their length: found in a stream of constant memory, without holding any line.

use crate::medium::ReadAt;
use crate::read::{ReadError, Tail, read_exactly};

const BLOCK_BYTES: usize = 1 << 20;

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From 1.
    pub number: u64,
    /// Where the line starts in the file, in bytes.
    pub offset: u64,
    /// How many bytes it has, LF excluded.
    pub length: u64,
}

/// Finds the lines of the first `end` bytes of a file.
#[derive(Debug)]
pub struct Spans<'f, F> {
    file: &'f F,
    end: u64,
    block: Vec<u8>,
    /// The part of the block that is read but not yet searched.
    searched: usize,
    filled: usize,
    /// Where in the file the block starts.
    block_offset: u64,
    line_offset: u64,
    found: u64,
}

impl<'f, F: ReadAt> Spans<'f, F> {
    /// The lines from `offset` on, where `before` lines end.
    pub fn starting_at(file: &'f F, offset: u64, before: u64, end: u64) -> Self {
        let block = vec![0; BLOCK_BYTES];
        Self {
            file,
            end,
            block,
            searched: 0,
            filled: 0,
            block_offset: offset,
            line_offset: offset,
            found: before,
        }
    }

    /// The next line; none when no LF follows.
    pub fn next_span(&mut self) -> Result<Option<Span>, ReadError> {
        loop {
            let unsearched = self.block.get(self.searched..self.filled).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unsearched) {
                let line_feed = self.block_offset + (self.searched + found) as u64;
                let offset = self.line_offset;
                self.searched += found + 1;
                self.line_offset = line_feed + 1;
                self.found += 1;
                return Ok(Some(Span { number: self.found, offset, length: line_feed - offset }));
            }
            self.block_offset += self.filled as u64;
            let left = self.end.saturating_sub(self.block_offset);
            self.filled = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            self.searched = 0;
            if self.filled == 0 {
                return Ok(None);
            }
            let place = self.block.get_mut(..self.filled).unwrap_or_default();
            read_exactly(self.file, place, self.block_offset)?;
        }
    }

    /// How many lines were found, those before included.
    pub fn count(&self) -> u64 {
        self.found
    }

    /// What stands behind the last line, once there is no next one.
    pub fn tail(&self) -> Option<Tail> {
        let offset = self.line_offset;
        (offset < self.end).then(|| Tail { offset, length: self.end - offset })
    }
}
