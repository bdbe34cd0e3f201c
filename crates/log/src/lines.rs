//! Lines from the first to the last, in a stream of constant memory.

use crate::interruption::uninterrupted;
use crate::medium::ReadAt;
use crate::read::{ReadError, Tail};

/// How much is read at once, in bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// A line, without its LF.
#[derive(Debug, Clone, Copy)]
pub struct Line<'b> {
    /// From 1.
    pub number: u64,
    /// Where it starts in the file, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub bytes: &'b [u8],
}

/// Reads the lines of the first `end` bytes of a file.
#[derive(Debug)]
pub struct Lines<'f, F> {
    file: &'f F,
    end: u64,
    line_bytes_max: usize,
    buffer: Vec<u8>,
    /// The part of the buffer that is read but not yet given out.
    start: usize,
    filled: usize,
    /// Where in the file the buffer's first byte is.
    buffer_offset: u64,
    given_out: u64,
}

impl<'f, F: ReadAt> Lines<'f, F> {
    /// A reader of the first `end` bytes of `file`, whose lines have at most `line_bytes_max` bytes, LF
    /// excluded.
    pub fn new(file: &'f F, end: u64, line_bytes_max: usize) -> Self {
        Self::starting_at(file, 0, 0, end, line_bytes_max)
    }

    /// The same from `offset` on, where `given_out` lines end.
    pub fn starting_at(file: &'f F, offset: u64, given_out: u64, end: u64, line_bytes_max: usize) -> Self {
        // Room for a block behind the longest line that has no end yet.
        let buffer = vec![0; BLOCK_BYTES + line_bytes_max];
        Self { file, end, line_bytes_max, buffer, start: 0, filled: 0, buffer_offset: offset, given_out }
    }

    /// Where the next line starts: the end of the last one, LF included.
    pub fn offset(&self) -> u64 {
        self.buffer_offset + self.start as u64
    }

    /// How many lines were given out.
    pub fn count(&self) -> u64 {
        self.given_out
    }

    /// What stands behind the last line, once there is no next one.
    pub fn tail(&self) -> Option<Tail> {
        let offset = self.offset();
        (offset < self.end).then(|| Tail { offset, length: self.end - offset })
    }

    /// The next line; none when no LF follows.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, ReadError> {
        let mut searched = self.start;
        loop {
            let unsearched = self.buffer.get(searched..self.filled).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unsearched) {
                return self.give_out(searched + found).map(Some);
            }
            searched = self.filled;
            let pending = self.filled - self.start;
            if self.buffer_offset + self.filled as u64 >= self.end {
                return Ok(None);
            }
            if pending > self.line_bytes_max {
                return self.measure_overlong();
            }
            searched -= self.start;
            self.refill()?;
        }
    }

    fn give_out(&mut self, line_feed: usize) -> Result<Line<'_>, ReadError> {
        let start = self.start;
        let offset = self.offset();
        self.given_out += 1;
        if line_feed - start > self.line_bytes_max {
            let length = (line_feed - start) as u64;
            return Err(ReadError::TooLong { number: self.given_out, offset, length });
        }
        self.start = line_feed + 1;
        Ok(Line {
            number: self.given_out,
            offset,
            bytes: self.buffer.get(start..line_feed).unwrap_or_default(),
        })
    }

    fn refill(&mut self) -> Result<(), ReadError> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.buffer_offset += self.start as u64;
        self.filled -= self.start;
        self.start = 0;
        let offset = self.buffer_offset + self.filled as u64;
        let room = (self.buffer.len() - self.filled) as u64;
        let wanted = usize::try_from(room.min(self.end - offset)).unwrap_or(usize::MAX);
        let place = self.buffer.get_mut(self.filled..self.filled + wanted).unwrap_or_default();
        let read = uninterrupted(|| self.file.read_at(place, offset));
        match read.map_err(|error| ReadError::Refused { offset, error })? {
            0 => Err(ReadError::Shrank { offset }),
            read => {
                self.filled += read;
                Ok(())
            }
        }
    }

    /// What stands here is longer than a line may be: a malformed line if an LF ends it, a tail if none does.
    fn measure_overlong(&self) -> Result<Option<Line<'_>>, ReadError> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut at = self.buffer_offset + self.filled as u64;
        while at < self.end {
            let wanted = usize::try_from(self.end - at).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            let place = block.get_mut(..wanted).unwrap_or_default();
            let read = uninterrupted(|| self.file.read_at(place, at));
            let read = read.map_err(|error| ReadError::Refused { offset: at, error })?;
            if read == 0 {
                return Err(ReadError::Shrank { offset: at });
            }
            if let Some(found) = memchr::memchr(b'\n', block.get(..read).unwrap_or_default()) {
                let offset = self.offset();
                let length = at + found as u64 - offset;
                return Err(ReadError::TooLong { number: self.given_out + 1, offset, length });
            }
            at += read as u64;
        }
        Ok(None)
    }
}
