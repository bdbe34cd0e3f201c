//! The interrupted tick: the last tick of a log, if its last events are missing.

use dreichor_core::Event;
use dreichor_core::event::DecisionEvaluated;
use dreichor_core::fault::{Fault, Rule, excerpt};
use dreichor_core::tick::{Comparison, Reexecution};
use dreichor_core::value::LogicalTime;
use dreichor_log::{Medium, read_exactly};

use crate::error::Error;
use crate::replay::Replayed;
use crate::store::Stores;

/// The last tick of a log, if its last events are missing.
#[derive(Debug, Clone)]
pub struct InterruptedTick {
    /// The number of its DECISION_EVALUATED line, from 1.
    pub line: u64,
    /// The offset of that line's start, in bytes.
    pub offset: u64,
    /// The logical time of the tick.
    pub time: LogicalTime,
    /// The decision, from which the whole tick can be computed again.
    pub decision: DecisionEvaluated,
}

impl InterruptedTick {
    /// Computes the missing events. The tick is computed again from its decision and the state before it; the recorded
    /// events must be exactly a prefix of it.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the first recorded line that differs from the computed tick, or
    /// [`Error::Unavailable`].
    #[expect(
        clippy::expect_used,
        reason = "the log with the open tick was just replayed, and each event compared"
    )]
    pub fn missing_events<M: Medium>(
        &self,
        stores: &Stores<M>,
        replayed: &Replayed,
    ) -> Result<Vec<Event<'static>>, Error> {
        let store = &stores.events;
        let (file, _) = store.open()?.expect("an open tick is in a log, which has not vanished");
        let length =
            usize::try_from(replayed.events_bytes - self.offset).expect("a tick has at most seven lines");
        let mut recorded = vec![0; length];
        read_exactly(&file, &mut recorded, self.offset).map_err(|error| store.unreadable(error, 0))?;
        let mut again = Reexecution::of(replayed.history.state(), self.time, &self.decision);
        let mut offset = self.offset;
        for (found, number) in recorded.split_inclusive(|&byte| byte == b'\n').zip(self.line..) {
            let checked = Event::read_line(found.strip_suffix(b"\n").unwrap_or(found)).and_then(
                |(event, _)| match again.compare(&event) {
                    Comparison::Same => Ok(()),
                    Comparison::Diverged(demanded) => Err(diverged(found, demanded)),
                    Comparison::Unknown => unreachable!("the first difference ends the loop"),
                },
            );
            if let Err(fault) = checked {
                return Err(Error::Malformed { path: store.path(), line: number, offset, fault });
            }
            offset += found.len() as u64;
        }
        Ok(again.missing().expect("every recorded event was the computed one").to_vec())
    }
}

fn diverged(found: &[u8], demanded: Option<Box<Event<'_>>>) -> Box<Fault> {
    let mut expected = Vec::new();
    if let Some(event) = demanded {
        event.write_line(&mut expected);
    }
    Fault::new(
        Rule::InterruptedTick,
        0,
        "",
        excerpt(found),
        format!("{} as the tick, executed again from its decision, has it", excerpt(&expected)),
    )
}
