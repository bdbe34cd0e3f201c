//! Salvage: the longest valid prefix of corrupted stores, copied into new ones. The originals stay as they are.
//!
//! 1. The snapshots' length is fixed first and the log's second, so that beside a running writer every
//!    snapshot that is seen is of events that are seen.
//! 2. The log is folded and copied, line by line, up to the first that breaks a rule; each snapshot is held
//!    against the fold where that comes by its size.
//! 3. If the copied log ends within a tick, recovery's own check decides whether a writer could complete it.
//!    If not, the tick is left out whole.
//! 4. The snapshots that are sound are copied, in their order: corruption of one says nothing about the next.
//! 5. The copy is replayed from its files. The result of salvage has passed a replay.

mod copy;
mod left_out;
mod target;

use std::path::PathBuf;

use dreichor_core::Fault;
use dreichor_core::value::LogicalTime;
use dreichor_log::{Medium, Spans, Tail, WriteMedium};
use dreichor_replay::{Error, Fold, Progress, Receipt, Replay, Replayed, Store, Stores};

use crate::snapshots::{Snapshots, Verdict};
pub use copy::Copied;
use copy::NewFile;
pub use left_out::{LeftOut, Run};
pub use target::{INCOMPLETE, salvage_to};

/// The parts that were copied, the parts that were left out, and the reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The log's lines in the copy.
    pub events: Copied,
    /// The part of the log after them, which was left out.
    pub events_left_out: Option<Rest>,
    /// Bytes after the log's last LF, which are never copied.
    pub events_tail: Option<Tail>,
    /// The snapshots in the copy.
    pub snapshots: Copied,
    /// The snapshots that were left out.
    pub snapshots_left_out: LeftOut,
    /// Bytes after the snapshots' last LF, which are never copied.
    pub snapshots_tail: Option<Tail>,
    /// The time of the copied log's last event: nothing of an earlier time was left out.
    pub last_logical_time: Option<LogicalTime>,
    /// The receipt of the copy, replayed.
    pub receipt: Receipt,
}

impl Report {
    /// True if every line was copied. Unterminated bytes do not count: they were never acknowledged.
    pub fn is_whole(&self) -> bool {
        self.events_left_out.is_none() && self.snapshots_left_out.is_empty()
    }
}

/// Why nothing was salvaged.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// The originals cannot be read, or the new directory cannot be used.
    #[error(transparent)]
    Stores(#[from] Error),
    /// The copy is not, or not known to be, whole. The originals are as they were.
    #[error(
        "{}: {problem}\nthe copy is not complete, and the originals are unchanged; next: remove the copy, check its disk, and name a new directory",
        .path.display()
    )]
    Copy {
        /// The file or directory of the copy.
        path: PathBuf,
        /// The operation that failed.
        problem: String,
        /// The cause, if another error is the cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// A line that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// From 1.
    pub line: u64,
    /// The offset of the line's start in the file, in bytes.
    pub offset: u64,
    /// The broken rule.
    pub fault: Box<Fault>,
}

/// The lines that are left out at a log's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// The first of them, from 1.
    pub line: u64,
    /// The offset of its start in the file, in bytes.
    pub offset: u64,
    /// The number of whole lines.
    pub lines: u64,
    /// Their bytes, LFs included.
    pub bytes: u64,
    /// Why, in file order: the first line that breaks a rule, and before it, if the prefix would end in a tick
    /// that no writer could complete, the line that shows it.
    pub reasons: Vec<Broken>,
}

/// Copies what is sound in `from` to the two files of `to`, which must not be there yet.
///
/// # Errors
///
/// None for what is malformed: that is in the report.
pub fn salvage<M: Medium, N: WriteMedium>(
    from: &Stores<M>,
    to: &Stores<N>,
    progress: &mut impl Progress,
) -> Result<Report, SalvageError> {
    let snapshots = from.snapshots.open()?;
    let log = from.events.open()?;
    let log_bytes = log.as_ref().map_or(0, |(_, stat)| stat.size);
    let mut found = Snapshots::find(&from.snapshots, snapshots.as_ref(), log_bytes, &mut ())?;

    let mut fold = Fold::new(&from.events, log.map(|(file, _)| file), log_bytes);
    let mut prefix = copy_log(&mut fold, &to.events, &mut found, progress)?;
    if prefix.ends_within_tick {
        leave_out_unfit_tick(to, &mut prefix)?;
    }
    let events = prefix.copied;
    let (rest, events_tail) = survey_rest(&from.events, &fold, events)?;
    let events_left_out = rest.map(|rest| Rest { reasons: prefix.reasons, ..rest });
    let (snapshots, snapshots_left_out) = copy_snapshots(&found, &to.snapshots, events.lines)?;

    let mut replayed = prove(to, events, snapshots, progress)?;
    let receipt = Receipt::of(&mut replayed).with_digests(&replayed);
    Ok(Report {
        events,
        events_left_out,
        events_tail,
        snapshots,
        snapshots_left_out,
        snapshots_tail: found.tail(),
        last_logical_time: replayed.history.state().last_logical_time(),
        receipt,
    })
}

/// A copied log.
struct Prefix {
    copied: Copied,
    ends_within_tick: bool,
    reasons: Vec<Broken>,
}

/// Folds the log and copies it, up to the first line that breaks a rule.
fn copy_log<M: Medium, N: WriteMedium>(
    fold: &mut Fold<'_, M>,
    to: &Store<N>,
    snapshots: &mut Snapshots<'_, M>,
    progress: &mut impl Progress,
) -> Result<Prefix, SalvageError> {
    let mut copy = NewFile::create(to)?;
    let (mut ends_within_tick, mut reasons) = (false, Vec::new());
    let bytes = fold.end();
    loop {
        let entry = match fold.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => {
                reasons.push(broken(error)?);
                break;
            }
        };
        copy.put(entry.line.bytes)?;
        snapshots.check(entry.history)?;
        ends_within_tick = entry.history.state().open_tick().is_some();
        progress.advance(entry.line.offset, bytes);
    }
    Ok(Prefix { copied: copy.finish()?, ends_within_tick, reasons })
}

/// Copies the sound snapshots of a log of so many `events`, in file order; returns the others with their faults.
fn copy_snapshots<M: Medium, N: WriteMedium>(
    found: &Snapshots<'_, M>,
    to: &Store<N>,
    events: u64,
) -> Result<(Copied, LeftOut), SalvageError> {
    let mut copy = NewFile::create(to)?;
    let mut left_out = LeftOut::default();
    let mut verdicts = found.verdicts(events);
    while let Some((span, verdict)) = verdicts.next()? {
        let fault = match verdict {
            Verdict::Broken(fault) => fault,
            Verdict::Unknown => unreachable!("the fold has reached every size up to {events}"),
            Verdict::Sound => match found.read(span)? {
                Ok((line, _)) => {
                    copy.put(&line)?;
                    continue;
                }
                Err(fault) => fault,
            },
        };
        left_out.add(Broken { line: span.number, offset: span.offset, fault });
    }
    Ok((copy.finish()?, left_out))
}

/// The broken line that the error is about; the error itself if it is about none.
fn broken(error: Error) -> Result<Broken, Error> {
    if let Error::Malformed { line, offset, fault, .. } = error {
        return Ok(Broken { line, offset, fault });
    }
    Err(error)
}

/// Cuts the tick at the end of the copied log off, if it is not the beginning of the tick computed again:
/// every writer would refuse it. The copy is no store yet, so this truncates none.
#[expect(clippy::expect_used, reason = "the copy was just made of the lines that were folded")]
fn leave_out_unfit_tick<N: WriteMedium>(to: &Stores<N>, prefix: &mut Prefix) -> Result<(), SalvageError> {
    let replayed = replay_copy(to, &mut ())?;
    let tick =
        replayed.interrupted.as_ref().expect("the copy ends within the tick within which the original ends");
    let Err(error) = tick.missing_events(to, &replayed) else { return Ok(()) };
    prefix.reasons.insert(0, broken(error)?);
    prefix.copied = Copied { lines: tick.line - 1, bytes: tick.offset };
    copy::shorten(&to.events, tick.offset)
}

/// The part after the prefix: the lines that are left out, and the unterminated bytes.
fn survey_rest<M: Medium>(
    store: &Store<M>,
    fold: &Fold<'_, M>,
    prefix: Copied,
) -> Result<(Option<Rest>, Option<Tail>), Error> {
    let Some(file) = fold.file() else { return Ok((None, None)) };
    let mut spans = Spans::starting_at(file, prefix.bytes, prefix.lines, fold.end());
    while spans.next_span().map_err(|error| store.unreadable(error, 0))?.is_some() {}
    let tail = spans.tail();
    let end = tail.map_or(fold.end(), |tail| tail.offset);
    let rest = Rest {
        line: prefix.lines + 1,
        offset: prefix.bytes,
        lines: spans.count() - prefix.lines,
        bytes: end - prefix.bytes,
        reasons: Vec::new(),
    };
    Ok((Some(rest).filter(|rest| rest.lines > 0), tail))
}

/// Replays the copy from its disk: it must be sound, and all that was copied.
fn prove<N: WriteMedium>(
    to: &Stores<N>,
    events: Copied,
    snapshots: Copied,
    progress: &mut impl Progress,
) -> Result<Replayed, SalvageError> {
    copy::evict(&to.events)?;
    copy::evict(&to.snapshots)?;
    let replayed = replay_copy(to, progress)?;
    let found = Copied { lines: replayed.history.size(), bytes: replayed.events_bytes };
    let snapshots_bytes = to.snapshots.stat()?.map_or(0, |stat| stat.size);
    let is_whole = found == events
        && snapshots_bytes == snapshots.bytes
        && replayed.events_tail.is_none()
        && replayed.snapshots_tail.is_none();
    if is_whole {
        return Ok(replayed);
    }
    let problem = format!(
        "read again, it holds {} bytes and the snapshots {snapshots_bytes}, where {} and {} were written",
        found.bytes, events.bytes, snapshots.bytes
    );
    Err(SalvageError::Copy { path: to.events.path(), problem, source: None })
}

/// Replays the copy; a line of it that breaks a rule is not the line that was copied.
fn replay_copy<N: Medium>(to: &Stores<N>, progress: &mut impl Progress) -> Result<Replayed, SalvageError> {
    Replay::open(to)?.run(progress).map_err(|error| {
        let Error::Malformed { path, line, fault, .. } = error else { return error.into() };
        let problem = format!("line {line}, read again, differs from what was written: {fault}");
        SalvageError::Copy { path, problem, source: None }
    })
}
