//! `state`: what the events add up to.

use std::io::{self, Write};

use dreichor_core::{History, State};
use dreichor_explain::{Outcome, Ticks};
use dreichor_replay::{Directory, Entry, Progress as _, Replay, Stores};
use dreichor_runtime::{Config, ExitCode};

use super::replay::hold_at;
use crate::arguments::{PointArguments, StateFormat, StatePart};
use crate::output::{Failure, stdout};
use crate::progress::Progress;
use crate::table::{self, Cell};

pub(super) fn run(
    config: &Config,
    part: StatePart,
    format: StateFormat,
    point: PointArguments,
) -> Result<ExitCode, Failure> {
    let stores = Stores::open_to_read(&config.directories)?;
    // The table of memory alone names outcomes.
    let mut outcomes =
        matches!(part, StatePart::Memory if !format.json && !format.ndjson).then(Outcomes::default);
    let follow = |entry: &Entry<'_>| outcomes.iter_mut().for_each(|outcomes| outcomes.add(entry));
    let history = match point.point() {
        None => replay_now(&stores, follow)?,
        Some(point) => hold_at(&stores, point, follow)?.history,
    };
    let state = history.state();
    let mut out = stdout();
    if format.json {
        write_json(state, part, &mut out)?;
    } else if format.ndjson {
        for_each_entry(state, part, |entry| {
            out.write_all(entry)?;
            out.write_all(b"\n")
        })?;
    } else {
        match part {
            StatePart::Memory => show_memory(state, outcomes.unwrap_or_default())?,
            StatePart::Ledger => show_ledger(state)?,
            StatePart::Lifecycles => show_lifecycles(state)?,
        }
    }
    out.flush()?;
    Ok(ExitCode::Done)
}

/// The outcomes of all decisions, in the order of the log.
#[derive(Default)]
struct Outcomes {
    ticks: Ticks,
    known: Vec<Outcome>,
}

impl Outcomes {
    fn add(&mut self, entry: &Entry<'_>) {
        self.known.extend(self.ticks.add_checked(entry).map(|decided| decided.outcome()));
    }

    /// One for each decision; only the last tick of a log may be interrupted.
    fn finish(mut self) -> Vec<Outcome> {
        self.known.extend(self.ticks.finish().map(|decided| decided.outcome()));
        self.known
    }
}

/// Replays and checks the stores, and calls `follow` with each event.
fn replay_now(stores: &Stores<Directory>, mut follow: impl FnMut(&Entry<'_>)) -> Result<History, Failure> {
    let mut replay = Replay::open(stores)?;
    let (mut progress, total) = (Progress::new("replay"), replay.end());
    while let Some(entry) = replay.next()? {
        follow(&entry);
        progress.advance(entry.line.offset, total);
    }
    let replayed = replay.finish()?;
    replayed.warn_of_tail();
    Ok(replayed.history)
}

/// Calls `write` with each entry as canonical JSON, one after the other: a long state is never whole in memory.
fn for_each_entry(
    state: &State,
    part: StatePart,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut entry = Vec::new();
    let mut write_entry = |fill: &dyn Fn(&mut Vec<u8>)| {
        entry.clear();
        fill(&mut entry);
        write(&entry)
    };
    match part {
        StatePart::Memory => {
            state.memory().decisions().try_for_each(|decision| write_entry(&|entry| decision.write(entry)))
        }
        StatePart::Ledger => state
            .ledger()
            .positions()
            .iter()
            .try_for_each(|(market, position)| write_entry(&|entry| position.write(*market, entry))),
        StatePart::Lifecycles => state
            .lifecycles()
            .instances()
            .into_iter()
            .try_for_each(|instance| write_entry(&|entry| instance.write(entry))),
    }
}

fn write_json(state: &State, part: StatePart, out: &mut impl Write) -> io::Result<()> {
    match part {
        StatePart::Memory => {
            let mut totals = Vec::new();
            state.memory().totals().write(&mut totals);
            out.write_all(b"{\"totals\":")?;
            out.write_all(&totals)?;
            out.write_all(b",\"decisions\":[")?;
        }
        StatePart::Ledger => out.write_all(b"{\"plane\":\"PAPER\",\"positions\":[")?,
        StatePart::Lifecycles => out.write_all(b"{\"lifecycles\":[")?,
    }
    let mut before: &[u8] = b"";
    for_each_entry(state, part, |entry| {
        out.write_all(before)?;
        before = b",";
        out.write_all(entry)
    })?;
    out.write_all(b"]}\n")
}

fn show_memory(state: &State, outcomes: Outcomes) -> Result<(), Failure> {
    let totals = state.memory().totals();
    let title = format!(
        "{} decisions; {} executions ({} filled, {} failed); safety: {} evaluations ({} blocked, {} forced sales); {} feedback",
        totals.decisions,
        totals.executions_observed,
        totals.filled,
        totals.failed,
        totals.safety_evaluations,
        totals.blocked,
        totals.forced_sells,
        totals.feedback.total()
    );
    // Memory holds the decisions in the order of the log, too.
    let rows = state.memory().decisions().zip(outcomes.finish()).map(|(decision, outcome)| {
        let evaluated = decision.evaluated();
        vec![
            Cell::text(decision.first_seen_logical_time()),
            Cell::id(evaluated.strategy_instance_id),
            Cell::id(decision.id()),
            Cell::text(outcome),
            Cell::text(decision.feedback().total()),
            Cell::text(evaluated.decision_class),
        ]
    });
    table::print(&title, &["TIME", "INSTANCE", "DECISION", "BECAME", "FEEDBACK", "CLASS"], rows)
}

fn show_ledger(state: &State) -> Result<(), Failure> {
    let positions = state.ledger().positions();
    let title = format!("{} markets, at most one of them open; execution plane PAPER", positions.len());
    let rows = positions.iter().map(|(market, position)| {
        vec![
            Cell::text(market),
            Cell::text(if position.is_open { "open" } else { "closed" }),
            Cell::text(position.quantity),
            Cell::id(position.last_execution_id),
        ]
    });
    table::print(&title, &["MARKET", "STATE", "QUANTITY", "LAST EXECUTION"], rows)
}

fn show_lifecycles(state: &State) -> Result<(), Failure> {
    let instances = state.lifecycles().instances();
    let title = format!("{} strategy instances; times are logical times", instances.len());
    let rows = instances.into_iter().map(|instance| {
        let (name, position, until) = instance.describe();
        vec![
            Cell::id(instance.id()),
            Cell::text(name),
            Cell::or_dash(position.as_ref().map(|position| position.market_id)),
            Cell::or_dash(position.as_ref().map(|position| position.quantity)),
            Cell::or_dash(until),
            Cell::text(instance.last_logical_time()),
        ]
    });
    table::print(&title, &["INSTANCE", "STATE", "MARKET", "QUANTITY", "UNTIL", "LAST DECISION"], rows)
}
