//! Blocks of whole lines in owned buffers, so that a block can be sent to another thread and its buffer used again.

use crate::interruption::uninterrupted;
use crate::medium::ReadAt;
use crate::read::{ReadError, Tail};

/// The size of one read in bytes: large enough for few calls, small enough for the processor's cache.
pub const BLOCK_BYTES: usize = 256 << 10;

/// Consecutive whole lines of a file, each with its LF; at least one.
#[derive(Debug, Default)]
pub struct Block {
    buffer: Vec<u8>,
    length: usize,
    offset: u64,
}

impl Block {
    /// The bytes of the lines, LFs included.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// The offset of the first line in the file, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// Cuts the first `end` bytes of a file into blocks.
#[derive(Debug)]
pub struct Blocks {
    end: u64,
    block_bytes: usize,
    line_bytes_max: usize,
    /// The offset of the next block: the end of the last one.
    offset: u64,
    /// The bytes that were read after the last block: the beginning of the next line.
    carry: Vec<u8>,
}

impl Blocks {
    /// Creates a reader of blocks of about `block_bytes` bytes, from `offset`, where a line starts, to `end`. Lines
    /// have at most `line_bytes_max` bytes, LF excluded. A block may hold a longer line if its LF was read with it.
    pub fn new(offset: u64, end: u64, block_bytes: usize, line_bytes_max: usize) -> Self {
        Self { end, block_bytes, line_bytes_max, offset, carry: Vec::new() }
    }

    /// The offset of the next block, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset where reading ends, in bytes.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The unterminated tail, once [`Blocks::next_block`] has returned none.
    pub fn tail(&self) -> Option<Tail> {
        (self.offset < self.end).then(|| Tail { offset: self.offset, length: self.end - self.offset })
    }

    /// Reads the next block into the buffer of `used`, a block that is no longer needed; none if no LF follows.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is shorter than `end`, or has an overlong line here. Another call reads from the same
    /// offset again.
    pub fn next_block<F: ReadAt>(&mut self, file: &F, used: Block) -> Result<Option<Block>, ReadError> {
        let mut buffer = used.buffer;
        let room = self.block_bytes + self.line_bytes_max + 1;
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        let mut filled = self.carry.len();
        buffer[..filled].copy_from_slice(&self.carry);
        loop {
            let at = self.offset + filled as u64;
            let left = self.end.saturating_sub(at);
            if left == 0 {
                return Ok(None);
            }
            if filled > self.line_bytes_max {
                return self.measure_overlong(file, at);
            }
            let wanted = usize::try_from(left).map_or(self.block_bytes, |left| left.min(self.block_bytes));
            let place = &mut buffer[filled..filled + wanted];
            let read = uninterrupted(|| file.read_at(place, at));
            let read = match read.map_err(|error| ReadError::Refused { offset: at, error })? {
                0 => return Err(ReadError::Shrank { offset: at }),
                read => read,
            };
            if let Some(last) = memchr::memrchr(b'\n', &place[..read]) {
                let length = filled + last + 1;
                self.carry.clear();
                self.carry.extend_from_slice(&buffer[length..filled + read]);
                let offset = self.offset;
                self.offset += length as u64;
                return Ok(Some(Block { buffer, length, offset }));
            }
            filled += read;
        }
    }

    /// Measures an overlong line: an error if an LF ends it; none if no LF follows, since then it is the tail.
    #[cold]
    fn measure_overlong<F: ReadAt>(&self, file: &F, mut at: u64) -> Result<Option<Block>, ReadError> {
        let mut buffer = vec![0; BLOCK_BYTES];
        while at < self.end {
            let wanted = usize::try_from(self.end - at).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
            let read = uninterrupted(|| file.read_at(&mut buffer[..wanted], at));
            let read = read.map_err(|error| ReadError::Refused { offset: at, error })?;
            if read == 0 {
                return Err(ReadError::Shrank { offset: at });
            }
            if let Some(found) = memchr::memchr(b'\n', &buffer[..read]) {
                let length = at + found as u64 - self.offset;
                return Err(ReadError::TooLong { offset: self.offset, length });
            }
            at += read as u64;
        }
        Ok(None)
    }
}
