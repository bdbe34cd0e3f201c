//! `summary`: the funnel of decisions, and why nothing was bought.

use std::io::Write;

use dreichor_core::value::{Side, Spelled};
use dreichor_explain::{Decided, Funnel, Holdings, Outcome, Summary, Ticks};
use dreichor_replay::{Progress as _, Replay, Stores};
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::SummaryArguments;
use crate::output::{Failure, print_json, print_note, stdout};
use crate::progress::Progress;
use crate::table;

pub(super) fn run(config: &Config, arguments: &SummaryArguments) -> Result<ExitCode, Failure> {
    let (from, to) = arguments.range.check()?;
    let by = arguments.by;
    let stores = Stores::open_to_read(&config.directories)?;
    let mut replay = Replay::open(&stores)?;
    let total_bytes = replay.end();
    let mut progress = Progress::new("replay");
    let (mut ticks, mut holdings) = (Ticks::default(), Holdings::of("decisions"));
    let mut summary = Summary::new(from, to, by);
    let mut count = |decided: &Decided| {
        holdings.add(decided);
        summary.add(decided.logical_time, &decided.decision, decided.into());
    };
    while let Some(entry) = replay.next()? {
        progress.advance(entry.line.offset, total_bytes);
        if let Some(decided) = ticks.add_checked(&entry) {
            count(&decided);
        }
    }
    let replayed = replay.finish()?;
    ticks.finish().iter().for_each(&mut count);
    drop(progress);
    replayed.warn_of_tail();
    if summary.total.decisions == 0 {
        print_note(&format!("no decision was counted: {holdings}"));
    }
    if arguments.json.json {
        print_json(&summary)?;
        return Ok(ExitCode::Done);
    }
    let mut out = stdout();
    show(&summary.total, &mut out)?;
    for (key, funnel) in &summary.groups {
        writeln!(out, "\n{}", key.as_deref().unwrap_or("no target market"))?;
        show(funnel, &mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::Done)
}

/// The width of a bar for all decisions, in columns.
const BAR_COLUMNS: u64 = 40;

fn show(funnel: &Funnel, out: &mut impl Write) -> std::io::Result<()> {
    let all = funnel.decisions.max(1);
    for Row { name, count, .. } in rows(funnel).into_iter().filter(Row::is_shown) {
        let bar = if table::is_terminal() {
            let columns = (count * BAR_COLUMNS).div_ceil(all);
            format!("  {}", "█".repeat(usize::try_from(columns).unwrap_or_default()))
        } else {
            String::new()
        };
        writeln!(out, "{}", format!("{name:<26}{count:>10}{bar}").trim_end())?;
    }
    Ok(())
}

/// A count of the funnel for people.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) count: u64,
    /// True: also where it is 0.
    is_expected: bool,
}

impl Row {
    pub(super) fn is_shown(&self) -> bool {
        self.is_expected || self.count > 0
    }
}

/// All counts of the funnel: the same rows for each funnel.
pub(super) fn rows(funnel: &Funnel) -> Vec<Row> {
    let row = |name: String, count, is_expected| Row { name, count, is_expected };
    let outcomes = Outcome::ALL.iter().map(|outcome| {
        let name = outcome.as_str().to_lowercase().replace('_', " ");
        row(name, funnel.outcome(*outcome), false)
    });
    let sides = Side::ALL.iter().map(|side| {
        let name = format!("  {} filled", side.as_str().to_lowercase());
        row(name, funnel.side(*side), true)
    });
    let reasons = funnel.all_reasons().map(|(reason, count)| row(format!("  {reason}"), count, false));
    std::iter::once(row("decisions".into(), funnel.decisions, true))
        .chain(outcomes)
        .chain(sides)
        .chain([row("  sales forced by safety".into(), funnel.forced(), true)])
        .chain(reasons)
        .collect()
}
