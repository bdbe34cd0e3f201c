//! Groups the events of a log to ticks, in the order of the log.

use dreichor_core::Event;
use dreichor_core::fault::Fault;
use dreichor_replay::Entry;

use crate::decided::{Decided, without_decision};

/// The tick that is not whole yet.
#[derive(Debug, Default)]
pub struct Ticks(Option<Decided>);

impl Ticks {
    /// Adds the next event of a log, whose line starts at `offset`; returns the decision whose tick it makes whole.
    ///
    /// # Errors
    ///
    /// The event does not come next in its tick, or the tick before it is not whole.
    pub fn add(&mut self, event: &Event<'_>, offset: u64) -> Result<Option<Decided>, Box<Fault>> {
        if let Some(decided) = Decided::begin(event, offset) {
            let before = self.0.replace(decided);
            return before.map_or(Ok(None), |before| before.check_whole().map(|()| None));
        }
        if event.body.tick_decision_id().is_none() {
            return Ok(None);
        }
        let decided = self.0.as_mut().ok_or_else(|| without_decision(event))?;
        decided.add(event)?;
        Ok(self.0.take_if(|decided| decided.is_whole()))
    }

    /// Adds the next entry of a log that is replayed from its start.
    #[expect(clippy::expect_used, reason = "the fold has checked the grammar of the tick")]
    pub fn add_checked(&mut self, entry: &Entry<'_>) -> Option<Decided> {
        self.add(entry.event, entry.line.offset).expect("the fold accepts no tick that is refused here")
    }

    /// True within a tick.
    pub fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// The decision whose tick is not whole.
    pub fn finish(self) -> Option<Decided> {
        self.0
    }
}
