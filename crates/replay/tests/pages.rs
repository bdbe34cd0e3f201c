//! Pages return every matching line exactly once, in both directions, and nothing from a log that changed otherwise
//! than by growing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::event::EventType;
use dreichor_core::state::DecisionMemory;
use dreichor_core::{Event, Rule};
use dreichor_replay::page::{PAGE_BYTES_MAX, Page, Search};
use dreichor_replay::{Error, Filter, View};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use support::samples::config::config;
use support::samples::line::vector;
use support::samples::values::event;
use support::{Log, enacted, placed, said, written};

/// The search of a filter. None of the filters here has a condition on the instance.
fn search(limit: usize, filter: &Filter) -> Search<'static, impl Fn(&Event<'_>) -> bool + use<>> {
    let (memory, filter) = (DecisionMemory::default(), filter.clone());
    Search {
        limit,
        words: filter.words(),
        is_candidate: &|_| true,
        goes_on: &|_| true,
        asks_for: move |event: &Event<'_>| filter.asks_for(event, &memory),
    }
}

/// However early a search is ended, its cursors lead to every matching line once.
#[test]
fn a_search_that_is_cut_short_goes_on_where_it_ended() {
    let line = vector("audit_events.ndjson");
    let bytes = line.repeat(40);
    let log = Log::holding(&bytes);
    let view = log.view();
    let filter = Filter { event_types: vec![EventType::UserFeedbackRecorded], ..Filter::default() };
    let whole = view.page_after(0, &search(usize::MAX, &filter)).unwrap().lines;
    assert!(whole.len() > 100);
    let cut_short = Search { goes_on: &|_| false, ..search(usize::MAX, &filter) };
    let (mut forwards, mut pages, mut position) = (Vec::new(), 0, 0);
    while position < view.end() {
        let page = view.page_after(position, &cut_short).unwrap();
        assert!(page.next > position);
        position = page.next;
        forwards.extend(page.lines);
        pages += 1;
    }
    assert_eq!(forwards, whole);
    let mut backwards = Vec::new();
    let mut position = Some(view.end());
    while let Some(before) = position {
        let page = view.page_before(before, &cut_short).unwrap();
        assert!(page.previous.is_none_or(|previous| previous < before));
        position = page.previous;
        backwards.splice(0..0, page.lines);
        pages += 1;
    }
    assert_eq!(backwards, whole);
    assert!(pages > 6, "{pages}");
}

/// The events of a stretch of logical time are those that a look at each event finds.
#[test]
fn events_of_a_stretch_of_time_are_found_by_bisection() {
    let bytes = vector("audit_events.ndjson");
    let log = Log::holding(&bytes);
    let view = log.view();
    let times: Vec<u64> = placed(&bytes)
        .iter()
        .map(|(offset, line)| view.read_event(*offset, line).unwrap().0.logical_time.get())
        .collect();
    let (first, last) = (times[0], times[times.len() - 1]);
    let step = usize::try_from((last - first) / 37).unwrap().max(1);
    for from in (first - 1..=last + 1).step_by(step) {
        for to in [from, from + 1, first, last, last + 1, u64::MAX] {
            let found = log.view().within(Some(from), Some(to)).unwrap();
            let expected = times.iter().filter(|time| (from..=to).contains(time)).count();
            let page = found.page_after(found.start(), &all(usize::MAX)).unwrap();
            assert_eq!(page.lines.len(), expected, "{from} to {to}");
            assert_eq!(found.page_before(found.end(), &all(usize::MAX)).unwrap().lines, page.lines);
        }
    }
}

fn all(limit: usize) -> Search<'static, impl Fn(&Event<'_>) -> bool> {
    search(limit, &Filter::default())
}

/// A log and a search.
struct Model<'l> {
    asked: Vec<(u64, &'l [u8])>,
    boundaries: Vec<u64>,
}

impl<'l> Model<'l> {
    fn new(bytes: &'l [u8], filter: &Filter) -> Self {
        let lines = placed(bytes);
        let end = bytes.len() as u64;
        let boundaries = lines.iter().map(|(offset, _)| *offset).chain([end]).collect();
        let memory = DecisionMemory::default();
        let is_asked =
            |(_, line): &(u64, &[u8])| filter.asks_for(&Event::read_line(line).unwrap().0, &memory);
        Self { asked: lines.into_iter().filter(is_asked).collect(), boundaries }
    }

    /// The matching lines from one boundary to another.
    fn between(&self, from: u64, to: u64) -> Vec<&'l [u8]> {
        assert!(self.boundaries.contains(&from) && self.boundaries.contains(&to), "{from}, {to}");
        let asked = self.asked.iter().filter(|(offset, _)| (from..to).contains(offset));
        asked.map(|(_, line)| *line).collect()
    }

    /// The page holds the matching lines between its positions, and as many as it may.
    fn check_before(&self, page: &Page, position: u64, limit: usize) {
        assert_eq!(page.next, position);
        let before = self.between(0, position);
        let count = before.len().min(limit);
        assert_eq!(page.lines.iter().map(|line| &**line).collect::<Vec<_>>(), before[before.len() - count..]);
        let from = page.previous.unwrap_or(0);
        assert_eq!(self.between(from, position).len(), count);
        assert_ne!(page.previous, Some(0));
    }

    fn check_after(&self, page: &Page, position: u64, limit: usize, end: u64) {
        assert_eq!(page.previous, (position > 0).then_some(position));
        let after = self.between(position, end);
        let count = after.len().min(limit);
        assert_eq!(page.lines.iter().map(|line| &**line).collect::<Vec<_>>(), after[..count]);
        assert_eq!(self.between(position, page.next).len(), count);
        assert!(count == limit || page.next == end);
    }
}

/// Filters for a log that has this event.
fn filters(event: &Event<'_>, which: u8) -> Filter {
    let time = Some(event.logical_time.get());
    let any = Filter::default();
    let decision = event.body.tick_decision_id().map(|id| id.uuid().into());
    match which {
        0 => any,
        1 => Filter { event_types: vec![event.body.event_type()], ..any },
        2 => Filter { decisions: decision.into_iter().collect(), ..any },
        3 => Filter { markets: event.body.market_id().into_iter().collect(), ..any },
        4 => Filter { from: time, ..any },
        5 => Filter { event_types: vec![event.body.event_type()], to: time, ..any },
        6 => Filter { event_types: vec![EventType::LedgerUpdated, event.body.event_type()], ..any },
        _ => Filter { from: time.map(|time| time + 1), to: time, ..any },
    }
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn pages_are_the_events_before_and_after(
        events in vec(event(), 0..120), tail in vec(any::<u8>(), 0..40), at: Index, of: Index,
        which in 0..8_u8, limit in select(&[1, 2, 3, 7, 50, 1000]),
    ) {
        let mut bytes = written(&events);
        let filter = events.get(of.index(events.len() + 1)).map_or_else(Filter::default, |event| filters(event, which));
        let model = Model::new(&bytes, &filter);
        let end = bytes.len() as u64;
        let position = *at.get(&model.boundaries);
        let tail: Vec<u8> = tail.into_iter().filter(|byte| *byte != b'\n').collect();
        let log = Log::holding(&[&bytes[..], &tail].concat());
        let view = log.view();
        prop_assert_eq!(view.end(), end);
        for offset in position.saturating_sub(2)..position + 3 {
            prop_assert_eq!(view.is_boundary(offset).unwrap(), model.boundaries.contains(&offset));
        }
        model.check_before(&view.page_before(position, &search(limit, &filter)).unwrap(), position, limit);
        model.check_after(&view.page_after(position, &search(limit, &filter)).unwrap(), position, limit, end);
        // An earlier moment of the log is the log that there was then, and a later one is none.
        let then = Log::holding(&bytes[..usize::try_from(position).unwrap()]);
        let (then, earlier) = (then.view(), log.view().up_to(position));
        prop_assert_eq!(earlier.end(), then.end());
        let last = |view: &View<'_, _>| view.page_before(view.end(), &search(limit, &filter)).unwrap();
        prop_assert_eq!(last(&earlier), last(&then));
        prop_assert_eq!(log.view().up_to(end + 1).end(), end);
        // Lines that are appended after the log was opened are not read.
        let more = written(&[said(1, String::new())]);
        if tail.is_empty() {
            log.append(&more);
            model.check_after(&view.page_after(position, &search(limit, &filter)).unwrap(), position, limit, end);
            bytes.extend(more);
            prop_assert_eq!(log.view().end(), bytes.len() as u64);
        }
    }

    #[test]
    fn who_walks_a_growing_log_meets_every_line_once(
        events in vec(event(), 1..120), grows in vec(any::<Index>(), 0..6),
        of: Index, which in 0..8_u8, limit in select(&[1, 2, 3, 7, 50, 1000]),
    ) {
        let bytes = written(&events);
        let filter = filters(of.get(&events), which);
        let model = Model::new(&bytes, &filter);
        let end = bytes.len() as u64;
        // It grows by any bytes, lines in pieces too.
        let mut cuts: Vec<_> = grows.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);

        let log = Log::missing();
        let (mut position, mut walked) = (0, Vec::new());
        loop {
            let page = log.view().page_after(position, &search(limit, &filter)).unwrap();
            prop_assert!(page.next >= position);
            prop_assert!(page.lines.len() <= limit);
            position = page.next;
            let was_last = page.lines.is_empty();
            walked.extend(page.lines);
            match pieces.next() {
                Some(piece) => log.append(piece),
                None if was_last => break,
                None => {}
            }
        }
        prop_assert_eq!(position, end);
        prop_assert_eq!(walked.iter().map(|line| &**line).collect::<Vec<_>>(), model.between(0, end));

        let (mut position, mut walked) = (Some(end), Vec::new());
        while let Some(before) = position {
            let page = log.view().page_before(before, &search(limit, &filter)).unwrap();
            walked.extend(page.lines.into_iter().rev());
            position = page.previous;
            log.append(b"more\n");
        }
        walked.reverse();
        prop_assert_eq!(walked.iter().map(|line| &**line).collect::<Vec<_>>(), model.between(0, end));
    }
}

#[test]
fn a_log_without_a_line_has_one_page_and_it_is_empty() {
    let empty = Page { lines: Vec::new(), previous: None, next: 0 };
    let line = written(&[said(1, String::new())]);
    for log in [Log::missing(), Log::holding(b""), Log::holding(line.strip_suffix(b"\n").unwrap())] {
        let view = log.view();
        assert_eq!(view.end(), 0);
        assert_eq!(view.page_before(0, &all(1)).unwrap(), empty);
        assert_eq!(view.page_after(0, &all(1)).unwrap(), empty);
        assert!(view.is_boundary(0).unwrap() && !view.is_boundary(1).unwrap());
    }
}

/// In a log of many steps backwards and of many blocks forwards, too.
#[test]
fn a_long_log_is_walked_line_by_line_of_what_is_rare() {
    let bytes = enacted(4_000);
    let end = bytes.len() as u64;
    let decision = Event::read_line(placed(&bytes)[9].1).unwrap().0.body.tick_decision_id();
    for (filter, limit) in [
        (
            Filter {
                decisions: decision.map(|id| id.uuid().into()).into_iter().collect(),
                ..Filter::default()
            },
            2,
        ),
        (Filter { from: Some(10), to: Some(20), ..Filter::default() }, 1),
        (Filter::default(), 1_000),
    ] {
        let (log, model) = (Log::holding(&bytes), Model::new(&bytes, &filter));
        let view = log.view();
        assert!(!model.asked.is_empty());
        let (mut position, mut count) = (Some(end), 0);
        while let Some(before) = position {
            let page = view.page_before(before, &search(limit, &filter)).unwrap();
            model.check_before(&page, before, limit);
            (position, count) = (page.previous, count + page.lines.len());
        }
        assert_eq!(count, model.asked.len());
        let mut position = 0;
        while position < end {
            let page = view.page_after(position, &search(limit, &filter)).unwrap();
            model.check_after(&page, position, limit, end);
            (position, count) = (page.next, count - page.lines.len());
        }
        assert_eq!(count, 0);
    }
}

#[test]
fn a_page_holds_so_many_bytes_and_no_more() {
    // Lines as long as an event's can be; and so many short ones that their LFs would be a line too many.
    for (count, length) in [(1_000, 4_096), (18_000, 200)] {
        let events: Vec<_> = (0..count).map(|at| said(at, "\u{1}".repeat(length))).collect();
        check_page_bytes(&written(&events));
    }
}

/// Pages of this log, in both directions, hold as many of its lines as there is room for.
fn check_page_bytes(bytes: &[u8]) {
    let (log, lines) = (Log::holding(bytes), placed(bytes));
    let all = all(lines.len());
    let view = log.view();
    let size = |lines: &[Box<[u8]>]| lines.iter().map(|line| line.len() + 1).sum::<usize>();
    let mut position = Some(view.end());
    let mut left = lines.len();
    while let Some(before) = position {
        let page = view.page_before(before, &all).unwrap();
        assert!(size(&page.lines) <= PAGE_BYTES_MAX);
        let first = left - page.lines.len();
        assert!(page.lines.iter().map(|line| &**line).eq(lines[first..left].iter().map(|(_, line)| *line)));
        assert!(first == 0 || size(&page.lines) + lines[first - 1].1.len() + 1 > PAGE_BYTES_MAX);
        assert_eq!(page.previous, (first > 0).then(|| lines[first].0));
        (position, left) = (page.previous, first);
    }
    assert_eq!(left, 0);
    let (mut position, mut taken) = (0, 0);
    while position < view.end() {
        let page = view.page_after(position, &all).unwrap();
        assert!(size(&page.lines) <= PAGE_BYTES_MAX);
        let end = taken + page.lines.len();
        assert!(page.lines.iter().map(|line| &**line).eq(lines[taken..end].iter().map(|(_, line)| *line)));
        assert!(lines.get(end).is_none_or(|(_, line)| size(&page.lines) + line.len() + 1 > PAGE_BYTES_MAX));
        (position, taken) = (page.next, end);
    }
    assert_eq!(taken, lines.len());
}

#[test]
fn a_malformed_line_is_named_by_every_page_that_has_it_and_by_no_other() {
    let bytes = vector("audit_events.ndjson");
    let lines = placed(&bytes);
    let (limit, from) = (40, 100);
    let (position, end) = (lines[from].0, bytes.len() as u64);
    for (index, &(offset, line)) in lines.iter().enumerate() {
        let mut corrupted = bytes.clone();
        corrupted[usize::try_from(offset).unwrap() + line.len() / 2] ^= 1;
        let log = Log::holding(&corrupted);
        let view = log.view();
        let number = index as u64 + 1;
        for (page, has) in [
            (view.page_before(position, &all(limit)), from - limit..from),
            (view.page_after(position, &all(limit)), from..from + limit),
            (view.page_before(end, &all(1)), lines.len() - 1..lines.len()),
            (view.page_after(0, &all(1)), 0..1),
        ] {
            if has.contains(&index) {
                log.names(page, number, offset);
            } else {
                let page = page.unwrap().lines;
                assert!(page.iter().map(|line| &**line).eq(lines[has].iter().map(|(_, line)| *line)));
            }
        }
    }
}

#[test]
fn a_line_that_is_too_long_is_named() {
    let bytes = vector("audit_events.ndjson");
    let (offset, _) = placed(&bytes)[50];
    let (before, after) = bytes.split_at(usize::try_from(offset).unwrap());
    for length in [65_536, 100_000, 3 << 20, 9 << 20] {
        let log = Log::holding(&[before, &vec![b'x'; length], b"\n", after].concat());
        let view = log.view();
        for page in [
            view.page_before(view.end(), &all(1_000)),
            view.page_after(0, &all(1_000)),
            view.page_after(offset, &all(1)),
        ] {
            let fault = log.names(page, 51, offset);
            assert_eq!(fault.rule, Rule::LineLength);
            // As much of it as was seen.
            let seen: usize = fault.found.strip_suffix(" bytes or more").unwrap().parse().unwrap();
            assert!((65_536..=length).contains(&seen), "{fault}");
        }
        assert_eq!(view.page_after(0, &all(50)).unwrap().next, offset);
    }
}

/// A log may only grow. One that changed otherwise while it was read gives no page rather than half of one.
#[test]
fn a_log_that_is_no_longer_what_it_was_gives_no_page() {
    let bytes = vector("audit_events.ndjson");
    let end = bytes.len() as u64;
    let unavailable = |page: Result<Page, Error>, says: &str| {
        let error = page.unwrap_err();
        let Error::Unavailable { problem, .. } = &error else { panic!("{error}") };
        assert!(problem.contains(says), "{problem}");
    };
    let (log, middle) = (Log::holding(&bytes), placed(&bytes)[100].0);
    let view = log.view();
    // An LF is gone: the last one of all, and the one before a position.
    let mut edited = bytes.clone();
    edited[bytes.len() - 1] = b' ';
    log.write(&edited);
    unavailable(view.page_before(end, &all(5)), "have changed");
    unavailable(view.page_after(middle, &all(1_000)), "have changed");
    let mut edited = bytes.clone();
    edited[usize::try_from(middle).unwrap() - 1] = b' ';
    log.write(&edited);
    unavailable(view.page_before(middle, &all(5)), "have changed");
    assert!(!view.is_boundary(middle).unwrap());
    // Cut off.
    log.write(&bytes[..usize::try_from(middle).unwrap()]);
    unavailable(view.page_before(end, &all(5)), "truncated");
    unavailable(view.page_after(middle, &all(5)), "truncated");
    assert!(view.is_boundary(end).is_err());
    assert!(!log.view().is_boundary(end).unwrap());
}
