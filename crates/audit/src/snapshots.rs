//! The snapshots of a store, each checked against the fold of the log.
//!
//! A malformed snapshot may name any size, so the order of the file proves nothing: all lines are found first, and read
//! again in the order of their sizes, when the fold reaches these. In memory are one line and, of each line, its place:
//! less than the fold's own memory of the decision whose ledger update the snapshot follows.

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
    found: Vec<Candidate>,
    /// The indices of those that are snapshots, in the order of their sizes.
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
    /// No snapshot of this log.
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
            found: Vec::new(),
            by_size: Vec::new(),
            reached: 0,
            tail: None,
        };
        let Some((file, stat)) = opened else { return Ok(snapshots) };
        snapshots.file = Some(file);
        let mut sizes = Vec::new();
        let mut spans = Spans::starting_at(file, 0, 0, stat.size);
        while let Some(span) = spans.next_span().map_err(|error| store.unreadable(error, 0))? {
            progress.advance(span.offset, stat.size);
            let standing = match snapshots.read(span)? {
                Ok((_, Latest { snapshot, .. })) => {
                    sizes.push((snapshot.audit_tree_size, snapshots.found.len()));
                    Standing::Unreached(snapshot.audit_tree_size)
                }
                Err(fault) => Standing::Broken(fault),
            };
            snapshots.found.push(Candidate { span, standing });
        }
        sizes.sort_unstable();
        snapshots.by_size = sizes.into_iter().map(|(_, index)| index).collect();
        snapshots.tail = spans.tail();
        Ok(snapshots)
    }

    /// The number of lines.
    pub(crate) fn count(&self) -> u64 {
        self.found.len() as u64
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

    /// Each line with its verdict, in file order. The log has `events` lines.
    pub(crate) fn verdicts(&self, events: u64) -> impl Iterator<Item = (Span, Verdict)> {
        let mut latest = 0;
        self.found.iter().map(move |Candidate { span, standing }| {
            let verdict = match standing {
                Standing::Broken(fault) => Verdict::Broken(fault.clone()),
                Standing::Unreached(covered) if *covered <= events => Verdict::Unknown,
                Standing::Unreached(covered) => Verdict::Broken(snapshot_ahead(*covered, events)),
                Standing::Sound(covered) if *covered <= latest => {
                    Verdict::Broken(out_of_sequence(*covered, latest))
                }
                Standing::Sound(covered) => {
                    latest = *covered;
                    Verdict::Sound
                }
            };
            (*span, verdict)
        })
    }

    /// Reads the line again.
    #[expect(clippy::expect_used, reason = "a line was found in the file")]
    pub(crate) fn read(&self, span: Span) -> Result<ReadLine, Error> {
        let file = self.file.expect("a line is of a file");
        snapshot::read(file, span.offset, span.length, self.log_bytes)
            .map_err(|error| self.store.unreadable(error, 0))
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
