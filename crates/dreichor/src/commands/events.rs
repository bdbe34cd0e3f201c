//! `events`: the lines of the log, chosen and followed.

use std::collections::VecDeque;
use std::io::Write;

use dreichor_core::History;
use dreichor_replay::{Entry, Filter, Fold, Medium, Progress as _, Replay, Stores};
use dreichor_runtime::{Config, ExitCode};

use super::follow::Growth;
use crate::arguments::EventsArguments;
use crate::output::{Failure, Output, escape, stdout, wait_while_read};
use crate::progress::Progress;
use crate::table;

pub(super) fn run(config: &Config, arguments: &EventsArguments) -> Result<ExitCode, Failure> {
    let stores = Stores::open_to_read(&config.directories)?;
    let mut printer = Printer::new(arguments)?;
    let mut replay = Replay::open(&stores)?;
    let ended = printer.print_all(&mut replay);
    // The sound events before a fault are printed, as the message of the fault promises.
    printer.print_held()?;
    ended?;
    let replayed = replay.finish()?;
    if arguments.follow {
        // The limit was for the lines that were there; those that follow are printed as they come.
        printer.limit = None;
        return follow(&stores, printer, replayed.history, replayed.events_bytes);
    }
    replayed.warn_of_tail();
    Ok(ExitCode::Done)
}

/// Prints lines as they become whole, each checked like those before it. `history` ends at byte `offset`.
fn follow<M: Medium>(
    stores: &Stores<M>,
    mut printer: Printer,
    mut history: History,
    mut offset: u64,
) -> Result<ExitCode, Failure> {
    let store = &stores.events;
    let mut growth = Growth::of(store);
    loop {
        if let Some((file, size)) = growth.find(offset)? {
            let mut fold = Fold::starting_at(store, Some(file), offset, size, history);
            while let Some(entry) = fold.next()? {
                printer.take(&entry)?;
            }
            (offset, history) = (fold.offset(), fold.into_history());
            printer.print_held()?;
        }
        wait_while_read()?;
    }
}

/// Prints the lines that the arguments ask for.
struct Printer {
    filter: Filter,
    out: Output,
    is_terminal: bool,
    escapes: bool,
    limit: Option<usize>,
    progress: Progress,
    /// With `--limit`, the last lines so far.
    held: VecDeque<Vec<u8>>,
}

impl Printer {
    fn new(arguments: &EventsArguments) -> Result<Self, Failure> {
        let (from, to) = arguments.range.check()?;
        let is_terminal = table::is_terminal();
        let filter = Filter {
            event_type: arguments.event_type,
            decision: arguments.decision,
            market: arguments.market,
            instance: arguments.instance,
            from,
            to,
        };
        Ok(Self {
            filter,
            out: stdout(),
            is_terminal,
            escapes: is_terminal && !arguments.json,
            limit: arguments.limit,
            progress: Progress::new("replay"),
            held: VecDeque::new(),
        })
    }

    fn print_all<M: Medium>(&mut self, replay: &mut Replay<'_, M>) -> Result<(), Failure> {
        let total = replay.end();
        while let Some(entry) = replay.next()? {
            self.take(&entry)?;
            // Lines on the same terminal are progress enough.
            if !self.is_terminal {
                self.progress.advance(entry.line.offset, total);
            }
        }
        Ok(())
    }

    /// Prints or holds the entry's line, if it is asked for.
    fn take(&mut self, entry: &Entry<'_>) -> Result<(), Failure> {
        if !self.filter.asks_for(&entry.event, entry.history.state().memory()) {
            return Ok(());
        }
        let Some(limit) = self.limit else { return self.print(entry.line.bytes) };
        self.held.push_back(entry.line.bytes.to_vec());
        while self.held.len() > limit {
            self.held.pop_front();
        }
        Ok(())
    }

    fn print(&mut self, line: &[u8]) -> Result<(), Failure> {
        if self.escapes {
            self.out.write_all(escape(line).as_bytes())?;
        } else {
            self.out.write_all(line)?;
        }
        Ok(self.out.write_all(b"\n")?)
    }

    /// Prints what `--limit` held back, and everything that is buffered.
    fn print_held(&mut self) -> Result<(), Failure> {
        while let Some(line) = self.held.pop_front() {
            self.print(&line)?;
        }
        Ok(self.out.flush()?)
    }
}
