//! Pages of decisions: a few before or after a position, as fast in a long log as in a short one.
//!
//! A position is the offset at which a DECISION_EVALUATED begins, or an end that the log once had. No tick is open there.

use dreichor_core::event::EventType;
use dreichor_replay::{Error, Medium, View};

use crate::decided::{Decided, Outcome};
use crate::recent::Recent;
use crate::selection::Selection;
use crate::ticks::Ticks;

/// How many bytes a page forwards reads at once.
const STEP_BYTES: u64 = 256 << 10;

/// Consecutive decisions of the log, or those of them that are selected.
#[derive(Debug)]
pub struct Page {
    /// The decisions, in file order.
    pub decided: Vec<Decided>,
    /// The position before which further ones may be; none: nothing precedes the page.
    pub previous: Option<u64>,
    /// The position after which further ones may be, now or when the log has grown. It precedes a tick that is not whole
    /// yet, so that its decision is found again once it is.
    pub next: u64,
}

/// The condition on a page's decisions.
pub struct Search<'a> {
    /// The most decisions of the page; at least 1.
    pub limit: usize,
    /// The condition.
    pub selection: &'a Selection,
    /// Called now and then with the number of bytes that were read; false ends the search with the page so far, from
    /// whose cursor it can go on.
    pub goes_on: &'a dyn Fn(u64) -> bool,
}

/// True if no tick is open at the boundary `position`: the event there is the first of a tick, or of no tick. The lines of a
/// tick are contiguous, so no other event can be within one.
///
/// # Errors
///
/// The log cannot be read, or a line that is read is malformed.
pub fn is_position<M: Medium>(view: &View<'_, M>, position: u64) -> Result<bool, Error> {
    let lines = view.lines_between(position, next_boundary(view, position)?)?;
    let Some((offset, line)) = lines.first() else { return Ok(true) };
    let (event, _) = view.read_event(*offset, line)?;
    Ok(event.body.tick_decision_id().is_none() || event.body.event_type() == EventType::DecisionEvaluated)
}

/// Where about [`STEP_BYTES`] of lines end. A line that is longer than that is at fault, and reading it will say so.
fn next_boundary<M: Medium>(view: &View<'_, M>, at: u64) -> Result<u64, Error> {
    let far = view.line_start((at + STEP_BYTES).min(view.end()))?;
    Ok(if far > at { far } else { view.end() })
}

/// Reads the last selected decisions before `position`.
///
/// # Errors
///
/// The log cannot be read, or a line or tick that is read is malformed.
pub fn before<M: Medium>(view: &View<'_, M>, position: u64, search: &Search<'_>) -> Result<Page, Error> {
    let mut recent = Recent::before(view, position);
    let mut page = Page { decided: Vec::new(), previous: Some(position), next: position };
    let mut is_last = true;
    'search: loop {
        while !recent.is_read() {
            if let Some(reached) = recent.resumption().filter(|reached| *reached < position)
                && !(search.goes_on)(position - reached)
            {
                page.previous = Some(reached).filter(|reached| *reached > view.start());
                break 'search;
            }
            if !recent.read_further()? {
                break;
            }
        }
        let Some(decided) = recent.next_back()? else {
            page.previous = None;
            break;
        };
        if std::mem::replace(&mut is_last, false) && decided.outcome() == Outcome::Interrupted {
            page.next = decided.offset;
        }
        page.previous = Some(decided.offset).filter(|offset| *offset > view.start());
        if search.selection.asks_for(&decided) {
            page.decided.push(decided);
        }
        if page.decided.len() == search.limit || page.previous.is_none() {
            break;
        }
    }
    page.decided.reverse();
    Ok(page)
}

/// Reads the first selected decisions after `position` whose ticks are whole.
///
/// # Errors
///
/// The log cannot be read, or a line or tick that is read is malformed.
pub fn after<M: Medium>(view: &View<'_, M>, position: u64, search: &Search<'_>) -> Result<Page, Error> {
    let previous = Some(position).filter(|position| *position > view.start());
    let mut page = Page { decided: Vec::new(), previous, next: position };
    let mut ticks = Ticks::default();
    let mut at = position;
    while at < view.end() {
        let end = next_boundary(view, at)?;
        for (offset, line) in view.lines_between(at, end)? {
            let (event, _) = view.read_event(offset, &line)?;
            let whole = ticks.add(&event, offset).map_err(|fault| view.malformed(offset, fault))?;
            if !ticks.is_open() {
                page.next = offset + line.len() as u64 + 1;
            }
            page.decided.extend(whole.filter(|decided| search.selection.asks_for(decided)));
            if page.decided.len() == search.limit {
                return Ok(page);
            }
        }
        at = end;
        if !(search.goes_on)(at - position) && page.next > position {
            return Ok(page);
        }
    }
    Ok(page)
}
