//! `status`: what is there, from the ends of the files.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use dreichor_core::value::Side;
use dreichor_explain::{Outcome, Recent};
use dreichor_log::last::count_lines;
use dreichor_replay::snapshot::{self, Latest};
use dreichor_replay::{Directory, Error, Store, Stores, View};
use dreichor_runtime::config::ObserverAddr;
use dreichor_runtime::outgrown::Outgrown;
use dreichor_runtime::{Config, ExitCode};
use serde::Serialize;

use crate::arguments::StatusArguments;
use crate::output::{Failure, escape, print_json, stdout};

/// The size of the part of the log that is read backwards to find the last trade.
const SEARCH_BYTES_MAX: u64 = 8 << 20;

/// The time limit for an Observer to accept a connection.
const OBSERVER_LIMIT: Duration = Duration::from_millis(500);

/// `status --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    audit_events: FileStatus,
    snapshots: FileStatus,
    last_event_id: Option<String>,
    last_logical_time: Option<u64>,
    snapshot_tree_size: Option<u64>,
    /// Null: no position is open, or the last trade is further back than the search goes.
    open_position: Option<OpenPosition>,
    /// False: no trade was found in the end of the log that was searched.
    is_position_known: bool,
    tail: &'static str,
    interrupted_tick: Option<String>,
    free_bytes: Option<u64>,
    writer: String,
    observer: Option<bool>,
    snapshots_outgrown: Option<SnapshotsOutgrown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotsOutgrown {
    every: u64,
    every_bytes: u64,
    #[serde(skip)]
    advice: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileStatus {
    path: String,
    exists: bool,
    size_bytes: Option<u64>,
    /// Seconds since the Unix epoch.
    modified_seconds: Option<i64>,
    unterminated_bytes: u64,
    lines: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenPosition {
    market_id: String,
    quantity: String,
}

pub(super) fn run(config: &Config, arguments: &StatusArguments) -> Result<ExitCode, Failure> {
    let stores = Stores::open_to_read(&config.directories)?;
    let status = look(config, &stores, arguments.count)?;
    if arguments.json.json {
        print_json(&status)?;
    } else {
        let mut out = stdout();
        show(&status, &mut out)?;
        out.flush()?;
    }
    Ok(ExitCode::Done)
}

fn look(config: &Config, stores: &Stores<Directory>, counts: bool) -> Result<Status, Failure> {
    let latest = match snapshot::find(stores)? {
        Some(found) => Some((found.read()?.1, found.bytes())),
        None => None,
    };
    let view = View::open(&stores.events)?;
    let last_line = match view.end() {
        0 => None,
        end => {
            let start = view.line_start(end - 1)?;
            view.lines_between(start, end)?.pop()
        }
    };
    let last = match &last_line {
        Some((offset, line)) => {
            let (event, leaf) = view.read_event(*offset, line)?;
            Some((dreichor_core::id::content_id(leaf).to_string(), event.logical_time.get()))
        }
        None => None,
    };
    let (interrupted_tick, open_position) = last_trade(&view)?;
    let audit_events = file_status(&stores.events, counts)?;
    let snapshots = file_status(&stores.snapshots, counts)?;
    let outgrown = latest.as_ref().and_then(|(Latest { snapshot, .. }, bytes)| {
        let size = |file: &FileStatus| file.size_bytes.unwrap_or_default();
        Outgrown::of(size(&audit_events), size(&snapshots), snapshot.audit_tree_size, *bytes)
    });
    let tail = match (&interrupted_tick, audit_events.unterminated_bytes + snapshots.unterminated_bytes) {
        (None, 0) => "clean",
        (None, _) => "unterminated",
        (Some(_), _) => "interruptedTick",
    };
    let ObserverAddr(observer_addr) = config.settings.observer_addr;
    Ok(Status {
        last_event_id: last.as_ref().map(|(id, _)| id.clone()),
        last_logical_time: last.map(|(_, time)| time),
        snapshot_tree_size: latest.map(|(Latest { snapshot, .. }, _)| snapshot.audit_tree_size),
        is_position_known: open_position.is_some(),
        open_position: open_position.flatten(),
        tail,
        interrupted_tick,
        free_bytes: stores.events.medium().free_bytes(),
        writer: writer_of(&stores.events.path()),
        observer: observer_addr.map(answers),
        snapshots_outgrown: outgrown.map(|outgrown| SnapshotsOutgrown {
            every: outgrown.every,
            every_bytes: outgrown.every_bytes,
            advice: outgrown.to_string(),
        }),
        audit_events,
        snapshots,
    })
}

/// The decision of an interrupted tick; and the position that the last trade left, if it is not too far back.
type Trade = (Option<String>, Option<Option<OpenPosition>>);

fn last_trade(view: &View<'_, Directory>) -> Result<Trade, Error> {
    let mut recent = Recent::new(view);
    let mut interrupted = None;
    while let Some(decided) = recent.next_back()? {
        match decided.outcome() {
            Outcome::Interrupted => interrupted = Some(decided.decision.decision_id.to_string()),
            Outcome::Filled => {
                let position = decided.order().filter(|(side, ..)| *side == Side::Buy);
                let position = position.map(|(_, market_id, quantity)| OpenPosition {
                    market_id: market_id.to_string(),
                    quantity: quantity.to_string(),
                });
                return Ok((interrupted, Some(position)));
            }
            Outcome::Skipped | Outcome::Blocked | Outcome::PartiallyFilled | Outcome::Failed => {}
        }
        if view.end() - decided.offset > SEARCH_BYTES_MAX {
            return Ok((interrupted, None));
        }
    }
    Ok((interrupted, Some(None)))
}

fn file_status(store: &Store<Directory>, counts: bool) -> Result<FileStatus, Error> {
    let path = store.path();
    let opened = store.open()?;
    let metadata = fs::metadata(&path).ok();
    let size = opened.as_ref().map(|(_, stat)| stat.size);
    let (mut unterminated_bytes, mut lines) = (0, None);
    if let Some((file, stat)) = &opened {
        let end =
            dreichor_log::last::find_end(file, stat.size).map_err(|error| store.unreadable(error, 0))?;
        unterminated_bytes = end.tail.map_or(0, |tail| tail.length);
        if counts {
            lines = Some(count_lines(file, 0, stat.size).map_err(|error| store.unreadable(error, 0))?);
        }
    }
    Ok(FileStatus {
        path: path.to_string_lossy().into_owned(),
        exists: opened.is_some(),
        size_bytes: size,
        modified_seconds: metadata.map(|metadata| metadata.mtime()),
        unterminated_bytes,
        lines,
    })
}

/// The process that holds the log's lock, as /proc/locks shows it. The lock itself is never taken.
fn writer_of(log: &Path) -> String {
    let (Ok(locks), Ok(metadata)) = (fs::read_to_string("/proc/locks"), fs::metadata(log)) else {
        return "unknown".into();
    };
    let device = metadata.dev();
    let file =
        format!("{:02x}:{:02x}:{}", rustix::fs::major(device), rustix::fs::minor(device), metadata.ino());
    let holder = locks.lines().find_map(|lock| {
        let fields: Vec<&str> = lock.split_whitespace().collect();
        let place = fields.iter().position(|field| *field == file)?;
        fields.get(place.checked_sub(1)?).map(|pid| (*pid).to_owned())
    });
    holder.map_or_else(|| "not seen".into(), |pid| format!("held by {pid}"))
}

fn answers(addr: SocketAddr) -> bool {
    TcpStream::connect_timeout(&addr, OBSERVER_LIMIT).is_ok()
}

fn show(status: &Status, out: &mut impl Write) -> std::io::Result<()> {
    let mut line = |name: &str, value: String| writeln!(out, "{name:<16}{}", escape(value.as_bytes()));
    for (name, file) in [("audit events", &status.audit_events), ("snapshots", &status.snapshots)] {
        let size = file.size_bytes.map_or_else(|| "no file".into(), |size| format!("{size} bytes"));
        let lines = file.lines.map_or_else(String::new, |lines| format!(", {lines} lines"));
        line(name, format!("{}  {size}{lines}", file.path))?;
    }
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".into());
    line("last event", or_none(status.last_event_id.clone()))?;
    line("logical time", or_none(status.last_logical_time.map(|time| time.to_string())))?;
    line(
        "last snapshot",
        status.snapshot_tree_size.map_or_else(|| "none".into(), |size| format!("of {size} events")),
    )?;
    let position = match (&status.open_position, status.is_position_known) {
        (Some(OpenPosition { market_id, quantity }), _) => format!("{quantity} of {market_id}"),
        (None, true) => "none".into(),
        (None, false) => {
            "unknown: the last trade is too far from the end; `dreichor state ledger` shows it".into()
        }
    };
    line("open position", position)?;
    let tail = match &status.interrupted_tick {
        Some(decision) => format!("interrupted tick of decision {decision}; the next writer completes it"),
        None => status.tail.to_owned(),
    };
    line("tail", tail)?;
    line("free space", status.free_bytes.map_or_else(|| "unknown".into(), |bytes| format!("{bytes} bytes")))?;
    line("writer", status.writer.clone())?;
    let observer = match status.observer {
        Some(true) => "answers",
        Some(false) => "does not answer",
        None => "off",
    };
    line("observer", observer.to_owned())?;
    if let Some(SnapshotsOutgrown { advice, .. }) = &status.snapshots_outgrown {
        line("advice", advice.clone())?;
    }
    Ok(())
}
