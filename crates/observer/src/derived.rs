//! The state of a whole log, computed once while the files stay the same.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dreichor_core::event::EventType;
use dreichor_core::fault::{Fault, Rule};
use dreichor_core::id::content_id;
use dreichor_core::state::{Decision, DecisionMemory, OpenPosition};
use dreichor_core::value::{Decimal, LogicalTime, MarketId, Spelled, Uuid};
use dreichor_core::{Hash, State};
use dreichor_explain::{Fate, Ticks};
use dreichor_replay::find::Found;
use dreichor_replay::leaves::Leaves;
use dreichor_replay::{Error, Replayed, View};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::encoding::Encoding;
use crate::flight::Size;
use crate::held::Held;
use crate::look::Look;
use crate::source::Asked;

/// The results that are derived from the log.
#[derive(Debug)]
pub(crate) struct Derived {
    pub(crate) replayed: Replayed,
    pub(crate) root_hash: Hash,
    pub(crate) leaves: Leaves,
    pub(crate) counts: Counts,
    pub(crate) last_event_id: Option<Uuid>,
    /// What became of each decision, in the order of Decision Memory.
    pub(crate) fates: Vec<Fate>,
    /// The positions that were ever opened, in order: at most one is open at a time.
    pub(crate) holdings: Holdings,
    /// How many bytes followed the last whole line.
    pub(crate) unterminated_bytes: u64,
    ids: Ids,
    /// Answers of this state, which are much work.
    pub(crate) answers: Answers,
}

/// Positions, from the purchase to the sale.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    list: Vec<Holding>,
    markets: Vec<MarketId>,
    places: BTreeMap<MarketId, u32>,
}

#[derive(Debug)]
struct Holding {
    /// The places in Decision Memory of the decisions that bought and sold.
    bought: u32,
    sold: Option<u32>,
    /// The place of the market in the list of markets.
    market: u32,
    quantity: Decimal,
}

/// A position, from the purchase to the sale.
pub(crate) struct Owned<'d> {
    pub(crate) bought: Decision<'d>,
    pub(crate) sold: Option<Decision<'d>>,
    pub(crate) market_id: MarketId,
    pub(crate) quantity: Decimal,
}

impl Holdings {
    /// Notes what the last decision of `state` has changed in the ledger.
    #[expect(clippy::expect_used, reason = "the state holds no more than 2^32 - 1 decisions and markets")]
    fn add(&mut self, state: &State) {
        let count = |length: usize| u32::try_from(length).expect("a place in the state");
        let last = count(state.memory().decisions().len()) - 1;
        match state.ledger().open_position() {
            Some(OpenPosition { market_id, quantity }) => {
                let (markets, place) = (&mut self.markets, count(self.places.len()));
                let market = *self.places.entry(market_id).or_insert_with(|| {
                    markets.push(market_id);
                    place
                });
                self.list.push(Holding { bought: last, sold: None, market, quantity });
            }
            None => self.list.last_mut().expect("what is sold was bought").sold = Some(last),
        }
    }

    /// All of them, in the order in which they were bought. `memory` is that of the same log.
    #[expect(
        clippy::expect_used,
        clippy::indexing_slicing,
        reason = "`add` noted places of this memory and list"
    )]
    pub(crate) fn iter<'d>(&'d self, memory: &'d DecisionMemory) -> impl Iterator<Item = Owned<'d>> {
        let decision = |place: u32| {
            let mut decisions = memory.decisions_in(place as usize..place as usize + 1);
            decisions.next().expect("a place in this memory")
        };
        self.list.iter().map(move |holding| Owned {
            bought: decision(holding.bought),
            sold: holding.sold.map(decision),
            market_id: self.markets[holding.market as usize],
            quantity: holding.quantity,
        })
    }
}

/// The number of events of each type.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts([u64; EventType::ALL.len()]);

impl Counts {
    fn add(&mut self, event_type: EventType) {
        for (count, counted) in self.0.iter_mut().zip(EventType::ALL) {
            *count += u64::from(*counted == event_type);
        }
    }

    /// The types, in the format's order, each with its count.
    pub(crate) fn by_type(&self) -> impl Iterator<Item = (EventType, u64)> {
        EventType::ALL.iter().copied().zip(self.0)
    }
}

impl Derived {
    /// Replays the stores as they are now. The log must begin with the tree of which `head` is size and root.
    pub(crate) fn compute(look: &Look, head: (u64, Hash)) -> Result<Self, Error> {
        let (mut leaves, mut counts, mut last_event_id) = (Leaves::default(), Counts::default(), None);
        let (mut ticks, mut fates, mut holdings) = (Ticks::default(), Vec::new(), Holdings::default());
        let mut replay = look.replay()?;
        let (mut last_offset, mut seen) = (0, 0);
        let mut ids = Ids::default();
        while let Some(entry) = replay.next()? {
            (last_offset, seen) = (entry.line.offset, entry.line.number);
            if seen == head.0 && entry.history.root() != head.1 {
                return Err(look.view().malformed(last_offset, history_changed(head)));
            }
            leaves.push(entry.line.offset, entry.leaf);
            counts.add(entry.event.body.event_type());
            let id = content_id(entry.leaf);
            ids.push(id);
            last_event_id = Some(id);
            if entry.event.body.event_type() == EventType::LedgerUpdated {
                holdings.add(entry.history.state());
            }
            fates.extend(ticks.add_checked(&entry).as_ref().map(Fate::from));
        }
        fates.extend(ticks.finish().as_ref().map(Fate::from));
        if seen < head.0 {
            return Err(look.view().malformed(last_offset, history_changed(head)));
        }
        let mut replayed = replay.finish()?;
        let root_hash = replayed.history.root();
        let unterminated_bytes = look.unterminated_bytes();
        Ok(Self {
            replayed,
            root_hash,
            leaves,
            counts,
            last_event_id,
            fates,
            holdings,
            unterminated_bytes,
            ids: ids.sorted(),
            answers: Answers::default(),
        })
    }

    /// Finds an event by its id, and reads it; none if it is not among those that were derived from.
    pub(crate) fn find(&self, view: &View<'_, Held>, id: Uuid) -> Result<Option<Found>, Error> {
        for place in self.ids.places(id) {
            let found = self.leaves.line(view, place)?;
            if let Some(found) = found.filter(|(found, _)| *found == id) {
                return Ok(Some(found.1));
            }
        }
        Ok(None)
    }

    /// The state that the events add up to.
    pub(crate) fn state(&self) -> &State {
        self.replayed.history.state()
    }

    /// The prefix of the log that the answer is of.
    pub(crate) fn as_of(&self) -> AsOf {
        AsOf::new(self.replayed.history.size(), self.state().last_logical_time())
    }
}

/// The first bits of each event's id, and below them its place in the log. Sorted, so that one is found at once.
#[derive(Debug, Default)]
struct Ids(Vec<u64>);

/// Enough for each place: a state holds fewer than 2^32 decisions, with six events each at most, and fewer than 2^32 feedbacks.
const PLACE_BITS: u32 = 36;

impl Ids {
    /// Adds the id of the next event.
    fn push(&mut self, id: Uuid) {
        self.0.push(first_bits(id) | self.0.len() as u64);
    }

    fn sorted(mut self) -> Self {
        self.0.sort_unstable();
        self
    }

    /// The places of the events whose ids begin as this one does.
    fn places(&self, id: Uuid) -> impl Iterator<Item = u64> {
        let first = first_bits(id);
        let from = self.0.partition_point(|known| *known < first);
        let known = self.0.iter().skip(from).map(move |known| known ^ first);
        known.take_while(|place| *place < 1 << PLACE_BITS)
    }
}

/// The bits of an id above the place of its event.
fn first_bits(id: Uuid) -> u64 {
    let first = id.as_bytes().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    first >> PLACE_BITS << PLACE_BITS
}

/// The fault of a log that no longer begins as it did.
fn history_changed((size, root): (u64, Hash)) -> Box<Fault> {
    let expected = format!("the first {size} events that this process has seen, with the root {root}");
    Fault::new(Rule::HistoryChanged, 0, "", "another history", expected)
}

/// Answers of one derived state, by what was asked for. A repeated request gets its answer at once.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<AnswerList>);

/// The answers, the oldest first, and their size in bytes.
#[derive(Debug, Default)]
struct AnswerList {
    answers: VecDeque<(Request, Answer)>,
    bytes: usize,
}

/// What a request asks for, and in which form.
type Request = (Hash, bool, Encoding);

/// How much memory the answers have together, in bytes; and how many there are, so that one is found quickly.
const ANSWERS_BYTES_MAX: usize = 16 << 20;
const ANSWERS_MAX: usize = 1_000;

impl Answers {
    /// The answer to the same request.
    pub(crate) fn find(&self, asked: Asked) -> Option<Answer> {
        let kept = self.kept();
        kept.answers.iter().find(|(of, _)| *of == request(asked)).map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer. The oldest make room for it.
    pub(crate) fn keep(&self, asked: Asked, answer: Answer) {
        let mut kept = self.kept();
        // Two that asked at once may both have made it.
        if kept.answers.iter().any(|(of, _)| *of == request(asked)) {
            return;
        }
        kept.bytes += answer.size();
        kept.answers.push_back((request(asked), answer));
        while (kept.answers.len() > ANSWERS_MAX || kept.bytes > ANSWERS_BYTES_MAX)
            && let Some((_, oldest)) = kept.answers.pop_front()
        {
            kept.bytes -= oldest.size();
        }
    }

    fn kept(&self) -> MutexGuard<'_, AnswerList> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn request(asked: Asked) -> Request {
    (asked.target, asked.is_for_lines, asked.encoding)
}

impl Size for Arc<Derived> {
    fn size(&self) -> usize {
        1
    }
}

/// The prefix of the log that an answer is of: the number of its events, and the time of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AsOf {
    pub(crate) tree_size: u64,
    /// Null: there is no event.
    #[schema(required)]
    pub(crate) logical_time: Option<u64>,
}

impl AsOf {
    pub(crate) fn new(tree_size: u64, logical_time: Option<LogicalTime>) -> Self {
        Self { tree_size, logical_time: logical_time.map(LogicalTime::get) }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Uri};

    use super::*;
    use crate::limits::Limits;

    fn asked(path: &str) -> Asked {
        Asked::now(Limits::default(), &Uri::try_from(path).unwrap(), &HeaderMap::new())
    }

    fn answer(bytes: usize) -> Answer {
        Answer::of("text/plain", vec![b'a'; bytes]).unwrap()
    }

    #[test]
    fn an_answer_is_kept_until_newer_ones_need_its_room() {
        let answers = Answers::default();
        let is_kept = |path: &str| answers.find(asked(path)).is_some();
        answers.keep(asked("/0"), answer(10));
        answers.keep(asked("/0"), answer(20));
        assert_eq!(answers.kept().answers.len(), 1);
        for at in 1..=ANSWERS_MAX {
            answers.keep(asked(&format!("/{at}")), answer(10));
        }
        assert!(!is_kept("/0") && is_kept("/1") && is_kept("/1000") && !is_kept("/1?a=b"));
        for at in 0..4 {
            answers.keep(asked(&format!("/large/{at}")), answer(5 << 20));
        }
        assert!(!is_kept("/1000") && !is_kept("/large/0") && is_kept("/large/1") && is_kept("/large/3"));
        assert!(answers.kept().bytes <= ANSWERS_BYTES_MAX);
        answers.keep(asked("/too/large"), answer(17 << 20));
        let kept = answers.kept();
        assert_eq!((kept.answers.len(), kept.bytes), (0, 0));
    }

    /// Ids that begin with the same bits are told apart by the lines that they lead to.
    #[test]
    fn ids_of_the_same_beginning_lead_to_each_of_their_places() {
        let id = |text: &str| text.parse::<Uuid>().unwrap();
        let [a, b] = ["ac5ad41c-216f-8ffd-b05e-a84435f6b1d9", "ac5ad41c-200f-8ffd-b05e-a84435f6b1d9"].map(id);
        let c = id("ac5ad42c-216f-8ffd-b05e-a84435f6b1d9");
        let mut ids = Ids::default();
        for id in [c, a, c, b] {
            ids.push(id);
        }
        let ids = ids.sorted();
        let places = |id| ids.places(id).collect::<Vec<_>>();
        assert_eq!((places(a), places(b), places(c)), (vec![1, 3], vec![1, 3], vec![0, 2]));
        assert!(places(id("ac5ad40c-216f-8ffd-b05e-a84435f6b1d9")).is_empty());
        assert!(places(id("ffffffff-216f-8ffd-b05e-a84435f6b1d9")).is_empty());
    }
}
