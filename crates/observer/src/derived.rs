//! What a whole log adds up to, computed once for as long as the files stay the very same.

use std::collections::BTreeMap;

use dreichor_core::event::EventType;
use dreichor_core::id::content_id;
use dreichor_core::state::{Decision, DecisionMemory, OpenPosition};
use dreichor_core::value::{Decimal, LogicalTime, MarketId, Spelled, Uuid};
use dreichor_core::{Hash, State};
use dreichor_explain::{Fate, Ticks};
use dreichor_replay::leaves::Leaves;
use dreichor_replay::{Directory, Error, Replay, Replayed, Stat, Store, Stores};
use serde::Serialize;
use utoipa::ToSchema;

/// The files that a computation read: device, inode, size and change time of each; none: missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Files([Option<Identity>; 2]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    change_time: (i64, i64),
}

impl Files {
    /// What the files are now.
    pub(crate) fn now(stores: &Stores<Directory>) -> Result<Self, Error> {
        let identify = |store: &Store<Directory>| -> Result<Option<Identity>, Error> {
            let identity =
                |stat: Stat| Identity { file: stat.identity, size: stat.size, change_time: stat.change_time };
            Ok(store.stat()?.map(identity))
        };
        Ok(Self([identify(&stores.events)?, identify(&stores.snapshots)?]))
    }

    /// Whether each file is the same as before, or has become longer.
    pub(crate) fn have_grown_since(self, before: Self) -> bool {
        self.0.into_iter().zip(before.0).all(|files| match files {
            (Some(now), Some(before)) => now == before || (now.file == before.file && now.size > before.size),
            (_, None) => true,
            (None, Some(_)) => false,
        })
    }
}

/// What the log adds up to.
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
pub(crate) struct Held<'d> {
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
            None => {
                if let Some(holding) = self.list.last_mut() {
                    holding.sold = Some(last);
                }
            }
        }
    }

    /// All of them, in the order in which they were bought. `memory` is that of the same log.
    pub(crate) fn iter<'d>(&'d self, memory: &'d DecisionMemory) -> impl Iterator<Item = Held<'d>> {
        let decision = |place: u32| memory.decisions_in(place as usize..place as usize + 1).next();
        self.list.iter().filter_map(move |holding| {
            Some(Held {
                bought: decision(holding.bought)?,
                sold: holding.sold.and_then(decision),
                market_id: *self.markets.get(holding.market as usize)?,
                quantity: holding.quantity,
            })
        })
    }
}

/// How many events there are of each type.
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
    /// Replays the stores as they are now.
    pub(crate) fn compute(stores: &Stores<Directory>) -> Result<Self, Error> {
        let (mut leaves, mut counts, mut last_event_id) = (Leaves::default(), Counts::default(), None);
        let (mut ticks, mut fates, mut holdings) = (Ticks::default(), Vec::new(), Holdings::default());
        let mut replay = Replay::open(stores)?;
        while let Some(entry) = replay.next()? {
            leaves.push(entry.line.offset, entry.leaf);
            counts.add(entry.event.body.event_type());
            last_event_id = Some(content_id(entry.leaf));
            if entry.event.body.event_type() == EventType::LedgerUpdated {
                holdings.add(entry.history.state());
            }
            fates.extend(ticks.add_checked(&entry).as_ref().map(Fate::from));
        }
        fates.extend(ticks.finish().as_ref().map(Fate::from));
        let mut replayed = replay.finish()?;
        let root_hash = replayed.history.root();
        Ok(Self { replayed, root_hash, leaves, counts, last_event_id, fates, holdings })
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

/// The prefix of the log that an answer is of: the number of its events, and the time of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AsOf {
    tree_size: u64,
    /// Null: there is no event.
    #[schema(required)]
    logical_time: Option<u64>,
}

impl AsOf {
    pub(crate) fn new(tree_size: u64, logical_time: Option<LogicalTime>) -> Self {
        Self { tree_size, logical_time: logical_time.map(LogicalTime::get) }
    }
}
