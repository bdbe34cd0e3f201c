//! The fold that the readers do: counts of events by type, and the open positions.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::event::{Event, Side, Status, Type};
use super::{command, hash_fold, plain_fold, serde_fold, sonic_fold};
use crate::measure::{Sample, reported, timed};

/// Threads of the folds that use several.
pub(super) const THREADS: usize = 2;

/// A program that folds.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// serde_json, one thread, values that own their texts.
    Plain,
    /// serde_json, one thread, values that borrow their texts.
    Serde,
    /// sonic-rs and rayon.
    Sonic,
    /// sha2, serde_json and rayon: ids and root too.
    Hash,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Serde, Self::Sonic, Self::Hash];

    /// Name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain typed serde_json fold, 1 thread, checks nothing",
            Self::Serde => "the same with borrowed texts and a flat struct",
            Self::Sonic => "sonic-rs + rayon fold, 2 threads, checks nothing",
            Self::Hash => "sha2 + serde_json + rayon: ids, root and fold, 2 threads",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Serde => "serde",
            Self::Sonic => "sonic",
            Self::Hash => "hash",
        }
    }

    /// Folds, and prints the result.
    pub(super) fn run(self, events: &Path) -> Result<()> {
        let summary = match self {
            Self::Plain => plain_fold::fold(events)?,
            Self::Serde => serde_fold::fold(events)?,
            Self::Sonic => sonic_fold::fold(events)?,
            Self::Hash => hash_fold::fold(events)?,
        };
        println!("{}", serde_json::to_string(&summary)?);
        Ok(())
    }

    /// Runs it once, from start to exit.
    pub(crate) fn measure(self, events: &Path) -> Result<Sample> {
        timed(command()?.args(["fold", self.word()]).arg(events))
    }
}

/// Result of each fold, with its name.
pub(crate) fn all(events: &Path) -> Result<Vec<(&'static str, Summary)>> {
    let one = |kind: Kind| Ok((kind.name(), reported(command()?.args(["fold", kind.word()]).arg(events))?.0));
    Kind::ALL.into_iter().map(one).collect()
}

/// Result of a fold.
#[derive(Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Number of events.
    pub(crate) events: u64,
    /// Number of filled orders.
    filled: u64,
    /// Quantity of each open position, and the execution that opened it.
    open: BTreeMap<String, (String, String)>,
    /// Root of the Merkle tree, in hexadecimal.
    pub(crate) root: Option<String>,
}

impl Summary {
    /// True if both hold the same counts and positions.
    pub(crate) fn same_state(&self, other: &Self) -> bool {
        (self.events, self.filled, &self.open) == (other.events, other.filled, &other.open)
    }
}

/// State of a fold. Those of consecutive parts of a log can be joined.
#[derive(Default)]
pub(super) struct Fold {
    /// Number of events of each type.
    counts: [u64; Type::COUNT],
    /// Filled orders: what they did to the market, in order.
    fills: Vec<(String, Option<(String, String)>)>,
}

impl Fold {
    /// Adds an event.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        self.count(event.r#type);
        if event.status != Some(Status::Filled) {
            return;
        }
        if let (Some(market), Some(side), Some(quantity), Some(execution)) =
            (event.market_id, event.side, event.filled_quantity, event.execution_id)
        {
            self.fill(market, side, quantity, execution);
        }
    }

    /// Counts an event.
    pub(super) fn count(&mut self, kind: Type) {
        self.counts[kind as usize] += 1;
    }

    /// Notes a filled order.
    pub(super) fn fill(&mut self, market: &str, side: Side, quantity: &str, execution: &str) {
        let position = (side == Side::Buy).then(|| (quantity.to_owned(), execution.to_owned()));
        self.fills.push((market.to_owned(), position));
    }

    /// Adds the state of what follows in the log.
    pub(super) fn join(mut self, next: Self) -> Self {
        for (count, more) in self.counts.iter_mut().zip(next.counts) {
            *count += more;
        }
        self.fills.extend(next.fills);
        self
    }

    /// Result of the fold.
    pub(super) fn summary(self, root: Option<String>) -> Summary {
        let filled = self.fills.len() as u64;
        let mut open = BTreeMap::new();
        for (market, position) in self.fills {
            match position {
                Some(position) => open.insert(market, position),
                None => open.remove(&market),
            };
        }
        Summary { events: self.counts.iter().sum(), filled, open, root }
    }
}
