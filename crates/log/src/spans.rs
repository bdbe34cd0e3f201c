//! A reader that finds the places of lines of any length, in constant memory.

use crate::medium::ReadAt;
use crate::read::{ReadError, Tail, read_exactly};

const BLOCK_BYTES: usize = 1 << 20;

/// The place of a line in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The line's number, from 1.
    pub number: u64,
    /// The offset of the line's start in the file, in bytes.
    pub offset: u64,
    /// The line's length in bytes, LF excluded.
    pub length: u64,
}

/// Finds the lines of the first `end` bytes of a file.
#[derive(Debug)]
pub struct Spans<'f, F> {
    file: &'f F,
    end: u64,
    block: Vec<u8>,
    /// The part of the block that was read and not searched yet.
    searched: usize,
    filled: usize,
    /// The offset of the block in the file, in bytes.
    block_offset: u64,
    line_offset: u64,
    found: u64,
}

impl<'f, F: ReadAt> Spans<'f, F> {
    /// Creates a reader that starts at `offset`, where line number `before` ends, and reads up to `end`.
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

    /// Finds the next line; none if no LF follows.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is shorter than `end`.
    pub fn next_span(&mut self) -> Result<Option<Span>, ReadError> {
        loop {
            let unsearched = &self.block[self.searched..self.filled];
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
            let place = &mut self.block[..self.filled];
            read_exactly(self.file, place, self.block_offset)?;
        }
    }

    /// The number of lines up to the last one that was found.
    pub fn count(&self) -> u64 {
        self.found
    }

    /// The unterminated tail, once [`Spans::next_span`] has returned none.
    pub fn tail(&self) -> Option<Tail> {
        let offset = self.line_offset;
        (offset < self.end).then(|| Tail { offset, length: self.end - offset })
    }
}
