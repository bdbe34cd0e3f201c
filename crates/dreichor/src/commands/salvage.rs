//! `salvage`: what is sound of malformed stores, in a new directory, and a report of what is left out.

use dreichor_core::value::Spelled;
use std::fmt::{self, Display};
use std::path::Path;

use dreichor_audit::salvage::{Broken, Copied, Report, Rest, Run, salvage_to};
use dreichor_core::canonical::{Sink, write_string};
use dreichor_log::Tail;
use dreichor_replay::Stores;
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::Json;
use crate::output::{self, Failure, print_line};
use crate::progress::Progress;

/// The number of runs of omitted snapshots that are shown as text; JSON has more.
const SHOWN_MAX: usize = 20;

pub(super) fn run(config: &Config, out: &Path, json: Json) -> Result<ExitCode, Failure> {
    let from = Stores::open_to_read(&config.directories)?;
    let report = salvage_to(&from, out, &mut Progress::new("salvage"))?;
    let printed = if json.json {
        print_line(&to_json(&report, out))
    } else {
        let (log, snapshots) = (from.events.path(), from.snapshots.path());
        print_line(&Shown { report: &report, originals: [&log, &snapshots], out }.to_string())
    };
    let code = if report.is_whole() { ExitCode::Done } else { ExitCode::LeftOut };
    output::result(printed, code)
}

/// The report for people.
struct Shown<'r> {
    report: &'r Report,
    originals: [&'r Path; 2],
    out: &'r Path,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, originals: [log, snapshots], out } = self;
        writeln!(f, "{}: {} copied", log.display(), lines_of(report.events))?;
        if let Some(Rest { line, offset, lines, bytes, reasons }) = &report.events_left_out {
            let rest = lines_of(Copied { lines: *lines, bytes: *bytes });
            writeln!(f, "  left out: line {line} at byte {offset} and all lines after it, {rest}, because")?;
            reasons.iter().try_for_each(|broken| writeln!(f, "    {}", shown(broken)))?;
        }
        show_tail(f, report.events_tail)?;
        if let Some(decision) = report.receipt.interrupted_tick {
            writeln!(
                f,
                "  it now ends within the tick of decision {decision}, which the next writer completes"
            )?;
        }
        writeln!(f, "{}: {} copied", snapshots.display(), lines_of(report.snapshots))?;
        let left_out = &report.snapshots_left_out;
        for Run { first, lines } in left_out.runs.iter().take(SHOWN_MAX) {
            let last = first.line + lines - 1;
            let range = if *lines > 1 { format!("lines {} to {last}: ", first.line) } else { String::new() };
            writeln!(f, "  left out: {range}{}", shown(first))?;
        }
        let lines_shown: u64 = left_out.runs.iter().take(SHOWN_MAX).map(|run| run.lines).sum();
        let more = left_out.lines() - lines_shown;
        if more > 0 {
            let plural = if more == 1 { "" } else { "s" };
            writeln!(f, "  left out: {more} more line{plural}; see --json")?;
        }
        show_tail(f, report.snapshots_tail)?;
        writeln!(f, "the copy in {} was replayed: {}", out.display(), report.receipt)?;
        writeln!(f, "the originals are unchanged")?;
        let ingest = format!("`dreichor --data-dir {} ingest`", out.display());
        if report.events_left_out.is_none() {
            return write!(f, "no event was left out; next: {ingest}");
        }
        let since = report.last_logical_time.map_or(0, dreichor_core::value::LogicalTime::get);
        write!(
            f,
            "next: keep the originals; start {ingest} and send it all inputs of logicalTime {since} and later again: what is recorded is not recorded twice"
        )
    }
}

fn lines_of(copied: Copied) -> String {
    let Copied { lines, bytes } = copied;
    format!("{lines} line{} of {bytes} bytes", if lines == 1 { "" } else { "s" })
}

fn shown(broken: &Broken) -> String {
    let Broken { line, offset, fault } = broken;
    let byte = offset + fault.offset as u64;
    format!("line {line} at byte {byte} (the line starts at byte {offset}) breaks the contract: {fault}")
}

fn show_tail(f: &mut fmt::Formatter<'_>, tail: Option<Tail>) -> fmt::Result {
    let Some(Tail { offset, length }) = tail else { return Ok(()) };
    writeln!(
        f,
        "  left out: {length} unterminated bytes at byte {offset}, never acknowledged if the medium kept what was synced"
    )
}

/// The report on one line.
fn to_json(report: &Report, out: &Path) -> String {
    let mut json = Vec::new();
    json.put(b"{\"out\":");
    write_string(&mut json, &out.to_string_lossy());
    json.put(format!(",\"isWhole\":{}", report.is_whole()).as_bytes());
    put_store(&mut json, "auditEvents", report.events, report.events_tail);
    json.put(b",\"leftOut\":");
    match &report.events_left_out {
        Some(Rest { line, offset, lines, bytes, reasons }) => {
            json.put(
                format!(
                    "{{\"line\":{line},\"offset\":{offset},\"lines\":{lines},\"bytes\":{bytes},\"reasons\":"
                )
                .as_bytes(),
            );
            put_list(&mut json, reasons.iter().map(|broken| (broken, None)));
            json.put(b"}");
        }
        None => json.put(b"null"),
    }
    json.put(b"}");
    put_store(&mut json, "snapshots", report.snapshots, report.snapshots_tail);
    json.put(b",\"leftOut\":");
    let left_out = &report.snapshots_left_out;
    put_list(&mut json, left_out.runs.iter().map(|run| (&run.first, Some(run.lines))));
    json.put(format!(",\"moreLinesLeftOut\":{}", left_out.more_lines).as_bytes());
    let last = report.last_logical_time.map_or_else(|| "null".into(), |time| time.to_string());
    json.put(format!("}},\"lastLogicalTime\":{last},\"receipt\":{}}}", report.receipt.to_json()).as_bytes());
    String::from_utf8_lossy(&json).into_owned()
}

fn put_store(json: &mut Vec<u8>, name: &str, copied: Copied, tail: Option<Tail>) {
    let Copied { lines, bytes } = copied;
    let tail = tail.map_or(0, |tail| tail.length);
    json.put(
        format!(",\"{name}\":{{\"lines\":{lines},\"bytes\":{bytes},\"unterminatedBytes\":{tail}").as_bytes(),
    );
}

/// Appends broken lines; each with the number of lines of its run, if there are runs.
fn put_list<'r>(json: &mut Vec<u8>, list: impl Iterator<Item = (&'r Broken, Option<u64>)>) {
    json.put(b"[");
    for (index, (Broken { line, offset, fault }, lines)) in list.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let byte = offset + fault.offset as u64;
        json.put(format!("{comma}{{\"line\":{line},\"offset\":{offset},\"byte\":{byte}").as_bytes());
        for (name, text) in [
            ("rule", fault.rule.as_str()),
            ("member", &fault.member),
            ("expected", &fault.expected),
            ("found", &fault.found),
        ] {
            json.put(format!(",\"{name}\":").as_bytes());
            write_string(json, text);
        }
        if let Some(lines) = lines {
            json.put(format!(",\"lines\":{lines}").as_bytes());
        }
        json.put(b"}");
    }
    json.put(b"]");
}
