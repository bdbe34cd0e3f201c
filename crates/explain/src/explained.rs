//! From an id to its story.

use dreichor_core::value::Uuid;
use dreichor_replay::{Error, Medium, Progress, Replay, Replayed, Stores};

use crate::story::Story;
use crate::subject::Subject;
use crate::teller::Teller;

/// The story of an id, and what the stores hold that it comes from.
#[derive(Debug)]
pub struct Explained {
    /// None if nothing in the log has the id.
    pub story: Option<Story>,
    /// What the stores hold.
    pub replayed: Replayed,
}

/// The story that `id` belongs to: the id of a decision, or of an event, order intent, execution or feedback
/// of it or on it; or of feedback on a time window, which is a story of its own. By which of its ids a story
/// is asked for changes nothing in it.
///
/// Searches the log for the id, then replays it once.
///
/// # Errors
///
/// The stores cannot be read, or are malformed.
pub fn explain<M: Medium>(
    stores: &Stores<M>,
    id: Uuid,
    progress: &mut impl Progress,
) -> Result<Explained, Error> {
    // Opened before the search: what is appended between the two is then in no story, but in no count either.
    let mut replay = Replay::open(stores)?;
    let mut teller = Teller::new(Subject::find(stores, id)?);
    let total = replay.end();
    while let Some(entry) = replay.next()? {
        teller.tell(&entry);
        progress.advance(entry.line.offset, total);
    }
    Ok(Explained { story: teller.story(), replayed: replay.finish()? })
}
