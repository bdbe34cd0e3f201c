//! A view of the log: its whole lines at one moment, read at any offset.

use dreichor_core::event::{Event, line_too_long};
use dreichor_core::value::LogicalTime;
use dreichor_core::{Hash, LINE_BYTES_MAX};
use dreichor_log::last::{count_lines, line_start};
use dreichor_log::{Line, Lines, Medium, ReadError, read_exactly};

use crate::error::Error;
use crate::store::Store;

/// The offset of a line's start, in bytes, and its bytes without LF.
pub type PlacedLine = (u64, Box<[u8]>);

/// The log as it was when it was opened. It does not see what is appended later.
pub struct View<'s, M: Medium> {
    store: &'s Store<M>,
    /// None: the log is missing, which is an empty log.
    file: Option<M::File>,
    start: u64,
    end: u64,
}

impl<'s, M: Medium> View<'s, M> {
    /// Opens the log.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn open(store: &'s Store<M>) -> Result<Self, Error> {
        Ok(match store.look()? {
            Some(opened) => Self::of(store, Some(opened.file), opened.end),
            None => Self::of(store, None, 0),
        })
    }

    /// Creates a view of the lines of an opened file before the boundary `end`.
    pub fn of(store: &'s Store<M>, file: Option<M::File>, end: u64) -> Self {
        Self { store, file, start: 0, end }
    }

    /// Limits the view to the lines before the offset `end`.
    #[must_use]
    pub fn up_to(self, end: u64) -> Self {
        Self { end: self.end.min(end), ..self }
    }

    /// Limits the view to the lines from the boundary `start` on.
    #[must_use]
    pub fn starting_at(self, start: u64) -> Self {
        Self { start: start.min(self.end), ..self }
    }

    /// Limits the view to the events of these logical times, both included. Logical time never decreases in a log, so
    /// they are contiguous and found by bisection.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or a line that the bisection reads is malformed.
    pub fn within(self, from: Option<u64>, to: Option<u64>) -> Result<Self, Error> {
        let start = from.map_or(Ok(self.start), |from| self.first_at(from))?;
        let end = match to.and_then(|to| to.checked_add(1)) {
            Some(after) => self.first_at(after)?,
            None => self.end,
        };
        Ok(Self { start, end: end.max(start), ..self })
    }

    /// Finds the offset of the first event whose logical time is `time` or later; the end if there is none.
    fn first_at(&self, time: u64) -> Result<u64, Error> {
        // Every event before `low` is earlier; the one at `high`, if there is one, is not.
        let (mut low, mut high) = (self.start, self.end);
        while low < high {
            let at = self.line_start(low + (high - low) / 2)?.max(low);
            let mut lines = self.lines(at, self.end);
            let Some(line) = lines.next()? else { return Err(self.changed(at)) };
            let (event, _) = self.read_event(line.offset, line.bytes)?;
            if event.logical_time.get() < time {
                low = at + line.bytes.len() as u64 + 1;
            } else {
                high = at;
            }
        }
        Ok(high)
    }

    /// The offset where the first line starts, in bytes: 0, unless the view is limited.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset where the last whole line ends, LF included, in bytes.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// True if a line starts at this offset, or the last whole line ends there.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn is_boundary(&self, offset: u64) -> Result<bool, Error> {
        Ok(offset <= self.end && self.line_start(offset)? == offset)
    }

    /// Finds the start of the line that holds the byte at `offset`.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn line_start(&self, offset: u64) -> Result<u64, Error> {
        match &self.file {
            Some(file) => line_start(file, offset).map_err(|error| self.store.unreadable(error, 0)),
            None => Ok(0),
        }
    }

    /// Counts the lines from `start` to `end`, both boundaries.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn count_lines(&self, start: u64, end: u64) -> Result<u64, Error> {
        match &self.file {
            Some(file) => count_lines(file, start, end).map_err(|error| self.store.unreadable(error, 0)),
            None => Ok(0),
        }
    }

    /// The logical time of the last event; none if there is no event.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its last line is malformed.
    pub fn last_time(&self) -> Result<Option<LogicalTime>, Error> {
        let Some(line_feed) = self.end.checked_sub(1) else { return Ok(None) };
        let mut lines = self.lines(self.line_start(line_feed)?, self.end);
        let Some(line) = lines.next()? else { return Ok(None) };
        let (event, _) = self.read_event(line.offset, line.bytes)?;
        Ok(Some(event.logical_time))
    }

    /// Fills `buffer` with the bytes at `offset`.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        match &self.file {
            Some(file) => read_exactly(file, buffer, offset).map_err(|error| self.store.unreadable(error, 0)),
            None => Ok(()),
        }
    }

    /// Reads the lines from `start` to `end`, both boundaries: the offset and the bytes of each, without LF.
    ///
    /// # Errors
    ///
    /// The log cannot be read or has changed, or a line is too long.
    pub fn lines_between(&self, start: u64, end: u64) -> Result<Vec<PlacedLine>, Error> {
        let mut read = Vec::new();
        let mut lines = self.lines(start, end);
        while let Some(line) = lines.next()? {
            read.push((line.offset, Box::from(line.bytes)));
        }
        Ok(read)
    }

    /// Returns the lines from `start` to `end`, both boundaries. The line at `start` has number 1.
    pub(crate) fn lines(&self, start: u64, end: u64) -> ViewLines<'_, 's, M> {
        let lines = self.file.as_ref().map(|file| Lines::starting_at(file, start, 0, end, LINE_BYTES_MAX));
        ViewLines { view: self, lines }
    }

    /// Reads the event of the line that starts at `offset`, and its leaf hash.
    ///
    /// # Errors
    ///
    /// The line is malformed.
    pub fn read_event<'l>(&self, offset: u64, line: &'l [u8]) -> Result<(Event<'l>, Hash), Error> {
        Event::read_line(line).map_err(|fault| self.malformed(offset, fault))
    }

    /// Creates the error of lines that have changed since they were read.
    pub(crate) fn changed(&self, offset: u64) -> Error {
        Error::unavailable(
            self.store.path(),
            format!("the lines from byte {offset} on have changed"),
            "find out which process changed the file; `dreichor replay` shows what it holds now",
        )
    }

    fn unreadable(&self, error: ReadError) -> Error {
        match error {
            ReadError::TooLong { offset, length } => {
                self.malformed(offset, line_too_long(usize::try_from(length).unwrap_or(usize::MAX)))
            }
            ReadError::Refused { .. } | ReadError::Shrank { .. } => self.store.unreadable(error, 0),
        }
    }

    /// Creates the error of the line that starts at `offset` and breaks a rule.
    #[expect(clippy::expect_used, reason = "a line was read from the file")]
    pub fn malformed(&self, offset: u64, fault: Box<dreichor_core::Fault>) -> Error {
        self.store.malformed_at(self.file.as_ref().expect("a line is of a file"), offset, fault)
    }
}

/// The sizes in bytes of the first step backwards, and of the largest one; each step is twice the one before.
const STEP_BYTES: u64 = 32 << 10;
const STEP_BYTES_MAX: u64 = 4 << 20;

/// Reads a view backwards, step by step: the last lines cost as much in a long log as in a short one.
#[derive(Debug)]
pub struct Backwards {
    /// The offset of the first line that was returned.
    upper: u64,
    step: u64,
}

impl Backwards {
    /// Starts before `position`, which must be a boundary.
    pub const fn from(position: u64) -> Self {
        Self { upper: position, step: STEP_BYTES }
    }

    /// The offset of the first line that was returned, or the position to start from.
    pub const fn position(&self) -> u64 {
        self.upper
    }

    /// Returns the boundaries of the lines before those that were returned; none at the start of the view.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn next<M: Medium>(&mut self, view: &View<'_, M>) -> Result<Option<(u64, u64)>, Error> {
        let upper = self.upper;
        if upper <= view.start {
            return Ok(None);
        }
        self.upper = view.line_start(upper.saturating_sub(self.step))?.max(view.start);
        self.step = (self.step * 2).min(STEP_BYTES_MAX);
        Ok(Some((self.upper, upper)))
    }
}

/// The lines of a view, one after the other. They are not folded: the grammar of the log is not checked.
pub(crate) struct ViewLines<'v, 's, M: Medium> {
    view: &'v View<'s, M>,
    lines: Option<Lines<'v, M::File>>,
}

impl<M: Medium> ViewLines<'_, '_, M> {
    /// Returns the next line; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, Error> {
        let Self { view, lines } = self;
        let Some(lines) = lines else { return Ok(None) };
        if lines.has_next().map_err(|error| view.unreadable(error))? {
            return lines.next_line().map_err(|error| view.unreadable(error));
        }
        // The end was a boundary, so a tail before it means that an LF has been lost since.
        lines.tail().map_or(Ok(None), |tail| Err(view.changed(tail.offset)))
    }
}
