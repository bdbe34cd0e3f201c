//! A page of the log: a few lines before or behind a position, as quick in a long log as in a short one.
//!
//! A position is where a line starts, in bytes from the start of the file, or where the last one ends. The log
//! only grows, so a position stays what it is for ever.

use dreichor_core::Event;
use dreichor_log::Medium;
use memchr::memmem;

use crate::error::Error;
use crate::view::View;

/// The most that a page holds, in bytes of its lines, LF included: 16 MiB with what an answer puts around them.
/// One line is always given.
pub const PAGE_BYTES_MAX: usize = (16 << 20) - (4 << 10);

/// How much is first read backwards, in bytes; each further step doubles it, up to the last.
const STEP_BYTES: u64 = 32 << 10;
const STEP_BYTES_MAX: u64 = 4 << 20;

/// Lines that follow each other in the log, or those of them that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The lines, without LF, in file order.
    pub lines: Vec<Box<[u8]>>,
    /// The position before which what is asked for may go on; none: nothing stands before.
    pub previous: Option<u64>,
    /// The position behind which what is asked for may go on, now or when the log has grown.
    pub next: u64,
}

/// What to look for on the way.
pub struct Search<F> {
    /// The most lines, at least 1.
    pub limit: usize,
    /// Every line that is asked for has all of these words.
    pub words: Vec<String>,
    /// Whether an event is asked for.
    pub asks_for: F,
}

impl Search<fn(&Event<'_>) -> bool> {
    /// Any event is asked for.
    pub fn of_all(limit: usize) -> Self {
        Self { limit, words: Vec::new(), asks_for: |_| true }
    }
}

impl<F: Fn(&Event<'_>) -> bool> Search<F> {
    /// Tells which lines may be asked for; the others are not even parsed.
    fn finders(&self) -> Vec<memmem::Finder<'_>> {
        self.words.iter().map(|word| memmem::Finder::new(word.as_bytes())).collect()
    }
}

impl<M: Medium> View<'_, M> {
    /// The last lines before `position`, which must be a boundary.
    pub fn page_before<F: Fn(&Event<'_>) -> bool>(
        &self,
        position: u64,
        search: &Search<F>,
    ) -> Result<Page, Error> {
        let finders = search.finders();
        let mut taken = Taken::up_to(search.limit);
        let (mut first, mut upper, mut step) = (position, position, STEP_BYTES);
        while upper > 0 && !taken.is_full {
            let lower = self.line_start(upper.saturating_sub(step))?;
            let mut found = Vec::<(u64, Box<[u8]>)>::new();
            let mut lines = self.lines(lower, upper);
            while let Some(line) = lines.next()? {
                if has_all(&finders, line.bytes) {
                    found.push((line.offset, Box::from(line.bytes)));
                }
            }
            // From the last one on, so that only lines of the page, and between them, can be at fault.
            while let Some((offset, line)) = found.pop_if(|_| !taken.is_full) {
                let (event, _) = self.read_event(offset, &line)?;
                if (search.asks_for)(&event) && taken.take(line) {
                    first = offset;
                }
            }
            upper = lower;
            step = (step * 2).min(STEP_BYTES_MAX);
        }
        taken.lines.reverse();
        let previous = (taken.is_full && first > 0).then_some(first);
        Ok(Page { lines: taken.lines, previous, next: position })
    }

    /// The first lines behind `position`, which must be a boundary.
    pub fn page_after<F: Fn(&Event<'_>) -> bool>(
        &self,
        position: u64,
        search: &Search<F>,
    ) -> Result<Page, Error> {
        let finders = search.finders();
        let mut taken = Taken::up_to(search.limit);
        let mut behind = position;
        let mut lines = self.lines(position, self.end());
        while !taken.is_full
            && let Some(line) = lines.next()?
        {
            if !has_all(&finders, line.bytes) {
                continue;
            }
            let (event, _) = self.read_event(line.offset, line.bytes)?;
            if (search.asks_for)(&event) && taken.take(Box::from(line.bytes)) {
                behind = line.offset + line.bytes.len() as u64 + 1;
            }
        }
        let next = if taken.is_full { behind } else { self.end() };
        Ok(Page { lines: taken.lines, previous: (position > 0).then_some(position), next })
    }
}

/// The lines that are taken into a page, as long as there is room.
struct Taken {
    lines: Vec<Box<[u8]>>,
    limit: usize,
    bytes_left: usize,
    is_full: bool,
}

impl Taken {
    fn up_to(limit: usize) -> Self {
        Self { lines: Vec::new(), limit, bytes_left: PAGE_BYTES_MAX, is_full: false }
    }

    /// Takes the line, unless there is no room for it; the first always has.
    fn take(&mut self, line: Box<[u8]>) -> bool {
        let left = self.bytes_left.checked_sub(line.len() + 1);
        let has_room = left.is_some() || self.lines.is_empty();
        if has_room {
            self.bytes_left = left.unwrap_or_default();
            self.lines.push(line);
        }
        self.is_full = !has_room || self.lines.len() >= self.limit;
        has_room
    }
}

fn has_all(words: &[memmem::Finder<'_>], line: &[u8]) -> bool {
    words.iter().all(|word| word.find(line).is_some())
}
