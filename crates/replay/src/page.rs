//! A page of the log: a few lines before or behind a position, as quick in a long log as in a short one.
//!
//! A position is where a line starts, in bytes from the start of the file, or where the last one ends. The log
//! only grows, so a position stays what it is for ever.

use std::collections::VecDeque;

use dreichor_core::Event;
use dreichor_log::{Line, Medium};
use memchr::memmem;

use crate::error::Error;
use crate::view::View;

/// The most that a page holds, in bytes of its lines; one line is always given.
pub const PAGE_BYTES_MAX: usize = 16 << 20;

/// How much is first read backwards, in bytes; each further step doubles it, up to the last.
const STEP_BYTES: u64 = 32 << 10;
const STEP_BYTES_MAX: u64 = 4 << 20;

/// Lines that follow each other in the log, or those of them that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The lines, without LF, in file order.
    pub lines: Vec<Box<[u8]>>,
    /// The position before which what is asked for goes on; none: nothing stands before.
    pub previous: Option<u64>,
    /// The position behind which what is asked for goes on, now or when the log has grown.
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
        let (mut found, mut found_bytes) = (VecDeque::<(u64, Box<[u8]>)>::new(), 0_usize);
        let (mut upper, mut step) = (position, STEP_BYTES);
        let mut is_full = false;
        while upper > 0 && !is_full {
            let lower = self.line_start(upper.saturating_sub(step))?;
            let mut earlier = VecDeque::<(u64, Box<[u8]>)>::new();
            self.each_line(lower, upper, |line| {
                if self.is_asked_for(&line, &finders, search)? {
                    earlier.push_back((line.offset, Box::from(line.bytes)));
                }
                // No more than a page is kept, however many lines the step has.
                if earlier.len() > search.limit {
                    earlier.pop_front();
                }
                Ok(true)
            })?;
            while let Some((offset, line)) = earlier.pop_back() {
                is_full = found.len() == search.limit
                    || (!found.is_empty() && found_bytes + line.len() > PAGE_BYTES_MAX);
                if is_full {
                    break;
                }
                found_bytes += line.len();
                found.push_front((offset, line));
            }
            is_full |= found.len() == search.limit;
            upper = lower;
            step = (step * 2).min(STEP_BYTES_MAX);
        }
        let first = found.front().map(|(offset, _)| *offset);
        let previous = if is_full { first.filter(|first| *first > 0) } else { None };
        let lines = found.into_iter().map(|(_, line)| line).collect();
        Ok(Page { lines, previous, next: position })
    }

    /// The first lines behind `position`, which must be a boundary.
    pub fn page_after<F: Fn(&Event<'_>) -> bool>(
        &self,
        position: u64,
        search: &Search<F>,
    ) -> Result<Page, Error> {
        let finders = search.finders();
        let mut page = Page { lines: Vec::new(), previous: None, next: self.end() };
        let mut bytes = 0;
        self.each_line(position, self.end(), |line| {
            if !self.is_asked_for(&line, &finders, search)? {
                return Ok(true);
            }
            let is_too_much = !page.lines.is_empty() && bytes + line.bytes.len() > PAGE_BYTES_MAX;
            if !is_too_much {
                bytes += line.bytes.len();
                page.lines.push(Box::from(line.bytes));
            }
            let is_full = is_too_much || page.lines.len() == search.limit;
            if is_full {
                let behind = line.offset + line.bytes.len() as u64 + 1;
                page.next = if is_too_much { line.offset } else { behind };
            }
            Ok(!is_full)
        })?;
        page.previous = (position > 0).then_some(position);
        Ok(page)
    }

    fn is_asked_for<F: Fn(&Event<'_>) -> bool>(
        &self,
        line: &Line<'_>,
        finders: &[memmem::Finder<'_>],
        search: &Search<F>,
    ) -> Result<bool, Error> {
        if finders.iter().any(|finder| finder.find(line.bytes).is_none()) {
            return Ok(false);
        }
        let (event, _) = self.read_event(line)?;
        Ok((search.asks_for)(&event))
    }
}
