//! A reader that returns one line after the other, in constant memory.

use crate::blocks::{BLOCK_BYTES, Block, Blocks};
use crate::medium::ReadAt;
use crate::read::{ReadError, Tail};

/// A line, without its LF.
#[derive(Debug, Clone, Copy)]
pub struct Line<'b> {
    /// The line's number, from 1.
    pub number: u64,
    /// The offset of the line's start in the file, in bytes.
    pub offset: u64,
    /// The line's bytes.
    pub bytes: &'b [u8],
}

/// Reads the lines of the first `end` bytes of a file.
#[derive(Debug)]
pub struct Lines<'f, F> {
    file: &'f F,
    blocks: Blocks,
    line_bytes_max: usize,
    block: Block,
    /// The number of bytes of the block that were returned.
    returned: usize,
    count: u64,
}

impl<'f, F: ReadAt> Lines<'f, F> {
    /// Creates a reader of the first `end` bytes of `file`, whose lines have at most `line_bytes_max` bytes, LF
    /// excluded.
    pub fn new(file: &'f F, end: u64, line_bytes_max: usize) -> Self {
        Self::starting_at(file, 0, 0, end, line_bytes_max)
    }

    /// Creates a reader that starts at `offset`, where line number `count` ends.
    pub fn starting_at(file: &'f F, offset: u64, count: u64, end: u64, line_bytes_max: usize) -> Self {
        let blocks = Blocks::new(offset, end, BLOCK_BYTES, line_bytes_max);
        Self { file, blocks, line_bytes_max, block: Block::default(), returned: 0, count }
    }

    /// The offset of the next line: the end of the last one, LF included.
    pub fn offset(&self) -> u64 {
        self.blocks.offset() - self.unreturned().len() as u64
    }

    /// The number of the line that was returned last.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The unterminated tail, once no line follows.
    pub fn tail(&self) -> Option<Tail> {
        self.blocks.tail()
    }

    fn unreturned(&self) -> &[u8] {
        &self.block.bytes()[self.returned..]
    }

    /// True if a line follows; it is then in memory.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is shorter than `end`, or has an overlong line here.
    pub fn has_next(&mut self) -> Result<bool, ReadError> {
        if self.unreturned().is_empty() {
            let used = std::mem::take(&mut self.block);
            self.returned = 0;
            match self.blocks.next_block(self.file, used)? {
                Some(block) => self.block = block,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Returns the next line; none if no LF follows.
    ///
    /// # Errors
    ///
    /// As of [`Lines::has_next`].
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, ReadError> {
        if !self.has_next()? {
            return Ok(None);
        }
        let offset = self.offset();
        let start = self.returned;
        let Some(length) = memchr::memchr(b'\n', self.unreturned()) else {
            unreachable!("a block ends with an LF")
        };
        if length > self.line_bytes_max {
            return Err(ReadError::TooLong { offset, length: length as u64 });
        }
        self.returned = start + length + 1;
        self.count += 1;
        Ok(Some(Line { number: self.count, offset, bytes: &self.block.bytes()[start..start + length] }))
    }
}
