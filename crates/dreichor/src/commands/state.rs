//! `state`: what the events add up to.

use dreichor_core::value::Spelled;
use std::io::{self, Write};

use dreichor_core::State;
use dreichor_replay::Replayed;
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::{StateFormat, StatePart};
use crate::output::{Failure, stdout};
use crate::progress::Progress;

pub(super) fn run(config: &Config, part: StatePart, format: StateFormat) -> Result<ExitCode, Failure> {
    let replayed = Replayed::read(&config.directories, &mut Progress::new("replay"))?;
    let state = replayed.history.state();
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
            StatePart::Memory => show_memory(state, &mut out)?,
            StatePart::Ledger => show_ledger(state, &mut out)?,
            StatePart::Lifecycles => show_lifecycles(state, &mut out)?,
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

fn show_memory(state: &State, out: &mut impl Write) -> Result<(), Failure> {
    let totals = state.memory().totals();
    writeln!(
        out,
        "{} decisions; {} executions ({} filled, {} failed); safety: {} evaluations ({} blocked, {} forced sales); {} feedback",
        totals.decisions,
        totals.executions_observed,
        totals.filled,
        totals.failed,
        totals.safety_evaluations,
        totals.blocked,
        totals.forced_sells,
        totals.feedback.total()
    )?;
    writeln!(
        out,
        "{:<36}  {:>10}  {:<36}  {:<10}  {:<16}  {:>8}  CLASS",
        "DECISION", "TIME", "INSTANCE", "SAFETY", "EXECUTION", "FEEDBACK"
    )?;
    for decision in state.memory().decisions() {
        let evaluated = decision.evaluated();
        writeln!(
            out,
            "{:<36}  {:>10}  {:<36}  {:<10}  {:<16}  {:>8}  {}",
            decision.id().to_string(),
            decision.first_seen_logical_time().get(),
            evaluated.strategy_instance_id.to_string(),
            decision.last_safety_result().map_or("-", |result| result.as_str()),
            decision.last_execution_status().map_or("-", |status| status.as_str()),
            decision.feedback().total(),
            evaluated.decision_class,
        )?;
    }
    Ok(())
}

fn show_ledger(state: &State, out: &mut impl Write) -> Result<(), Failure> {
    let positions = state.ledger().positions();
    writeln!(out, "{} markets, at most one of them open; execution plane PAPER", positions.len())?;
    writeln!(out, "{:<32}  {:<6}  {:<20}  LAST EXECUTION", "MARKET", "STATE", "QUANTITY")?;
    for (market, position) in positions {
        writeln!(
            out,
            "{:<32}  {:<6}  {:<20}  {}",
            market.as_str(),
            if position.is_open { "open" } else { "closed" },
            position.quantity.as_str(),
            position.last_execution_id,
        )?;
    }
    Ok(())
}

fn show_lifecycles(state: &State, out: &mut impl Write) -> Result<(), Failure> {
    let instances = state.lifecycles().instances();
    writeln!(out, "{} strategy instances; times are logical times", instances.len())?;
    writeln!(
        out,
        "{:<36}  {:<8}  {:<24}  {:<12}  {:>10}  {:>13}",
        "INSTANCE", "STATE", "MARKET", "QUANTITY", "UNTIL", "LAST DECISION"
    )?;
    for instance in instances {
        let (name, position, until) = instance.describe();
        writeln!(
            out,
            "{:<36}  {:<8}  {:<24}  {:<12}  {:>10}  {:>13}",
            instance.id().to_string(),
            name,
            position.as_ref().map_or("-", |position| position.market_id.as_str()),
            position.as_ref().map_or("-", |position| position.quantity.as_str()),
            until.map_or_else(|| "-".into(), |until| until.to_string()),
            instance.last_logical_time().get(),
        )?;
    }
    Ok(())
}
