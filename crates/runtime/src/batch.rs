//! Batches of input lines: all that can be read without waiting, up to a limit. So an upstream that waits for each
//! answer gets it at once, and a file is read at full speed.

use std::io;

use dreichor_core::LINE_BYTES_MAX;

use crate::orchestrator::Rejection;

/// Upper bounds on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most inputs in a batch; at least 1.
    pub inputs: usize,
    /// The most bytes in a batch; at least 65,536, the length of the longest line with its LF.
    pub bytes: usize,
}

/// The limits of the program: 8,192 inputs and 4 MiB.
impl Default for Limits {
    fn default() -> Self {
        Self { inputs: 8_192, bytes: 4 << 20 }
    }
}

/// A stream of input bytes.
pub trait Source {
    /// Reads some bytes; waits until there are any, the input ends, or the process is asked to end.
    ///
    /// # Errors
    ///
    /// The system's error. What was read before remains valid.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read>;

    /// True if a read would return without waiting. After a read that drained the source it may be false without
    /// asking the system again.
    ///
    /// # Errors
    ///
    /// The system's error.
    fn is_ready(&mut self) -> io::Result<bool>;

    /// True if the process was asked to end. The pending batch is finished first.
    fn is_interrupted(&self) -> bool;

    /// The length of the input in bytes, if it is known.
    fn length(&self) -> Option<u64>;
}

/// The result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// This many bytes were read; at least 1.
    Bytes(usize),
    /// The input has ended.
    End,
    /// Nothing was read: the process was asked to end while the read waited; or the source is a connection, which never
    /// waits, and nothing has come.
    Nothing,
}

/// The next batch, or why there is none.
#[derive(Debug)]
pub enum Next<'b> {
    /// At least one line.
    Batch(Batch<'b>),
    /// The input has ended.
    End,
    /// The process was asked to end; or the source never waits, and no whole line has come.
    Nothing,
}

/// Lines that were read together; at least one.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'b> {
    bytes: &'b [u8],
    first_line: u64,
    offset: u64,
}

/// Inputs in the order in which they are recorded.
pub trait Inputs<'b>: Iterator<Item = InputLine<'b>> {
    /// Called after the rejection of the line that `next` returned last; returns true if inputs of other senders may
    /// still be recorded.
    fn go_on_after(&mut self, rejection: &Rejection) -> bool;
}

/// One line of input, without its LF.
#[derive(Debug, Clone, Copy)]
pub struct InputLine<'b> {
    /// The number of the connection that sent it; 0 where there is only one.
    pub sender: usize,
    /// The line's number, from 1.
    pub number: u64,
    /// The offset of the line's start in the input, in bytes.
    pub offset: u64,
    /// The line's bytes.
    pub bytes: &'b [u8],
    /// True if an LF ends the line.
    pub is_terminated: bool,
}

impl<'b> Batch<'b> {
    /// The length of the batch in bytes.
    pub fn length(self) -> usize {
        self.bytes.len()
    }

    /// The offset of the batch's end in the input, in bytes.
    pub fn end(self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Returns the lines in order.
    pub fn lines(self) -> Lines<'b> {
        Lines { rest: self.bytes, number: self.first_line, offset: self.offset }
    }
}

/// The lines of a batch, in order.
#[derive(Debug)]
pub struct Lines<'b> {
    rest: &'b [u8],
    number: u64,
    offset: u64,
}

impl<'b> Iterator for Lines<'b> {
    type Item = InputLine<'b>;

    fn next(&mut self) -> Option<InputLine<'b>> {
        let Self { rest, number, offset } = *self;
        if rest.is_empty() {
            return None;
        }
        let line_feed = memchr::memchr(b'\n', rest);
        let bytes = &rest[..line_feed.unwrap_or(rest.len())];
        // A line that is too long is returned before its LF is seen.
        let is_terminated = line_feed.is_some() || bytes.len() > LINE_BYTES_MAX;
        let length = line_feed.map_or(bytes.len(), |at| at + 1);
        *self = Self { rest: &rest[length..], number: number + 1, offset: offset + length as u64 };
        Some(InputLine { sender: 0, number, offset, bytes, is_terminated })
    }
}

/// The lines of one sender: the first that is rejected ends them.
impl<'b> Inputs<'b> for Lines<'b> {
    fn go_on_after(&mut self, _: &Rejection) -> bool {
        false
    }
}

/// Cuts a source into batches.
#[derive(Debug)]
pub struct Batcher<S> {
    source: S,
    limits: Limits,
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    /// The number of whole lines found so far, where the last of them ends, and where the search goes on.
    lines: usize,
    lines_end: usize,
    searched: usize,
    has_ended: bool,
    /// Why the input cannot be read further; returned after the lines before it.
    failure: Option<io::Error>,
    next_line: u64,
    offset: u64,
}

impl<S: Source> Batcher<S> {
    /// Creates a batcher of `source` with the default limits.
    pub fn new(source: S) -> Self {
        Self::with_limits(source, Limits::default())
    }

    /// Creates a batcher with these limits; each is raised to its minimum if it is below.
    pub fn with_limits(source: S, limits: Limits) -> Self {
        let Limits { inputs, bytes } = limits;
        let limits = Limits { inputs: inputs.max(1), bytes: bytes.max(LINE_BYTES_MAX + 1) };
        let buffer = vec![0; limits.bytes + LINE_BYTES_MAX + 1];
        Self {
            source,
            limits,
            buffer,
            start: 0,
            filled: 0,
            lines: 0,
            lines_end: 0,
            searched: 0,
            has_ended: false,
            failure: None,
            next_line: 1,
            offset: 0,
        }
    }

    /// The length of the source in bytes, if it is known.
    pub fn length(&self) -> Option<u64> {
        self.source.length()
    }

    /// Sets the limits of the next batches; each is raised to its minimum if it is below, and `bytes` may not exceed those
    /// that the batcher was created with. The batch before must be taken: no whole line waits.
    pub fn limit(&mut self, limits: Limits) {
        let bytes_max = self.buffer.len() - LINE_BYTES_MAX - 1;
        self.limits =
            Limits { inputs: limits.inputs.max(1), bytes: limits.bytes.clamp(LINE_BYTES_MAX + 1, bytes_max) };
    }

    /// The number of the line of which only a part has come, if [`Batcher::next_batch`] returned nothing.
    pub fn unfinished_line(&self) -> Option<u64> {
        (self.lines == 0 && self.filled > self.start).then_some(self.next_line)
    }

    /// True if [`Batcher::next_batch`] would return without waiting.
    pub fn has_more(&mut self) -> bool {
        self.search();
        self.lines > 0 || self.has_ended || self.failure.is_some() || self.can_read_on()
    }

    /// Returns the next batch; waits if no line can be read yet.
    ///
    /// # Errors
    ///
    /// The source could not be read further. Every line before that was returned.
    pub fn next_batch(&mut self) -> io::Result<Next<'_>> {
        loop {
            if self.source.is_interrupted() {
                return Ok(Next::Nothing);
            }
            self.search();
            if self.lines > 0 && (self.is_full() || !self.can_read_on()) {
                return Ok(Next::Batch(self.cut(self.lines_end, self.lines)));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let pending = self.filled - self.start;
            if self.has_ended || (self.lines == 0 && pending > LINE_BYTES_MAX) {
                // The last line, without LF; or a line that is too long, whatever follows.
                return Ok(if pending == 0 { Next::End } else { Next::Batch(self.cut(self.filled, 1)) });
            }
            match self.read() {
                Ok(Read::Bytes(count)) => self.filled += count,
                Ok(Read::End) => self.has_ended = true,
                Ok(Read::Nothing) if self.lines == 0 => return Ok(Next::Nothing),
                // The lines that have come are returned.
                Ok(Read::Nothing) => {}
                Err(failure) => self.failure = Some(failure),
            }
        }
    }

    /// True if the source has not ended and can be read without waiting.
    fn can_read_on(&mut self) -> bool {
        if self.has_ended || self.failure.is_some() {
            return false;
        }
        self.source.is_ready().unwrap_or_else(|failure| {
            self.failure = Some(failure);
            false
        })
    }

    fn is_full(&self) -> bool {
        self.lines == self.limits.inputs || self.filled - self.start >= self.limits.bytes
    }

    /// Finds whole lines in the buffer, up to the limits.
    fn search(&mut self) {
        let limit = self.filled.min(self.start + self.limits.bytes);
        while self.lines < self.limits.inputs {
            let unsearched = self.buffer.get(self.searched..limit).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', unsearched) else {
                self.searched = limit.max(self.searched);
                return;
            };
            self.lines += 1;
            self.lines_end = self.searched + found + 1;
            self.searched = self.lines_end;
        }
    }

    fn read(&mut self) -> io::Result<Read> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.searched -= self.start;
            self.lines_end = self.lines_end.saturating_sub(self.start);
            self.start = 0;
        }
        self.source.read(&mut self.buffer[self.filled..])
    }

    fn cut(&mut self, end: usize, lines: usize) -> Batch<'_> {
        let (start, first_line, offset) = (self.start, self.next_line, self.offset);
        self.start = end;
        self.searched = end;
        self.lines = 0;
        self.lines_end = end;
        self.next_line += lines as u64;
        self.offset += (end - start) as u64;
        Batch { bytes: &self.buffer[start..end], first_line, offset }
    }
}
