//! The lines after the first malformed one. The state is unknown there, so each is checked by itself: canonical form,
//! contract, and the ids that its own values determine.

use dreichor_core::event::{Event, line_too_long};
use dreichor_core::{Fault, LINE_BYTES_MAX};
use dreichor_log::{Medium, Span, Spans, Tail, read_bytes};
use dreichor_replay::{Error, Fold, Progress, Store};

/// The lines of a log after a malformed one.
pub(super) struct LaterLines<'f, M: Medium> {
    store: &'f Store<M>,
    file: &'f M::File,
    spans: Spans<'f, M::File>,
    end: u64,
}

impl<'f, M: Medium> LaterLines<'f, M> {
    /// Starts after the `malformed` line of the fold's log, which begins at `offset`.
    #[expect(clippy::expect_used, reason = "the malformed line was read from the file")]
    pub(super) fn after(
        store: &'f Store<M>,
        fold: &'f Fold<'_, M>,
        malformed: u64,
        offset: u64,
    ) -> Result<Self, Error> {
        let file = fold.file().expect("a line is of a file");
        let mut spans = Spans::starting_at(file, offset, malformed - 1, fold.end());
        spans.next_span().map_err(|error| store.unreadable(error, 0))?;
        Ok(Self { store, file, spans, end: fold.end() })
    }

    /// The next line with a fault; none if no line follows.
    pub(super) fn next_broken(
        &mut self,
        progress: &mut impl Progress,
    ) -> Result<Option<(Span, Box<Fault>)>, Error> {
        let unreadable = |error| self.store.unreadable(error, 0);
        while let Some(span) = self.spans.next_span().map_err(unreadable)? {
            progress.advance(span.offset, self.end);
            let length = usize::try_from(span.length).unwrap_or(usize::MAX);
            if length > LINE_BYTES_MAX {
                return Ok(Some((span, line_too_long(length))));
            }
            let line = read_bytes(self.file, span.offset, span.length).map_err(unreadable)?;
            if let Err(fault) = Event::read_line(&line).and_then(|(event, _)| event.check_derived_ids()) {
                return Ok(Some((span, fault)));
            }
        }
        Ok(None)
    }

    /// The number of the last line that was read.
    pub(super) fn count(&self) -> u64 {
        self.spans.count()
    }

    /// The unterminated tail, once no line follows.
    pub(super) fn tail(&self) -> Option<Tail> {
        self.spans.tail()
    }
}
