//! `decisions`: what became of each decision.

use std::io::Write;

use dreichor_explain::{Decided, Holdings, Outcome, Recent, Selection, Ticks};
use dreichor_replay::{Directory, Replay, Stores, View};
use dreichor_runtime::{Config, ExitCode};

use super::follow::Growth;
use crate::arguments::DecisionsArguments;
use crate::output::{Failure, Output, print_note, stdout, wait_while_read, write_json};
use crate::progress::Progress;
use crate::table::{self, Cell};

const HEADER: [&str; 6] = ["TIME", "INSTANCE", "DECISION", "WANTED", "BECAME", "WHY"];

/// The number of decisions that a terminal shows without `-n`.
const SHOWN: usize = 20;

pub(super) fn run(config: &Config, arguments: &DecisionsArguments) -> Result<ExitCode, Failure> {
    let selection = arguments.selection()?;
    let stores = Stores::open_to_read(&config.directories)?;
    let limit = arguments.limit.or_else(|| (table::is_terminal() && !arguments.json).then_some(SHOWN));
    let mut printer = Printer { out: stdout(), is_json: arguments.json };
    let end = match limit {
        Some(limit) => print_last(&stores, &selection, limit, &mut printer)?,
        None => print_all(&stores, &selection, &mut printer)?,
    };
    if arguments.follow {
        return follow(&stores, &selection, end, &mut printer);
    }
    Ok(ExitCode::Done)
}

/// Prints the last decisions, read from the log's end; returns where the log ended.
fn print_last(
    stores: &Stores<Directory>,
    selection: &Selection,
    limit: usize,
    printer: &mut Printer,
) -> Result<u64, Failure> {
    let view = View::open(&stores.events)?;
    let mut recent = Recent::new(&view);
    let mut holdings = Holdings::of("decisions");
    let mut chosen = Vec::new();
    while chosen.len() < limit
        && let Some(decided) = recent.next_back()?
    {
        holdings.add(&decided);
        if selection.asks_for(&decided) {
            chosen.push(decided);
        }
    }
    chosen.reverse();
    if chosen.is_empty() && limit > 0 {
        print_note(&format!("no decision was selected: {holdings}"));
    }
    printer.print_table(&chosen)?;
    if table::is_terminal() && !chosen.is_empty() {
        print_note(
            "only the ids and ticks of these lines were checked; `dreichor replay` checks the whole log",
        );
    }
    Ok(view.end())
}

/// Prints all decisions while the log is replayed and checked; returns where the log ended.
fn print_all(
    stores: &Stores<Directory>,
    selection: &Selection,
    printer: &mut Printer,
) -> Result<u64, Failure> {
    let mut replay = Replay::open(stores)?;
    let mut ticks = Ticks::default();
    let mut holdings = Holdings::of("decisions");
    let (mut count, total) = (0_u64, replay.end());
    let mut progress = Progress::new("replay");
    printer.print_header()?;
    while let Some(entry) = replay.next()? {
        dreichor_replay::Progress::advance(&mut progress, entry.line.offset, total);
        if let Some(decided) = ticks.add_checked(&entry) {
            holdings.add(&decided);
            if selection.asks_for(&decided) {
                printer.print(&decided)?;
                count += 1;
            }
        }
    }
    let replayed = replay.finish()?;
    if let Some(decided) = ticks.finish().filter(|decided| selection.asks_for(decided)) {
        printer.print(&decided)?;
        count += 1;
    }
    printer.out.flush()?;
    replayed.warn_of_tail();
    if count == 0 {
        print_note(&format!("no decision was selected: {holdings}"));
    }
    Ok(replayed.events_bytes)
}

/// Prints each decision once its tick is whole, until the process is interrupted.
fn follow(
    stores: &Stores<Directory>,
    selection: &Selection,
    mut offset: u64,
    printer: &mut Printer,
) -> Result<ExitCode, Failure> {
    // A tick that was not whole when the last decisions were printed is read again from its start.
    let before = View::open(&stores.events)?.up_to(offset);
    if let Some(last) = Recent::new(&before).next_back()?
        && last.outcome() == Outcome::Interrupted
    {
        offset = last.offset;
    }
    let mut ticks = Ticks::default();
    let mut growth = Growth::of(&stores.events);
    loop {
        if growth.find(offset)?.is_some() {
            let view = View::open(&stores.events)?;
            for (start, line) in view.lines_between(offset, view.end())? {
                let (event, _) = view.read_event(start, &line)?;
                let decided = ticks.add(&event, start).map_err(|fault| view.malformed(start, fault))?;
                if let Some(decided) = decided.filter(|decided| selection.asks_for(decided)) {
                    printer.print(&decided)?;
                }
            }
            offset = view.end();
            printer.out.flush()?;
        }
        wait_while_read()?;
    }
}

struct Printer {
    out: Output,
    is_json: bool,
}

impl Printer {
    fn print_header(&mut self) -> Result<(), Failure> {
        if !self.is_json {
            table::print_tsv_header(&mut self.out, &HEADER)?;
        }
        Ok(())
    }

    fn print(&mut self, decided: &Decided) -> Result<(), Failure> {
        if self.is_json {
            write_json(&mut self.out, &decided.row())?;
        } else {
            table::print_tsv(&mut self.out, &row(decided))?;
        }
        Ok(())
    }

    /// Prints decisions as one table; as lines if the output is JSON or no terminal.
    fn print_table(&mut self, chosen: &[Decided]) -> Result<(), Failure> {
        if table::is_terminal() && !self.is_json {
            let rows: Vec<Vec<Cell>> = chosen.iter().map(row).collect();
            self.out.write_all(table::fit(&HEADER, &rows, table::columns()).as_bytes())?;
        } else {
            self.print_header()?;
            chosen.iter().try_for_each(|decided| self.print(decided))?;
        }
        Ok(self.out.flush()?)
    }
}

fn row(decided: &Decided) -> Vec<Cell> {
    let wanted =
        decided.wanted().map(|intent| format!("{} {} {}", intent.side, intent.allocation, intent.market_id));
    vec![
        Cell::text(decided.logical_time),
        Cell::id(decided.decision.strategy_instance_id),
        Cell::id(decided.decision.decision_id),
        Cell::or_dash(wanted),
        Cell::text(decided.outcome()),
        Cell::or_dash(decided.reason()),
    ]
}
