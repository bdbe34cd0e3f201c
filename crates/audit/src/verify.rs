//! Verification: everything that the stores prove, in parts.
//!
//! 1. Every line of the log: canonical form, contract, grammar, and all ids.
//! 2. Every tick, executed again from its decision on the state before it.
//! 3. Every snapshot, against ledger and root at its size.
//! 4. A checkpoint that was kept elsewhere, if there is one: its signatures, and that the log extends it.
//!
//! ```text
//! fold ──entry──▶ tick executed again (part 2) ──▶ snapshots of this size (part 3)
//!  └── first malformed line (part 1) ──▶ each line after it, by itself
//! ```
//!
//! Verification continues after a finding. After a malformed line the state is unknown, so the lines after it are checked
//! by themselves only, and the snapshots that cover it are not checked. A tick that differs is accepted as it is
//! recorded, since the grammar allows it.
//!
//! Findings come in a fixed order: those of the log in file order, those of the snapshots in file order, that of the
//! checkpoint. A line has
//! at most one finding, by the first rule that it breaks, and a tick at most one of part 2.

mod checkpoint;
mod later_lines;
mod ticks;

use std::path::{Path, PathBuf};

use dreichor_core::event::Body;
use dreichor_core::id::DecisionId;
use dreichor_core::value::Spelled;
use dreichor_core::{Fault, Hash};
use dreichor_log::{Medium, Stat, Tail};
use dreichor_replay::{Error, Fold, Progress, Stores};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::snapshots::{Snapshots, Verdict};
pub use checkpoint::KeptCheckpoint;
use checkpoint::{Extension, Standing};
use later_lines::LaterLines;
use ticks::Ticks;

/// A part of verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Part {
    /// Every line of the log, by itself and in the grammar.
    Lines,
    /// Every tick, executed again.
    Reexecution,
    /// Every snapshot.
    Snapshots,
    /// The kept checkpoint.
    Checkpoint,
}

impl Spelled for Part {}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part that found it.
    pub part: Part,
    /// The file.
    pub path: PathBuf,
    /// The number of the line, from 1.
    pub line: u64,
    /// The offset of the line's start in the file, in bytes.
    pub offset: u64,
    /// The broken rule.
    pub fault: Box<Fault>,
}

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The number of findings.
    pub findings: u64,
    /// The log.
    pub events: Checked,
    /// The root of the tree over all events; none if a line is malformed.
    pub root: Option<Hash>,
    /// The ticks that were executed again.
    pub ticks: u64,
    /// The decision of the interrupted tick, which is no finding.
    pub interrupted_tick: Option<DecisionId>,
    /// The snapshots.
    pub snapshots: Checked,
    /// The ledger updates since the last sound snapshot, which are no finding.
    pub updates_without_snapshot: u64,
    /// Whether the log extends the kept checkpoint; none if that covers a malformed line, or there is none.
    pub is_extension: Option<bool>,
}

impl Report {
    /// True if all holds.
    pub fn is_sound(&self) -> bool {
        self.findings == 0
    }
}

/// What was checked of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// Its lines.
    pub lines: u64,
    /// Their bytes, LFs included.
    pub bytes: u64,
    /// The lines after the first malformed line of the log, and the snapshots of them: they were checked by themselves
    /// only, since the state is unknown there.
    pub without_state: u64,
    /// The unterminated tail, which is no finding.
    pub tail: Option<Tail>,
}

impl Checked {
    /// So many lines of a store that ends at `end`.
    fn of(lines: u64, tail: Option<Tail>, end: u64) -> Self {
        Self { lines, bytes: tail.map_or(end, |tail| tail.offset), without_state: 0, tail }
    }
}

/// Verifies what the stores hold when it starts. Calls `found` with each finding.
///
/// # Errors
///
/// A store cannot be read; or the error of `found`, which ends the verification. (What is malformed is a finding.)
pub fn verify<M: Medium, E: From<Error>>(
    stores: &Stores<M>,
    kept: Option<&KeptCheckpoint>,
    progress: &mut impl Progress,
    found: impl FnMut(Finding) -> Result<(), E>,
) -> Result<Report, E> {
    // The snapshots' size is fixed first and the log's second: beside a writer, the log that is read then holds the
    // events of every snapshot that is read.
    let snapshots = stores.snapshots.open()?;
    let log = stores.events.open()?;
    let [snapshots_bytes, log_bytes] = [size(snapshots.as_ref()), size(log.as_ref())];
    let mut progress = Shifted { progress, by: 0, total: snapshots_bytes + log_bytes };
    let mut snapshots = Snapshots::find(&stores.snapshots, snapshots.as_ref(), log_bytes, &mut progress)?;
    progress.by = snapshots_bytes;
    let fold = Fold::new(&stores.events, log.map(|(file, _)| file), log_bytes);
    let mut extension = kept.map(Extension::of);
    let mut verification = Verification { stores, report: Report::default(), found };
    verification.check_log(fold, &mut snapshots, extension.as_mut(), &mut progress)?;
    verification.check_snapshots(&snapshots, snapshots_bytes)?;
    verification.check_extension(extension.as_ref())?;
    Ok(verification.report)
}

fn size<F>(opened: Option<&(F, Stat)>) -> u64 {
    opened.map_or(0, |(_, stat)| stat.size)
}

/// The progress of one store, as that of both.
struct Shifted<'p, P> {
    progress: &'p mut P,
    /// The bytes that were done before.
    by: u64,
    total: u64,
}

impl<P: Progress> Progress for Shifted<'_, P> {
    #[inline]
    fn advance(&mut self, done: u64, _total: u64) {
        self.progress.advance(self.by + done, self.total);
    }
}

struct Verification<'s, M, F> {
    stores: &'s Stores<M>,
    report: Report,
    found: F,
}

impl<M: Medium, E: From<Error>, F: FnMut(Finding) -> Result<(), E>> Verification<'_, M, F> {
    fn add(&mut self, part: Part, path: &Path, line: u64, offset: u64, fault: Box<Fault>) -> Result<(), E> {
        self.report.findings += 1;
        (self.found)(Finding { part, path: path.to_owned(), line, offset, fault })
    }

    /// Parts 1 and 2, and the snapshots of part 3 against the fold.
    fn check_log(
        &mut self,
        mut fold: Fold<'_, M>,
        snapshots: &mut Snapshots<'_, M>,
        mut extension: Option<&mut Extension<'_>>,
        progress: &mut impl Progress,
    ) -> Result<(), E> {
        let (log, end) = (&self.stores.events, fold.end());
        let mut ticks = Ticks::default();
        let malformed = loop {
            let entry = match fold.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => break None,
                Err(Error::Malformed { line, offset, fault, .. }) => break Some((line, offset, fault)),
                Err(error) => return Err(error.into()),
            };
            if let Some((part, fault)) = ticks.check(&entry) {
                self.add(part, &log.path(), entry.line.number, entry.line.offset, fault)?;
            }
            if let Body::LedgerUpdated(_) = entry.event.body {
                self.report.updates_without_snapshot += 1;
            }
            if snapshots.check(entry.history)? {
                self.report.updates_without_snapshot = 0;
            }
            if let Some(extension) = &mut extension {
                extension.see(entry.history);
            }
            progress.advance(entry.line.offset, end);
        };
        self.report.ticks = ticks.executed();
        self.report.events = match malformed {
            None => {
                let history = fold.history();
                self.report.root = Some(history.root());
                self.report.interrupted_tick = history.state().open_tick();
                Checked::of(history.size(), fold.tail(), end)
            }
            Some((line, offset, fault)) => {
                self.add(Part::Lines, &log.path(), line, offset, fault)?;
                self.check_later_lines(&fold, line, offset, progress)?
            }
        };
        Ok(())
    }

    /// Part 1 of the lines after the first malformed one, which starts at `offset`.
    fn check_later_lines(
        &mut self,
        fold: &Fold<'_, M>,
        malformed: u64,
        offset: u64,
        progress: &mut impl Progress,
    ) -> Result<Checked, E> {
        let (log, end) = (&self.stores.events, fold.end());
        let mut lines = LaterLines::after(log, fold, malformed, offset)?;
        while let Some((span, fault)) = lines.next_broken(progress)? {
            self.add(Part::Lines, &log.path(), span.number, span.offset, fault)?;
        }
        let without_state = lines.count() - malformed;
        Ok(Checked { without_state, ..Checked::of(lines.count(), lines.tail(), end) })
    }

    /// The result of part 3, once the fold is over.
    fn check_snapshots(&mut self, snapshots: &Snapshots<'_, M>, end: u64) -> Result<(), E> {
        let mut checked = Checked::of(snapshots.count(), snapshots.tail(), end);
        let mut verdicts = snapshots.verdicts(self.report.events.lines);
        while let Some((span, verdict)) = verdicts.next()? {
            match verdict {
                Verdict::Sound => {}
                Verdict::Unknown => checked.without_state += 1,
                Verdict::Broken(fault) => {
                    self.add(
                        Part::Snapshots,
                        &self.stores.snapshots.path(),
                        span.number,
                        span.offset,
                        fault,
                    )?;
                }
            }
        }
        self.report.snapshots = checked;
        Ok(())
    }

    /// The result of part 4, once the fold is over.
    fn check_extension(&mut self, extension: Option<&Extension<'_>>) -> Result<(), E> {
        let Some(extension) = extension else { return Ok(()) };
        match extension.standing(self.report.events.lines) {
            Standing::Extended => self.report.is_extension = Some(true),
            Standing::Unknown => {}
            Standing::Broken(fault) => {
                self.report.is_extension = Some(false);
                self.add(Part::Checkpoint, &extension.kept.path, 1, 0, fault)?;
            }
        }
        Ok(())
    }
}
