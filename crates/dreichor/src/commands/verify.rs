//! `verify`: everything that the stores prove, and every finding.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use dreichor_audit::verify::{Checked, Finding, KeptCheckpoint, Report, verify};
use dreichor_core::FORMAT_VERSION;
use dreichor_core::value::Spelled;
use dreichor_log::Tail;
use dreichor_proof::{CheckpointError, read_checkpoint};
use dreichor_replay::Stores;
use dreichor_replay::receipt::PROGRAM_VERSION;
use dreichor_runtime::{Config, ExitCode};
use serde::Serialize;

use crate::arguments::VerifyArguments;
use crate::output::{Failure, Output, escape, result, stdout, write_json};
use crate::progress::Progress;
use crate::trust;

pub(super) fn run(config: &Config, arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    let kept = read_kept(arguments)?;
    let stores = Stores::open_to_read(&config.directories)?;
    let mut printer = Printer {
        out: stdout(),
        is_json: arguments.json.json,
        has_checkpoint: kept.is_some(),
        stores: config.directories.shell_flags(),
    };
    let mut code = ExitCode::Done;
    let started = Instant::now();
    let verified = verify(&stores, kept.as_ref(), &mut Progress::new("verify"), |finding| {
        code = ExitCode::VerificationFailed;
        Ok::<_, Failure>(printer.print(&finding)?)
    });
    let done = verified.and_then(|report| Ok(printer.finish(&report, started.elapsed())?));
    result(done, code)
}

/// The checkpoint that is named. One that is not accepted is a finding; a question that is not asked whole is not.
fn read_kept(arguments: &VerifyArguments) -> Result<Option<KeptCheckpoint>, Failure> {
    let trust = trust::read(&arguments.trust)?;
    let Some(path) = &arguments.checkpoint else {
        let problem = "--public-key and --policy are for a checkpoint: name it by --checkpoint";
        return if trust.is_some() { Err(trust::usage(problem)) } else { Ok(None) };
    };
    match read_checkpoint(&trust::read_file(path)?, trust.as_ref()) {
        Err(error @ CheckpointError::NoTrust) => Err(trust::refused(path, error)),
        read => Ok(Some(KeptCheckpoint { path: path.clone(), read })),
    }
}

struct Printer {
    out: Output,
    is_json: bool,
    has_checkpoint: bool,
    /// The flags that name the stores.
    stores: String,
}

impl Printer {
    fn print(&mut self, finding: &Finding) -> io::Result<()> {
        if self.is_json {
            return write_json(&mut self.out, &FindingLine::of(finding));
        }
        let Finding { part, path, line, offset, fault } = finding;
        let (path, byte) = (escape(path.to_string_lossy().as_bytes()), offset + fault.offset as u64);
        writeln!(
            self.out,
            "{part}  {path}: line {line} at byte {byte} (the line starts at byte {offset}): {fault}"
        )
    }

    fn finish(&mut self, report: &Report, elapsed: Duration) -> io::Result<()> {
        if self.is_json {
            write_json(&mut self.out, &Summary::of(report, elapsed))?;
        } else {
            self.print_summary(report, elapsed)?;
        }
        self.out.flush()
    }

    fn print_summary(&mut self, report: &Report, elapsed: Duration) -> io::Result<()> {
        let out = &mut self.out;
        let Report {
            findings,
            events,
            root,
            ticks,
            interrupted_tick,
            snapshots,
            updates_without_snapshot,
            is_extension,
        } = report;
        if *findings > 0 {
            writeln!(out)?;
        }
        let Checked { lines, bytes, without_state, tail } = events;
        writeln!(out, "events      {lines} lines of {bytes} bytes{}", by_themselves(*without_state))?;
        if let Some(root) = root {
            writeln!(out, "root        {root}")?;
        }
        show_tail(out, *tail)?;
        writeln!(out, "ticks       {ticks} executed again")?;
        if let Some(decision) = interrupted_tick {
            writeln!(
                out,
                "            the log ends within the tick of decision {decision}, which the next writer completes"
            )?;
        }
        let Checked { lines, bytes, without_state, tail } = snapshots;
        writeln!(out, "snapshots   {lines} lines of {bytes} bytes{}", by_themselves(*without_state))?;
        show_tail(out, *tail)?;
        if *updates_without_snapshot > 0 {
            writeln!(out, "            {updates_without_snapshot} ledger updates follow the last snapshot")?;
        }
        if self.has_checkpoint {
            writeln!(
                out,
                "checkpoint  {}",
                match is_extension {
                    Some(true) => "the log extends it",
                    Some(false) => "the log is not known to extend it: see the finding",
                    None => "not compared: it covers a malformed line",
                }
            )?;
        }
        let millis = elapsed.as_millis().max(1);
        let megabytes = u128::from(events.bytes + snapshots.bytes) / 1_000 / millis;
        writeln!(out, "time        {millis} ms, {megabytes} MB/s")?;
        match findings {
            0 => writeln!(out, "findings    none: all holds"),
            findings => writeln!(
                out,
                "findings    {findings}\nnext: copy both directories to a safe place, and find out who changed them; `dreichor{} salvage --out DIR` copies what is sound to a new directory, from which a writer can start",
                self.stores
            ),
        }
    }
}

fn by_themselves(lines: u64) -> String {
    match lines {
        0 => String::new(),
        lines => format!(", {lines} of them by themselves only, since they follow a malformed line"),
    }
}

fn show_tail(out: &mut impl Write, tail: Option<Tail>) -> io::Result<()> {
    let Some(Tail { offset, length }) = tail else { return Ok(()) };
    writeln!(
        out,
        "            {length} unterminated bytes at byte {offset} were not checked: no line ends there"
    )
}

/// A finding as JSON; the members are in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingLine<'f> {
    part: &'static str,
    file: String,
    line: u64,
    offset: u64,
    byte: u64,
    rule: &'static str,
    member: &'f str,
    expected: &'f str,
    found: &'f str,
    is_changed: bool,
}

impl<'f> FindingLine<'f> {
    fn of(finding: &'f Finding) -> Self {
        let Finding { part, path, line, offset, fault } = finding;
        Self {
            part: part.as_str(),
            file: path.to_string_lossy().into_owned(),
            line: *line,
            offset: *offset,
            byte: offset + fault.offset as u64,
            rule: fault.rule.as_str(),
            member: &fault.member,
            expected: &fault.expected,
            found: &fault.found,
            is_changed: fault.is_changed,
        }
    }
}

/// The last line of JSON; the members are in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    is_sound: bool,
    findings: u64,
    audit_events: StoreSummary,
    root_hash: Option<String>,
    ticks: u64,
    interrupted_tick: Option<String>,
    snapshots: StoreSummary,
    updates_without_snapshot: u64,
    is_extension: Option<bool>,
    milliseconds: u128,
    format_version: u64,
    program_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoreSummary {
    lines: u64,
    bytes: u64,
    without_state: u64,
    unterminated_bytes: u64,
}

impl Summary {
    fn of(report: &Report, elapsed: Duration) -> Self {
        Self {
            is_sound: report.is_sound(),
            findings: report.findings,
            audit_events: StoreSummary::of(report.events),
            root_hash: report.root.map(|root| root.to_string()),
            ticks: report.ticks,
            interrupted_tick: report.interrupted_tick.map(|decision| decision.to_string()),
            snapshots: StoreSummary::of(report.snapshots),
            updates_without_snapshot: report.updates_without_snapshot,
            is_extension: report.is_extension,
            milliseconds: elapsed.as_millis(),
            format_version: FORMAT_VERSION,
            program_version: PROGRAM_VERSION,
        }
    }
}

impl StoreSummary {
    fn of(checked: Checked) -> Self {
        let Checked { lines, bytes, without_state, tail } = checked;
        Self { lines, bytes, without_state, unterminated_bytes: tail.map_or(0, |tail| tail.length) }
    }
}
