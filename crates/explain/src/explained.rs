//! From an id to its story.

use dreichor_core::value::Uuid;
use dreichor_replay::{Error, Medium, Replay, Replayed, Stores, Watch};

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
/// Searches the log for the id, then replays it once. `watch` watches the replay.
pub fn explain<M: Medium>(stores: &Stores<M>, id: Uuid, watch: &mut impl Watch) -> Result<Explained, Error> {
    // Opened before the search: what is appended between the two is then in no story, but in no count either.
    let replay = Replay::open(stores)?;
    let subject = Subject::find(stores, id)?;
    let mut teller = Teller::new(subject, watch);
    let replayed = replay.run(&mut teller)?;
    Ok(Explained { story: teller.story(), replayed })
}
