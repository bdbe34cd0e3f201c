//! The snapshots that may be salvaged, held against the fold.
//!
//! In damaged stores a snapshot may say anything of its size, so the file's order proves nothing: all snapshots
//! are found first, and looked at again in the order of their sizes, as the fold comes by. What is kept in
//! memory is one line, and for each snapshot where it stands: less than the fold's own memory of the decision
//! whose ledger update it was taken at. Lines that are no snapshots are kept as runs, of which there is a limit.

use dreichor_core::History;
use dreichor_core::fault::{Fault, Rule};
use dreichor_core::snapshot::snapshot_ahead;
use dreichor_log::{Medium, Span, Spans, Tail, WriteMedium};
use dreichor_replay::{
    Error, Store,
    snapshot::{self, Latest, ReadLine},
};

use super::copy::{Copied, NewFile};
use super::left_out::LeftOut;
use super::{Broken, Opened, SalvageError};

/// All lines of a snapshot store.
pub(super) struct Candidates<'s, M: Medium> {
    store: &'s Store<M>,
    file: Option<&'s M::File>,
    /// The size of the log beside them.
    log_bytes: u64,
    /// The snapshots, in file order.
    found: Vec<Candidate>,
    /// The other lines.
    foreign: LeftOut,
    /// The snapshots in the order of their sizes.
    by_size: Vec<usize>,
    /// How many of these the fold has come by.
    reached: usize,
    tail: Option<Tail>,
}

struct Candidate {
    span: Span,
    standing: Standing,
}

enum Standing {
    /// A snapshot of so many events, which the fold has not come to.
    Unreached(u64),
    /// A snapshot that agrees with the fold at this size.
    Sound(u64),
    /// No snapshot of this log.
    Broken(Box<Fault>),
}

impl<'s, M: Medium> Candidates<'s, M> {
    /// Finds all lines, and refuses those that are no snapshots.
    pub(super) fn find(store: &'s Store<M>, opened: Opened<'s, M>, log_bytes: u64) -> Result<Self, Error> {
        let mut candidates = Self {
            store,
            file: None,
            log_bytes,
            found: Vec::new(),
            foreign: LeftOut::default(),
            by_size: Vec::new(),
            reached: 0,
            tail: None,
        };
        let Some((file, stat)) = opened else { return Ok(candidates) };
        candidates.file = Some(file);
        let mut sizes = Vec::new();
        let mut spans = Spans::starting_at(file, 0, 0, stat.size);
        while let Some(span) = spans.next_span().map_err(|error| store.unreadable(error, 0))? {
            match candidates.read(span)? {
                Ok((_, Latest { snapshot, .. })) => {
                    sizes.push((snapshot.audit_tree_size, candidates.found.len()));
                    let standing = Standing::Unreached(snapshot.audit_tree_size);
                    candidates.found.push(Candidate { span, standing });
                }
                Err(fault) => candidates.foreign.add(broken(span, fault)),
            }
        }
        sizes.sort_unstable();
        candidates.by_size = sizes.into_iter().map(|(_, index)| index).collect();
        candidates.tail = spans.tail();
        Ok(candidates)
    }

    /// The unterminated tail.
    pub(super) fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// Holds the snapshots of so many events as `history` has against it.
    pub(super) fn check(&mut self, history: &mut History) -> Result<(), Error> {
        let size = history.size();
        while let Some(&index) = self.by_size.get(self.reached)
            && let Some(Candidate { span, standing: Standing::Unreached(covered) }) = self.found.get(index)
            && *covered == size
        {
            let checked = self.read(*span)?.and_then(|(_, read)| read.snapshot.check(history));
            if let Some(candidate) = self.found.get_mut(index) {
                candidate.standing = match checked {
                    Ok(()) => Standing::Sound(size),
                    Err(fault) => Standing::Broken(fault),
                };
            }
            self.reached += 1;
        }
        Ok(())
    }

    /// Copies the sound ones of a log of so many `events`, in file order; the others are left out.
    pub(super) fn copy<N: WriteMedium>(
        &mut self,
        to: &Store<N>,
        events: u64,
    ) -> Result<(Copied, LeftOut), SalvageError> {
        let mut copy = NewFile::create(to)?;
        let mut foreign = std::mem::take(&mut self.foreign);
        let mut left_out = LeftOut::default();
        let mut latest = 0;
        for Candidate { span, standing } in &self.found {
            foreign.move_before(span.number, &mut left_out);
            let fault = match standing {
                Standing::Broken(fault) => fault.clone(),
                Standing::Unreached(covered) => snapshot_ahead(*covered, events),
                Standing::Sound(covered) if *covered <= latest => out_of_sequence(*covered, latest),
                Standing::Sound(covered) => match self.read(*span)? {
                    Ok((line, _)) => {
                        copy.put(&line)?;
                        latest = *covered;
                        continue;
                    }
                    Err(fault) => fault,
                },
            };
            left_out.add(broken(*span, fault));
        }
        foreign.move_before(u64::MAX, &mut left_out);
        Ok((copy.finish()?, left_out))
    }

    #[expect(clippy::expect_used, reason = "a line was found in the file")]
    fn read(&self, span: Span) -> Result<ReadLine, Error> {
        let file = self.file.expect("a line is of a file");
        snapshot::read(file, span.offset, span.length, self.log_bytes)
            .map_err(|error| self.store.unreadable(error, 0))
    }
}

fn broken(span: Span, fault: Box<Fault>) -> Broken {
    Broken { line: span.number, offset: span.offset, fault }
}

fn out_of_sequence(covered: u64, latest: u64) -> Box<Fault> {
    Fault::new(
        Rule::SnapshotSequence,
        0,
        "auditTreeSize",
        covered.to_string(),
        format!("more than {latest}, which the snapshots before it reach"),
    )
}
