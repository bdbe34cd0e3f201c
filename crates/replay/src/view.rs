//! The log's whole lines at one moment, wherever one wants to read them.

use dreichor_core::event::{Event, line_too_long};
use dreichor_core::{Hash, LINE_BYTES_MAX};
use dreichor_log::last::line_start;
use dreichor_log::{Line, Lines, Medium, ReadError, read_exactly};

use crate::error::Error;
use crate::store::Store;

/// The log as it was when it was opened: what is appended later is not seen.
pub struct View<'s, M: Medium> {
    store: &'s Store<M>,
    /// None: the log is missing, which is an empty log.
    file: Option<M::File>,
    end: u64,
}

impl<'s, M: Medium> View<'s, M> {
    /// Opens the log.
    pub fn open(store: &'s Store<M>) -> Result<Self, Error> {
        let Some((file, stat)) = store.open()? else {
            return Ok(Self { store, file: None, end: 0 });
        };
        let end = line_start(&file, stat.size).map_err(|error| store.unreadable(&error))?;
        Ok(Self { store, file: Some(file), end })
    }

    /// The same log as it was when its whole lines ended at `end`, at the latest.
    #[must_use]
    pub fn up_to(self, end: u64) -> Self {
        Self { end: self.end.min(end), ..self }
    }

    /// Where the last whole line ends, LF included.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Whether a line starts here, or the log's whole lines end here.
    pub fn is_boundary(&self, offset: u64) -> Result<bool, Error> {
        Ok(offset <= self.end && self.line_start(offset)? == offset)
    }

    /// Where the line starts within which `offset` stands.
    pub(crate) fn line_start(&self, offset: u64) -> Result<u64, Error> {
        match &self.file {
            Some(file) => line_start(file, offset).map_err(|error| self.store.unreadable(&error)),
            None => Ok(0),
        }
    }

    /// Reads `buffer` full from `offset` on.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        match &self.file {
            Some(file) => read_exactly(file, buffer, offset).map_err(|error| self.store.unreadable(&error)),
            None => Ok(()),
        }
    }

    /// Gives the lines from `start` to `end`, both boundaries, to `each` until that returns false. The lines'
    /// numbers count from `start`.
    pub(crate) fn each_line(
        &self,
        start: u64,
        end: u64,
        mut each: impl FnMut(Line<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut lines = Lines::starting_at(file, start, 0, end, LINE_BYTES_MAX);
        loop {
            match lines.next_line() {
                Ok(Some(line)) if each(line)? => {}
                Ok(Some(_)) => return Ok(()),
                Ok(None) => break,
                Err(ReadError::TooLong { offset, length, .. }) => {
                    let fault = line_too_long(usize::try_from(length).unwrap_or(usize::MAX));
                    return Err(self.malformed(offset, fault));
                }
                Err(error @ (ReadError::Refused { .. } | ReadError::Shrank { .. })) => {
                    return Err(self.store.unreadable(&error));
                }
            }
        }
        // An LF stood before `end`. What is left over lost its own since.
        lines.tail().map_or(Ok(()), |tail| Err(self.changed(tail.offset)))
    }

    /// The event of the line that starts at `offset`, and its leaf hash.
    pub(crate) fn read_event<'l>(&self, offset: u64, line: &'l [u8]) -> Result<(Event<'l>, Hash), Error> {
        Event::read_line(line).map_err(|fault| self.malformed(offset, fault))
    }

    /// The error of lines that are not what they were before.
    pub(crate) fn changed(&self, offset: u64) -> Error {
        Error::unavailable(
            self.store.path(),
            format!("lines from byte {offset} on are no longer what they were"),
            "find out what touched the file; `dreichor replay` says what it holds now",
        )
    }

    fn malformed(&self, offset: u64, fault: Box<dreichor_core::Fault>) -> Error {
        match &self.file {
            Some(file) => self.store.malformed_at(file, offset, fault),
            None => Error::Internal("a line of no file".into()),
        }
    }
}
