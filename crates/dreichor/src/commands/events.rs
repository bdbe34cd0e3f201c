//! `events`: the lines of the log, chosen and followed.

use std::collections::VecDeque;
use std::io::Write;

use dreichor_core::History;
use dreichor_explain::Holdings;
use dreichor_replay::{Entry, Filter, Fold, Medium, Progress as _, Replay, Stores, View};
use dreichor_runtime::config::ConfigError;
use dreichor_runtime::{Config, ExitCode};

use super::follow::Growth;
use crate::arguments::EventsArguments;
use crate::output::{Failure, Output, escape, print_note, stdout, wait_while_read};
use crate::progress::Progress;
use crate::table;

pub(super) fn run(config: &Config, arguments: &EventsArguments) -> Result<ExitCode, Failure> {
    let mut printer = Printer::new(arguments)?;
    let stores = Stores::open_to_read(&config.directories)?;
    check_cursor(&stores, printer.after)?;
    let mut replay = Replay::open(&stores)?;
    let ended = printer.print_all(&mut replay);
    // The sound events before a fault are printed, as the message of the fault promises.
    printer.print_held()?;
    ended?;
    let replayed = replay.finish()?;
    if !printer.is_any_asked_for && printer.filter != Filter::default() {
        print_note(&format!("no event was selected: {}", printer.holdings));
    }
    if arguments.follow {
        // The limit was for the lines that were there; those that follow are printed as they come.
        printer.limit = None;
        return follow(&stores, printer, replayed.history, replayed.events_bytes);
    }
    replayed.warn_of_tail();
    Ok(ExitCode::Done)
}

/// Refuses a cursor at which no line begins or ends.
fn check_cursor<M: Medium>(stores: &Stores<M>, after: u64) -> Result<(), Failure> {
    let view = View::open(&stores.events)?;
    if view.is_boundary(after)? {
        return Ok(());
    }
    let fault = if after > view.end() {
        format!("the last line ends at byte {}", view.end())
    } else {
        format!("the line there begins at byte {}", view.line_start(after)?)
    };
    Err(ConfigError(vec![format!("--after: no line begins at byte {after}; {fault}")]).into())
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
    /// The offset before which no line is printed, in bytes.
    after: u64,
    limit: Option<usize>,
    is_any_asked_for: bool,
    /// What the log holds, until an event is asked for.
    holdings: Holdings,
    progress: Progress,
    /// With `--limit`, the last lines so far.
    held: VecDeque<Vec<u8>>,
}

impl Printer {
    fn new(arguments: &EventsArguments) -> Result<Self, Failure> {
        let is_terminal = table::is_terminal();
        Ok(Self {
            filter: arguments.filter()?,
            out: stdout(),
            is_terminal,
            escapes: is_terminal && !arguments.json,
            after: arguments.after.unwrap_or_default(),
            limit: arguments.limit,
            is_any_asked_for: false,
            holdings: Holdings::of("events"),
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
        let memory = entry.history.state().memory();
        if entry.line.offset < self.after || !self.filter.asks_for(entry.event, memory) {
            if !self.is_any_asked_for {
                self.holdings.add_event(entry.event);
            }
            return Ok(());
        }
        self.is_any_asked_for = true;
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
