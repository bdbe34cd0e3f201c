//! `events`: the lines of the log, chosen and followed.

use std::collections::VecDeque;
use std::io::{BufWriter, IsTerminal, StdoutLock, Write};
use std::time::Duration;

use dreichor_core::event::Event;
use dreichor_core::{Hash, LINE_BYTES_MAX};
use dreichor_log::{Line, Lines};
use dreichor_replay::{Error, Filter, History, Replay, Stores, Watch};
use dreichor_runtime::{Config, gate};

use crate::arguments::EventsArguments;
use crate::output::{Failure, escape, stdout};
use crate::progress::Progress;

/// How often `--follow` looks for new lines.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(config: &Config, arguments: &EventsArguments) -> Result<u8, Failure> {
    let stores = Stores::open(&config.audit_events_dir, &config.snapshots_dir)?;
    stores.warn_of_loose_permissions()?;
    let mut printer = Printer::new(arguments);
    let replayed = Replay::open(&stores)?.run(&mut printer);
    // What is sound before a fault is printed all the same: it is what the fault's message promises.
    printer.print_held()?;
    if let Some(failure) = printer.failure.take() {
        return Err(failure);
    }
    let replayed = replayed?;
    if arguments.follow {
        // The limit was for what was there; what comes is printed as it comes.
        printer.limit = None;
        let (count, offset) = (replayed.history.tree().size(), replayed.events_bytes);
        return follow(&stores, printer, replayed.history, count, offset);
    }
    gate::warn_of_tail(&replayed);
    Ok(0)
}

/// Prints lines as they become whole, each checked like those before it.
fn follow<M: dreichor_log::Medium>(
    stores: &Stores<M>,
    mut printer: Printer,
    mut history: History,
    mut count: u64,
    mut offset: u64,
) -> Result<u8, Failure> {
    let store = &stores.events;
    let mut identity = None;
    loop {
        let opened = store.open()?;
        if opened.is_none() && identity.is_some() {
            return Err(Failure::Command(Error::Unavailable {
                path: store.path(),
                problem: "the file vanished while it was followed".into(),
                next: "find out what removed it".into(),
            }));
        }
        if let Some((file, stat)) = opened.filter(|(_, stat)| stat.size != offset || identity.is_none()) {
            if *identity.get_or_insert(stat.identity) != stat.identity || stat.size < offset {
                return Err(Failure::Command(Error::Unavailable {
                    path: store.path(),
                    problem: "the file was replaced or cut off while it was followed".into(),
                    next: "find out what touched it; `dreichor replay` says what it holds now".into(),
                }));
            }
            let mut lines = Lines::starting_at(&file, offset, count, stat.size, LINE_BYTES_MAX);
            while let Some(line) = lines.next_line().map_err(|error| store.unreadable(&error))? {
                let read = Event::read_line(line.bytes).and_then(|(event, leaf)| {
                    history.push(&event, leaf)?;
                    Ok((event, leaf))
                });
                let (event, leaf) = read.map_err(|fault| store.malformed(line, fault))?;
                if let Err(error) = printer.event(line, &event, leaf, &history) {
                    return Err(printer.failure.take().unwrap_or(Failure::Command(error)));
                }
            }
            (offset, count) = (lines.offset(), lines.count());
            printer.print_held()?;
        }
        std::thread::sleep(FOLLOW_INTERVAL);
    }
}

/// Prints the lines that the arguments ask for.
struct Printer {
    filter: Filter,
    out: BufWriter<StdoutLock<'static>>,
    escapes: bool,
    limit: Option<usize>,
    progress: Progress,
    /// With `--limit`, the last lines so far.
    held: VecDeque<Vec<u8>>,
    /// Why printing ended, and the replay with it.
    failure: Option<Failure>,
}

impl Printer {
    fn new(arguments: &EventsArguments) -> Self {
        let escapes = std::io::stdout().is_terminal() && !arguments.json;
        let filter = Filter {
            event_type: arguments.event_type,
            decision: arguments.decision,
            market: arguments.market,
            instance: arguments.instance,
            from: arguments.from,
            to: arguments.to,
        };
        Self {
            filter,
            out: stdout(),
            escapes,
            limit: arguments.limit,
            progress: Progress::new("replay"),
            held: VecDeque::new(),
            failure: None,
        }
    }

    fn print(&mut self, line: &[u8]) -> Result<(), Failure> {
        if self.escapes {
            self.out.write_all(escape(line).as_bytes())?;
        } else {
            self.out.write_all(line)?;
        }
        Ok(self.out.write_all(b"\n")?)
    }

    /// Prints what `--limit` held back, and all that is buffered.
    fn print_held(&mut self) -> Result<(), Failure> {
        while let Some(line) = self.held.pop_front() {
            self.print(&line)?;
        }
        Ok(self.out.flush()?)
    }
}

impl Watch for Printer {
    fn event(&mut self, line: Line<'_>, event: &Event<'_>, _: Hash, history: &History) -> Result<(), Error> {
        if !self.filter.asks_for(event, history.state().memory()) {
            return Ok(());
        }
        match self.limit {
            Some(limit) => {
                self.held.push_back(line.bytes.to_vec());
                while self.held.len() > limit {
                    self.held.pop_front();
                }
            }
            None => {
                if let Err(failure) = self.print(line.bytes) {
                    self.failure = Some(failure);
                    return Err(Error::Internal("nobody reads the output".into()));
                }
            }
        }
        Ok(())
    }

    fn progress(&mut self, done: u64, total: u64) {
        // Lines on the same terminal are progress enough.
        if !std::io::stdout().is_terminal() {
            self.progress.set(done, total);
        }
    }
}
