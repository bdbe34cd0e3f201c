//! `whatif`: the recorded decisions executed again under other parameters or gates.

use std::io::{self, Write};

use dreichor_core::value::Spelled;
use dreichor_explain::whatif::Pair;
use dreichor_explain::{Decided, Funnel, Holdings, Outcome, WhatIf};
use dreichor_replay::{Progress as _, Replay, Stores};
use dreichor_runtime::{Config, ExitCode};
use serde::Serialize;

use super::summary::rows;
use crate::arguments::WhatifArguments;
use crate::output::{Failure, print_json, print_note, stdout};
use crate::progress::Progress;
use crate::table::{self, Cell};

const HEADER: [&str; 5] = ["TIME", "INSTANCE", "DECISION", "WAS", "WOULD BE"];

/// What comes out otherwise.
#[derive(Default)]
struct Outcomes {
    changed: u64,
    before: Funnel,
    after: Funnel,
    first: Option<Pair>,
    /// All that changed, if they are listed.
    listed: Vec<Pair>,
}

pub(super) fn run(config: &Config, arguments: &WhatifArguments) -> Result<ExitCode, Failure> {
    let changes = arguments.changes()?;
    let stores = Stores::open_to_read(&config.directories)?;
    let mut replay = Replay::open(&stores)?;
    let total = replay.end();
    let mut progress = Progress::new("whatif");
    let (mut outcomes, mut holdings) = (Outcomes::default(), Holdings::of("decisions"));
    let (mut whatif, mut concerned) = (WhatIf::new(changes.clone()), 0_u64);
    let mut count = |pair: Pair| {
        holdings.add(&pair.before);
        concerned += u64::from(changes.concern(pair.before.logical_time, &pair.before.decision));
        outcomes.add(pair, arguments.diff);
    };
    while let Some(entry) = replay.next()? {
        progress.advance(entry.line.offset, total);
        whatif.see(&entry).into_iter().for_each(&mut count);
    }
    let replayed = replay.finish()?;
    whatif.finish(&stores, &replayed)?.into_iter().for_each(&mut count);
    drop(progress);
    replayed.warn_of_tail();
    if concerned == 0 {
        print_note(&format!("the changes concern no decision: {holdings}"));
    }
    outcomes.print(arguments)?;
    Ok(ExitCode::Done)
}

impl Outcomes {
    fn add(&mut self, pair: Pair, is_listed: bool) {
        self.before.add((&pair.before).into());
        self.after.add((&pair.after).into());
        if !pair.is_changed() {
            return;
        }
        self.changed += 1;
        if self.first.is_none() {
            self.first = Some(pair.clone());
        }
        if is_listed {
            self.listed.push(pair);
        }
    }

    fn print(&self, arguments: &WhatifArguments) -> Result<(), Failure> {
        if arguments.json.json {
            let differences = arguments.diff.then(|| self.listed.iter().map(Difference::of).collect());
            let Self { changed, before, after, .. } = self;
            return print_json(&Answer { changed: *changed, before, after, differences });
        }
        let mut out = stdout();
        if arguments.diff && !table::is_terminal() {
            table::print_tsv_header(&mut out, &HEADER)?;
            self.listed.iter().try_for_each(|pair| table::print_tsv(&mut out, &row(pair)))?;
        } else {
            self.print_for_people(&mut out)?;
            if arguments.diff && self.changed > 0 {
                let rows: Vec<Vec<Cell>> = self.listed.iter().map(row).collect();
                write!(out, "\n{}", table::fit(&HEADER, &rows, table::columns()))?;
            }
        }
        Ok(out.flush()?)
    }

    fn print_for_people(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{:<26}{:>10}{:>10}", "", "was", "would be")?;
        for (was, would_be) in rows(&self.before).into_iter().zip(rows(&self.after)) {
            if was.is_shown() || would_be.is_shown() {
                writeln!(out, "{:<26}{:>10}{:>10}", was.name, was.count, would_be.count)?;
            }
        }
        match self.changed {
            0 => writeln!(out, "\nno decision would have come out otherwise"),
            1 => writeln!(out, "\n1 decision would have come out otherwise"),
            more => writeln!(out, "\n{more} decisions would have come out otherwise; the first of them:"),
        }?;
        if let Some(Pair { before, after }) = &self.first {
            writeln!(out, "  was:       {}\n  would be:  {}", before.sentence(), after.sentence())?;
        }
        Ok(())
    }
}

fn row(Pair { before, after }: &Pair) -> Vec<Cell> {
    vec![
        Cell::text(before.logical_time),
        Cell::id(before.decision.strategy_instance_id),
        Cell::id(before.decision.decision_id),
        Cell::text(brief(before)),
        Cell::text(brief(after)),
    ]
}

/// The outcome with its order and its reason.
fn brief(decided: &Decided) -> String {
    let order = decided.order().map(|(side, market, quantity)| format!(" {side} {quantity} {market}"));
    let reason = decided.reason().map(|reason| format!(" ({reason})"));
    format!("{}{}{}", decided.outcome(), order.unwrap_or_default(), reason.unwrap_or_default())
}

/// `whatif --json`; the members are in this order.
#[derive(Serialize)]
struct Answer<'o> {
    changed: u64,
    before: &'o Funnel,
    after: &'o Funnel,
    differences: Option<Vec<Difference>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Difference {
    decision_id: String,
    logical_time: u64,
    strategy_instance_id: String,
    before: Facts,
    after: Facts,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    outcome: Outcome,
    reason: Option<&'static str>,
    side: Option<&'static str>,
    market_id: Option<String>,
    quantity: Option<String>,
}

impl Difference {
    fn of(Pair { before, after }: &Pair) -> Self {
        Self {
            decision_id: before.decision.decision_id.to_string(),
            logical_time: before.logical_time.get(),
            strategy_instance_id: before.decision.strategy_instance_id.to_string(),
            before: Facts::of(before),
            after: Facts::of(after),
        }
    }
}

impl Facts {
    fn of(decided: &Decided) -> Self {
        let order = decided.order();
        Self {
            outcome: decided.outcome(),
            reason: decided.reason(),
            side: order.map(|(side, ..)| side.as_str()),
            market_id: order.map(|(_, market, _)| market.to_string()),
            quantity: order.map(|(.., quantity)| quantity.to_string()),
        }
    }
}
