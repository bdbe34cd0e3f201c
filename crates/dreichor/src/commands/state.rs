//! `state`: what the events add up to.

use dreichor_core::value::{SafetyResult, Spelled};
use std::io::{self, Write};

use dreichor_core::State;
use dreichor_replay::{Replayed, Stores};
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
    let history = match point.point() {
        None => Replayed::read(&config.directories, &mut Progress::new("replay"))?.history,
        Some(point) => hold_at(&Stores::open_to_read(&config.directories)?, point)?.history,
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
            StatePart::Memory => show_memory(state)?,
            StatePart::Ledger => show_ledger(state)?,
            StatePart::Lifecycles => show_lifecycles(state)?,
        }
    }
    out.flush()?;
    Ok(ExitCode::Done)
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

fn show_memory(state: &State) -> Result<(), Failure> {
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
    let rows = state.memory().decisions().map(|decision| {
        let evaluated = decision.evaluated();
        let blocked = decision.last_safety_result().filter(|result| *result != SafetyResult::Allow);
        let became = decision.last_execution_status().map(Spelled::as_str).or(blocked.map(Spelled::as_str));
        vec![
            Cell::text(decision.first_seen_logical_time()),
            Cell::id(evaluated.strategy_instance_id),
            Cell::id(decision.id()),
            Cell::text(became.unwrap_or("SKIPPED")),
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
