//! The expected answers of the Observer for each prefix of a log that ends in a whole line: computed in advance from the
//! final log, by the core's fold and from the output of the commands.

use dreichor_core::value::Spelled;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::RangeInclusive;

use dreichor_core::event::{Event, EventType};
use dreichor_core::state::State;
use dreichor_core::value::StrategyInstanceId;
use dreichor_core::{Hash, Tree};

use super::rfc6962::{Node, verifies_consistency, verifies_inclusion};
use super::support::http::Answer;
use super::support::{Bench, lines};

pub(crate) const EVENTS: &str = "/v1/observe/persistence/audit-events";
pub(crate) const SUMMARY: &str = "/v1/observe/persistence/audit-events/summary";
pub(crate) const TREE_HEAD: &str = "/v1/observe/persistence/tree-head";
pub(crate) const LEDGER: &str = "/v1/observe/derived/shadow-ledger";
pub(crate) const LIFECYCLES: &str = "/v1/observe/derived/lifecycles";
pub(crate) const MEMORY: &str = "/v1/observe/derived/decision-memory";
pub(crate) const STORY: &str = "/v1/observe/derived/decisions";
pub(crate) const SNAPSHOT: &str = "/v1/observe/persistence/snapshots/latest";

/// The number of entries of Decision Memory in a request.
pub(crate) const ENTRIES: usize = 3;

/// One event of the log.
pub(crate) struct Entry {
    /// Its line, without LF.
    pub(crate) line: String,
    pub(crate) id: String,
    pub(crate) event_type: EventType,
    /// The decision that it is of, or speaks of.
    pub(crate) decision: Option<String>,
    instance: Option<StrategyInstanceId>,
    leaf: Hash,
}

/// A log, and what each beginning of it adds up to.
pub(crate) struct Prefixes {
    pub(crate) events: Vec<Entry>,
    /// The offsets of the ends of the lines.
    offsets: Vec<u64>,
    roots: Vec<Hash>,
    /// After how many events which whole answers are right; by a hash of path and body.
    answers: BTreeMap<u64, (usize, usize)>,
    /// The entry of each decision in Decision Memory, and the event since which it holds.
    memory: BTreeMap<String, Vec<(usize, String)>>,
    /// The snapshots' lines, and of how many events they are.
    snapshots: Vec<(usize, String)>,
    /// Stories that no later event touches, and by how many events they are whole.
    pub(crate) stories: Vec<(String, usize, String)>,
}

/// The prefixes that an answer may be of: at least as long as the one known before the request, at most as long as the one
/// after the answer.
pub(crate) type Window = RangeInclusive<usize>;

/// A resource that has pages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    All,
    Type(EventType),
    Instance(StrategyInstanceId),
}

impl Asked {
    fn wants(self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Type(event_type) => entry.event_type == event_type,
            Self::Instance(instance) => entry.instance == Some(instance),
        }
    }
}

impl Prefixes {
    /// The prefixes of the log and the snapshots of this bench.
    pub(crate) fn of(bench: &Bench) -> Self {
        let [log, snapshots] = bench.stores();
        let mut prefixes = Self {
            events: Vec::new(),
            offsets: vec![0],
            roots: Vec::new(),
            answers: BTreeMap::new(),
            memory: BTreeMap::new(),
            snapshots: lines(&snapshots).into_iter().map(read_snapshot).collect(),
            stories: Vec::new(),
        };
        let (mut state, mut tree, mut counts) = (State::new(), Tree::new(), [0; EventType::ALL.len()]);
        // Decision Memory in the order of its entries, each as it is written.
        let (mut places, mut entries) = (BTreeMap::new(), Vec::<String>::new());
        prefixes.expect_whole_answers(&state, &tree, counts, &entries);
        for line in lines(&log) {
            let (event, leaf) = Event::read_line(&line[..line.len() - 1]).unwrap();
            state.apply(&event).unwrap();
            tree.push(leaf);
            let decision = event.body.decision_id();
            if let Some(decision) = decision.and_then(|id| state.memory().decision(id)) {
                let mut entry = Vec::new();
                decision.write(&mut entry);
                let (id, entry) = (decision.id().to_string(), text(entry));
                let place = *places.entry(id.clone()).or_insert(entries.len());
                if entries.get(place) != Some(&entry) {
                    match entries.get_mut(place) {
                        Some(known) => known.clone_from(&entry),
                        None => entries.push(entry.clone()),
                    }
                    let size = prefixes.len() + 1;
                    prefixes.memory.entry(id).or_default().push((size, entry));
                }
            }
            let event_type = event.body.event_type();
            counts[EventType::ALL.iter().position(|other| *other == event_type).unwrap()] += 1;
            let line = std::str::from_utf8(&line[..line.len() - 1]).unwrap().to_owned();
            prefixes.offsets.push(prefixes.offsets.last().unwrap() + line.len() as u64 + 1);
            let instance = decision.and_then(|id| state.memory().decision(id));
            prefixes.events.push(Entry {
                id: line[7..43].to_owned(),
                line,
                event_type,
                decision: decision.map(|id| id.to_string()),
                instance: instance.map(|decision| decision.evaluated().strategy_instance_id),
                leaf,
            });
            prefixes.expect_whole_answers(&state, &tree, counts, &entries);
        }
        prefixes.tell_stories(bench);
        prefixes
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The offsets of the ends of the lines.
    pub(crate) fn offset(&self, size: usize) -> u64 {
        self.offsets[size]
    }

    /// The root over the first so many events.
    pub(crate) fn root(&self, size: usize) -> Hash {
        self.roots[size]
    }

    /// The number of whole lines in this number of bytes.
    pub(crate) fn lines_in(&self, bytes: u64) -> usize {
        self.offsets.partition_point(|offset| *offset <= bytes) - 1
    }

    fn expect_whole_answers(&mut self, state: &State, tree: &Tree, counts: [u64; 8], entries: &[String]) {
        let size = self.events.len();
        let time = state.last_logical_time().map_or_else(|| "null".into(), |time| time.to_string());
        let root = tree.root();
        let mut counted = String::new();
        for (event_type, count) in EventType::ALL.iter().zip(counts) {
            write!(counted, ",\"{}\":{count}", event_type.as_str()).unwrap();
        }
        let summary = format!(
            r#"{{"totalCount":{size},"countsByType":{{{}}},"lastEventId":{},"lastLogicalTime":{time},"bytes":{},"unterminatedBytes":0,"interruptedTick":{}}}"#,
            &counted[1..],
            quoted(self.events.last().map(|event| &event.id)),
            self.offsets[size],
            quoted(state.open_tick()),
        );
        let head = format!(r#"{{"treeSize":{size},"rootHash":"{root}"}}"#);
        let ledger = format!(
            r#"{{"plane":"PAPER","positions":[{}],"next":null,"previous":null,"asOf":{{"treeSize":{size},"logicalTime":{time}}}}}"#,
            list(|sink| state.write_ledger(sink)),
        );
        let as_of = format!(r#""asOf":{{"treeSize":{size},"logicalTime":{time}}}"#);
        let lifecycles = format!(
            r#"{{"lifecycles":[{}],"next":null,"previous":null,{as_of}}}"#,
            list(|sink| state.write_lifecycles(sink))
        );
        let mut totals = Vec::new();
        state.memory().totals().write(&mut totals);
        let from = entries.len().saturating_sub(ENTRIES);
        let memory = format!(
            r#"{{"totals":{},"entries":[{}],"next":"{}","previous":{},{as_of}}}"#,
            text(totals),
            entries[from..].join(","),
            entries.len(),
            quoted((from > 0).then_some(from)),
        );
        self.roots.push(root);
        for (path, body) in [
            (SUMMARY, summary),
            (TREE_HEAD, head),
            (LEDGER, ledger),
            (LIFECYCLES, lifecycles),
            (MEMORY, memory),
        ] {
            let (_, last) = self.answers.entry(key(path, &body)).or_insert((size, size));
            assert!(*last == size || *last + 1 == size, "{path} comes back to what it was: {body}");
            *last = size;
        }
    }

    /// The output of `explain` for a few decisions without feedback.
    fn tell_stories(&mut self, bench: &Bench) {
        let is_feedback = |entry: &&Entry| entry.event_type == EventType::UserFeedbackRecorded;
        let spoken_of: Vec<_> = self.events.iter().filter(is_feedback).map(|entry| &entry.decision).collect();
        let begins = |entry: &Entry| entry.event_type == EventType::DecisionEvaluated;
        let decided: Vec<&Entry> = self.events.iter().filter(|entry| begins(entry)).collect();
        for entry in
            decided.iter().step_by(decided.len() / 6).filter(|entry| !spoken_of.contains(&&entry.decision))
        {
            let id = entry.decision.clone().unwrap();
            let told = bench.run(&["explain", &id, "--json"]).expect(0).text();
            let whole = self.events.iter().rposition(|other| other.decision == entry.decision).unwrap() + 1;
            self.stories.push((id, whole, told.trim_end().to_owned()));
        }
        assert!(self.stories.len() >= 3);
    }

    /// A whole answer that is one of the log's beginnings; of how many events it is at least.
    pub(crate) fn check_whole(&self, path: &str, answer: &Answer, window: &Window) -> usize {
        let text = answer.text();
        let mut body = text.to_owned();
        if path == SUMMARY {
            // Some bytes of a write in progress may follow the last whole line.
            let tail = answer.json()["unterminatedBytes"].as_u64().unwrap();
            body = text.replace(&format!("\"unterminatedBytes\":{tail}"), "\"unterminatedBytes\":0");
        }
        let found = self.answers.get(&key(path, &body));
        let (first, last) = found.unwrap_or_else(|| panic!("{path}: it is of no beginning: {text}"));
        assert!(
            last >= window.start() && first <= window.end(),
            "{path}: of {first} to {last} events, not {window:?}"
        );
        *window.start().max(first)
    }

    /// A page before `end`, if that is given, or of the last events; the events that it ends before.
    pub(crate) fn check_page_before(
        &self,
        asked: Asked,
        limit: usize,
        end: Option<usize>,
        answer: &Answer,
        window: &Window,
    ) -> usize {
        let next = self.next(answer);
        match end {
            Some(end) => assert_eq!(next, end),
            None => assert!(window.contains(&next), "a page up to event {next}, not {window:?}"),
        }
        let wanted: Vec<usize> =
            (0..next).rev().filter(|at| asked.wants(&self.events[*at])).take(limit).collect();
        let first = wanted.last().copied().filter(|_| wanted.len() == limit).unwrap_or(0);
        let previous = (first > 0).then(|| self.offsets[first]);
        self.check_page(&wanted.into_iter().rev().collect::<Vec<_>>(), next, previous, answer);
        next
    }

    /// A page after `start`; the event that it ends before.
    pub(crate) fn check_page_after(
        &self,
        asked: Asked,
        limit: usize,
        start: usize,
        answer: &Answer,
        window: &Window,
    ) -> usize {
        let next = self.next(answer);
        let wanted: Vec<usize> = (start..next).filter(|at| asked.wants(&self.events[*at])).collect();
        if wanted.len() == limit {
            assert!(wanted.last() == Some(&(next - 1)) || window.contains(&next), "{next} {window:?}");
        } else {
            assert!(wanted.len() < limit, "more than {limit} events between {start} and {next}");
            assert!(window.contains(&next), "a page up to event {next}, not {window:?}");
        }
        self.check_page(&wanted, next, (start > 0).then(|| self.offsets[start]), answer);
        next
    }

    /// The start of the next page according to this page: the start of a line.
    fn next(&self, answer: &Answer) -> usize {
        let next = answer.json()["next"].as_str().unwrap().parse().unwrap();
        self.offsets.binary_search(&next).unwrap_or_else(|_| panic!("{next} is no line's start"))
    }

    fn check_page(&self, wanted: &[usize], next: usize, previous: Option<u64>, answer: &Answer) {
        let events: Vec<&str> = wanted.iter().map(|at| self.events[*at].line.as_str()).collect();
        let expected = format!(
            r#"{{"events":[{}],"next":"{}","previous":{}}}"#,
            events.join(","),
            self.offsets[next],
            quoted(previous),
        );
        assert_eq!(answer.text(), expected);
    }

    /// One event, there if it must be and missing if it must be; of how many events the answer is at least.
    pub(crate) fn check_event(&self, at: usize, answer: &Answer, window: &Window) -> usize {
        if !is_there(at, answer, window) {
            return *window.start();
        }
        let line = &self.events[at].line;
        let expected = format!(r#"{{"event":{line},"lineNumber":{},"leafIndex":{at}}}"#, at + 1);
        assert_eq!(answer.text(), expected);
        (at + 1).max(*window.start())
    }

    /// The same of its proof, which must hold against the root that the events add up to.
    pub(crate) fn check_inclusion(&self, at: usize, answer: &Answer, window: &Window) -> usize {
        if !is_there(at, answer, window) {
            return *window.start();
        }
        let proof = answer.json();
        let size = number(&proof["treeSize"]);
        assert!(window.contains(&size), "a proof of {size} events, not {window:?}");
        assert_eq!(number(&proof["leafIndex"]), at);
        let (leaf, root) = (*self.events[at].leaf.as_bytes(), *self.roots[size].as_bytes());
        assert!(
            verifies_inclusion(at as u64, size as u64, &path(&proof), leaf, root),
            "{at} of {size}: {proof}"
        );
        size
    }

    pub(crate) fn check_consistency(&self, from: usize, answer: &Answer, window: &Window) -> usize {
        let proof = answer.json();
        let to = number(&proof["to"]);
        assert!(window.contains(&to), "a proof of {to} events, not {window:?}");
        assert_eq!(number(&proof["from"]), from);
        let tree = |size: usize| (size as u64, *self.roots[size].as_bytes());
        assert!(verifies_consistency(tree(from), tree(to), &path(&proof)), "{from} {to}: {proof}");
        to
    }

    /// Checks the entry of the decision of event `at`.
    pub(crate) fn check_decision(&self, id: &str, answer: &Answer, window: &Window) -> usize {
        let remembered = &self.memory[id];
        if answer.status == 404 {
            answer.is_problem(404, "not-found");
            assert!(remembered[0].0 > *window.start(), "decision {id} is missing");
            return *window.start();
        }
        // Counts only grow, so what is remembered never comes back.
        let told = answer.text().split_once(",\"asOf\":").map(|(entry, _)| format!("{entry}}}"));
        let place = remembered.iter().position(|(_, entry)| Some(entry) == told.as_ref());
        let place = place.unwrap_or_else(|| panic!("nothing that was ever remembered: {}", answer.text()));
        let since = remembered[place].0;
        let until = remembered.get(place + 1).map_or(self.len(), |(next, _)| next - 1);
        assert!(since <= *window.end() && until >= *window.start(), "of {since} to {until}, not {window:?}");
        since.max(*window.start())
    }

    /// The latest snapshot, which is none older than that of the first `recorded` events.
    pub(crate) fn check_snapshot(&self, answer: &Answer, recorded: usize, window: &Window) -> usize {
        let of = match self
            .snapshots
            .iter()
            .find(|(_, line)| answer.text() == format!(r#"{{"snapshot":{line}}}"#))
        {
            Some((of, _)) => *of,
            None => {
                assert_eq!(answer.text(), r#"{"snapshot":null}"#);
                0
            }
        };
        assert!(of <= *window.end(), "a snapshot of {of} events, not {window:?}");
        let oldest = self.snapshots.iter().rfind(|(of, _)| *of <= recorded).map_or(0, |(of, _)| *of);
        assert!(of >= oldest, "a snapshot of {of} events, after one of {oldest} was acknowledged");
        of.max(*window.start())
    }
}

/// True if the answer has event `at`; it must have it if it is older than the window, and must not if it is newer.
fn is_there(at: usize, answer: &Answer, window: &Window) -> bool {
    if answer.status == 404 {
        answer.is_problem(404, "not-found");
        assert!(at >= *window.start(), "event {at} of {window:?} is missing");
        return false;
    }
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(at < *window.end(), "event {at} of {window:?} is there already");
    true
}

/// The size of a snapshot, and its line without LF.
fn read_snapshot(line: &[u8]) -> (usize, String) {
    let snapshot: serde_json::Value = serde_json::from_slice(line).unwrap();
    (number(&snapshot["auditTreeSize"]), std::str::from_utf8(line).unwrap().trim_end().to_owned())
}

fn number(value: &serde_json::Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn path(proof: &serde_json::Value) -> Vec<Node> {
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    let node = |text: &serde_json::Value| -> Node {
        let bytes: Vec<u8> = text.as_str().unwrap().as_bytes().chunks(2).map(byte).collect();
        bytes.try_into().unwrap()
    };
    proof["path"].as_array().unwrap().iter().map(node).collect()
}

fn key(path: &str, body: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, body).hash(&mut hasher);
    hasher.finish()
}

fn quoted<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "null".into(), |value| format!("\"{value}\""))
}

fn text(canonical: Vec<u8>) -> String {
    String::from_utf8(canonical).unwrap()
}

/// Lines as the items of a list.
fn list(write: impl Fn(&mut Vec<u8>)) -> String {
    let mut lines = Vec::new();
    write(&mut lines);
    text(lines).trim_end().replace('\n', ",")
}
