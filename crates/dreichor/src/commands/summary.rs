//! `summary`: the funnel of decisions, and why nothing was bought.

use std::io::Write;

use dreichor_core::value::{Side, Spelled};
use dreichor_explain::{Decided, Funnel, Holdings, Outcome, Summary, Ticks};
use dreichor_replay::{Progress as _, Replay, Stores};
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::SummaryArguments;
use crate::output::{Failure, print_note, stdout};
use crate::progress::Progress;
use crate::table;

pub(super) fn run(config: &Config, arguments: &SummaryArguments) -> Result<ExitCode, Failure> {
    let (from, to) = arguments.range.check()?;
    let by = arguments.by;
    let stores = Stores::open_to_read(&config.directories)?;
    let mut replay = Replay::open(&stores)?;
    let total_bytes = replay.end();
    let mut progress = Progress::new("replay");
    let (mut ticks, mut holdings) = (Ticks::default(), Holdings::default());
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
    let mut out = stdout();
    if arguments.json.json {
        serde_json::to_writer(&mut out, &summary).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
    } else {
        show(&summary.total, &mut out)?;
        for (key, funnel) in &summary.groups {
            writeln!(out, "\n{}", key.as_deref().unwrap_or("no target market"))?;
            show(funnel, &mut out)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::Done)
}

/// The width of a bar for all decisions, in columns.
const BAR_COLUMNS: u64 = 40;

fn show(funnel: &Funnel, out: &mut impl Write) -> std::io::Result<()> {
    let all = funnel.decisions.max(1);
    let mut line = |name: &str, count: u64| {
        let bar = if table::is_terminal() {
            let columns = (count * BAR_COLUMNS).div_ceil(all);
            format!("  {}", "█".repeat(usize::try_from(columns).unwrap_or_default()))
        } else {
            String::new()
        };
        writeln!(out, "{}", format!("{name:<26}{count:>10}{bar}").trim_end())
    };
    line("decisions", funnel.decisions)?;
    for outcome in Outcome::ALL {
        let count = funnel.outcome(*outcome);
        if count > 0 {
            line(&outcome.as_str().to_lowercase().replace('_', " "), count)?;
        }
    }
    for side in Side::ALL {
        line(&format!("  {} filled", side.as_str().to_lowercase()), funnel.side(*side))?;
    }
    line("  sales forced by safety", funnel.forced())?;
    for (reason, count) in funnel.reasons() {
        line(&format!("  {reason}"), count)?;
    }
    Ok(())
}
