//! Pages of the log: a few lines before or after a position, as fast in a long log as in a short one.
//!
//! A position is the offset in bytes where a line starts, or where the last line ends. The log only grows, so a
//! position never changes its meaning.

use dreichor_core::Event;
use dreichor_log::Medium;
use memchr::memmem;

use crate::error::Error;
use crate::view::{Backwards, PlacedLine, View};

/// Upper bound on the bytes of a page's lines, LF included: together with the rest of an answer they are less than 16
/// MiB. A page holds at least one line if there is one.
pub const PAGE_BYTES_MAX: usize = (16 << 20) - (4 << 10);

/// How many bytes a search forwards reads before it asks whether to go on.
const ASKED_EVERY_BYTES: u64 = 1 << 20;

/// Consecutive lines of the log, or those of them that match a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The lines, without LF, in file order.
    pub lines: Vec<Box<[u8]>>,
    /// The position before which further matching lines may be; none: nothing precedes the page.
    pub previous: Option<u64>,
    /// The position after which further matching lines may be, now or when the log has grown.
    pub next: u64,
}

/// The condition on a page's lines.
pub struct Search<'a, F> {
    /// The most lines of the page; at least 1.
    pub limit: usize,
    /// Lists of texts: of each list, every matching line contains one.
    pub words: Vec<Vec<String>>,
    /// False for a line that cannot match. It is not parsed and not hashed.
    pub is_candidate: &'a dyn Fn(&[u8]) -> bool,
    /// True for an event that matches.
    pub asks_for: F,
    /// Called now and then with the number of bytes that were read; false ends the search with the page so far, from
    /// whose cursor it can go on.
    pub goes_on: &'a dyn Fn(u64) -> bool,
}

impl Search<'static, fn(&Event<'_>) -> bool> {
    /// Creates a search that matches every event.
    pub fn of_all(limit: usize) -> Self {
        Self { limit, words: Vec::new(), is_candidate: &|_| true, asks_for: |_| true, goes_on: &|_| true }
    }
}

impl<F: Fn(&Event<'_>) -> bool> Search<'_, F> {
    /// Returns a finder for each word. Lines that have no word of a list are not parsed.
    fn finders(&self) -> Vec<Vec<memmem::Finder<'static>>> {
        let finder = |word: &String| memmem::Finder::new(word.as_bytes()).into_owned();
        self.words.iter().map(|words| words.iter().map(finder).collect()).collect()
    }
}

impl<M: Medium> View<'_, M> {
    /// Reads the last matching lines before `position`, which must be a boundary.
    ///
    /// # Errors
    ///
    /// The log cannot be read or has changed, or a line that the search must read is malformed.
    pub fn page_before<F: Fn(&Event<'_>) -> bool>(
        &self,
        position: u64,
        search: &Search<'_, F>,
    ) -> Result<Page, Error> {
        let finders = search.finders();
        let mut taken = Taken::up_to(search.limit);
        let mut first = position;
        let mut is_cut_short = false;
        let mut backwards = Backwards::from(position);
        while !taken.is_full
            && let Some((lower, upper)) = backwards.next(self)?
        {
            let mut found = Vec::<PlacedLine>::new();
            let mut lines = self.lines(lower, upper);
            while let Some(line) = lines.next()? {
                if has_one_of_each(&finders, line.bytes) && (search.is_candidate)(line.bytes) {
                    found.push((line.offset, Box::from(line.bytes)));
                }
            }
            // Backwards from the last line, so that only lines of the page, and between them, can be at fault.
            while let Some((offset, line)) = found.pop_if(|_| !taken.is_full) {
                let (event, _) = self.read_event(offset, &line)?;
                if (search.asks_for)(&event) && taken.take(line) {
                    first = offset;
                }
            }
            if !taken.is_full && !(search.goes_on)(position - lower) {
                (first, is_cut_short) = (lower, true);
                break;
            }
        }
        taken.lines.reverse();
        let previous = ((taken.is_full || is_cut_short) && first > self.start()).then_some(first);
        Ok(Page { lines: taken.lines, previous, next: position })
    }

    /// Reads the first matching lines after `position`, which must be a boundary.
    ///
    /// # Errors
    ///
    /// The log cannot be read or has changed, or a line that the search must read is malformed.
    pub fn page_after<F: Fn(&Event<'_>) -> bool>(
        &self,
        position: u64,
        search: &Search<'_, F>,
    ) -> Result<Page, Error> {
        let finders = search.finders();
        let mut taken = Taken::up_to(search.limit);
        let mut next = position;
        let mut is_cut_short = false;
        let mut asked_at = position;
        let mut lines = self.lines(position, self.end());
        while !taken.is_full
            && let Some(line) = lines.next()?
        {
            if line.offset - asked_at >= ASKED_EVERY_BYTES {
                asked_at = line.offset;
                if !(search.goes_on)(asked_at - position) {
                    (next, is_cut_short) = (asked_at, true);
                    break;
                }
            }
            if !has_one_of_each(&finders, line.bytes) || !(search.is_candidate)(line.bytes) {
                continue;
            }
            let (event, _) = self.read_event(line.offset, line.bytes)?;
            if (search.asks_for)(&event) && taken.take(Box::from(line.bytes)) {
                next = line.offset + line.bytes.len() as u64 + 1;
            }
        }
        let next = if taken.is_full || is_cut_short { next } else { self.end() };
        Ok(Page { lines: taken.lines, previous: (position > self.start()).then_some(position), next })
    }
}

/// The lines that were taken into a page.
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

    /// Takes the line if there is room for it; there is always room for the first.
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

/// True if the line has a word of each list.
fn has_one_of_each(lists: &[Vec<memmem::Finder<'_>>], line: &[u8]) -> bool {
    lists.iter().all(|words| words.iter().any(|word| word.find(line).is_some()))
}
