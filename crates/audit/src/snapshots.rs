//! The snapshots of a store, each checked against the fold of the log.
//!
//! A malformed snapshot may name any size, so the order of the file proves nothing: all snapshots are found first, and
//! read again in the order of their sizes, when the fold reaches these. In memory are one line and, of each snapshot, its
//! place: less than the fold's own memory of the decision whose ledger update the snapshot follows. A line that is no
//! snapshot takes no memory, however many there are; it is read again for its verdict.

use dreichor_core::History;
use dreichor_core::fault::{Fault, Rule};
use dreichor_core::snapshot::snapshot_ahead;
use dreichor_log::{Medium, Span, Spans, Stat, Tail};
use dreichor_replay::snapshot::{self, Latest, ReadLine};
use dreichor_replay::{Error, Progress, Store};

/// A file with its size when it was opened; none if it is missing, which is an empty store.
pub(crate) type Opened<'o, M> = Option<&'o (<M as Medium>::File, Stat)>;

/// All snapshots of a store.
pub(crate) struct Snapshots<'s, M: Medium> {
    store: &'s Store<M>,
    file: Option<&'s M::File>,
    /// The size of the log beside them, in bytes.
    log_bytes: u64,
    /// The size of the file, in bytes.
    end: u64,
    /// The number of lines.
    lines: u64,
    /// The lines that are snapshots, in file order.
    found: Vec<Candidate>,
    /// Their indices, in the order of their sizes.
    by_size: Vec<usize>,
    /// How many of these sizes the fold has reached.
    reached: usize,
    tail: Option<Tail>,
}

struct Candidate {
    span: Span,
    standing: Standing,
}

enum Standing {
    /// A snapshot of so many events, a size that the fold has not reached.
    Unreached(u64),
    /// A snapshot that agrees with the fold at this size.
    Sound(u64),
    /// It contradicts the log.
    Broken(Box<Fault>),
}

/// What is known of a snapshot once the fold is over.
pub(crate) enum Verdict {
    /// It agrees with the log.
    Sound,
    /// It breaks a rule.
    Broken(Box<Fault>),
    /// It covers lines that have no state, since a line before them is malformed.
    Unknown,
}

impl<'s, M: Medium> Snapshots<'s, M> {
    /// Finds all lines, and reads each as a snapshot.
    pub(crate) fn find(
        store: &'s Store<M>,
        opened: Opened<'s, M>,
        log_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Self, Error> {
        let mut snapshots = Self {
            store,
            file: None,
            log_bytes,
            end: 0,
            lines: 0,
            found: Vec::new(),
            by_size: Vec::new(),
            reached: 0,
            tail: None,
        };
        let Some((file, stat)) = opened else { return Ok(snapshots) };
        snapshots.file = Some(file);
        snapshots.end = stat.size;
        let mut sizes = Vec::new();
        let mut spans = Spans::starting_at(file, 0, 0, stat.size);
        while let Some(span) = spans.next_span().map_err(|error| store.unreadable(error, 0))? {
            progress.advance(span.offset, stat.size);
            if let Ok((_, Latest { snapshot, .. })) = snapshots.read(span)? {
                sizes.push((snapshot.audit_tree_size, snapshots.found.len()));
                let standing = Standing::Unreached(snapshot.audit_tree_size);
                snapshots.found.push(Candidate { span, standing });
            }
        }
        snapshots.lines = spans.count();
        sizes.sort_unstable();
        snapshots.by_size = sizes.into_iter().map(|(_, index)| index).collect();
        snapshots.tail = spans.tail();
        Ok(snapshots)
    }

    /// The number of lines.
    pub(crate) fn count(&self) -> u64 {
        self.lines
    }

    /// The unterminated tail.
    pub(crate) fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// Checks the snapshots that cover as many events as `history` has against it; true if one of them is sound.
    #[inline]
    pub(crate) fn check(&mut self, history: &mut History) -> Result<bool, Error> {
        let (size, mut is_covered) = (history.size(), false);
        while let Some(&index) = self.by_size.get(self.reached)
            && let Some(Candidate { span, standing: Standing::Unreached(covered) }) = self.found.get(index)
            && *covered == size
        {
            let checked = self.read(*span)?.and_then(|(_, read)| read.snapshot.check(history));
            if let Some(candidate) = self.found.get_mut(index) {
                candidate.standing = match checked {
                    Ok(()) => {
                        is_covered = true;
                        Standing::Sound(size)
                    }
                    Err(fault) => Standing::Broken(fault),
                };
            }
            self.reached += 1;
        }
        Ok(is_covered)
    }

    /// Goes through all lines again, in file order. The log has `events` lines.
    pub(crate) fn verdicts(&self, events: u64) -> Verdicts<'_, 's, M> {
        let spans = self.file.map(|file| Spans::starting_at(file, 0, 0, self.end));
        Verdicts { snapshots: self, events, spans, next: 0, latest: 0 }
    }

    fn changed(&self, offset: u64) -> Error {
        let problem = format!("the line at byte {offset} has changed");
        let next = "find out which process changed the file; `dreichor replay` shows what it holds now";
        Error::unavailable(self.store.path(), problem, next)
    }

    /// Reads the line again.
    #[expect(clippy::expect_used, reason = "a line was found in the file")]
    pub(crate) fn read(&self, span: Span) -> Result<ReadLine, Error> {
        let file = self.file.expect("a line is of a file");
        snapshot::read(file, span.offset, span.length, self.log_bytes)
            .map_err(|error| self.store.unreadable(error, 0))
    }
}

/// The verdict on each line, in file order.
pub(crate) struct Verdicts<'v, 's, M: Medium> {
    snapshots: &'v Snapshots<'s, M>,
    events: u64,
    spans: Option<Spans<'s, M::File>>,
    /// The index of the next snapshot.
    next: usize,
    /// The size of the last sound snapshot.
    latest: u64,
}

impl<M: Medium> Verdicts<'_, '_, M> {
    /// The next line and its verdict; none after the last.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<(Span, Verdict)>, Error> {
        let Self { snapshots, spans: Some(spans), .. } = self else { return Ok(None) };
        let span = spans.next_span().map_err(|error| snapshots.store.unreadable(error, 0))?;
        let Some(span) = span else { return Ok(None) };
        let Some(Candidate { standing, .. }) =
            snapshots.found.get(self.next).filter(|found| found.span == span)
        else {
            return match snapshots.read(span)? {
                Err(fault) => Ok(Some((span, Verdict::Broken(fault)))),
                Ok(_) => Err(snapshots.changed(span.offset)),
            };
        };
        self.next += 1;
        let verdict = match standing {
            Standing::Broken(fault) => Verdict::Broken(fault.clone()),
            Standing::Unreached(covered) if *covered <= self.events => Verdict::Unknown,
            Standing::Unreached(covered) => Verdict::Broken(snapshot_ahead(*covered, self.events)),
            Standing::Sound(covered) if *covered <= self.latest => {
                Verdict::Broken(out_of_sequence(*covered, self.latest))
            }
            Standing::Sound(covered) => {
                self.latest = *covered;
                Verdict::Sound
            }
        };
        Ok(Some((span, verdict)))
    }
}

fn out_of_sequence(covered: u64, latest: u64) -> Box<Fault> {
    Fault::new(
        Rule::SnapshotSequence,
        0,
        "auditTreeSize",
        covered.to_string(),
        format!("more than {latest}, which a snapshot before it covers"),
    )
}
