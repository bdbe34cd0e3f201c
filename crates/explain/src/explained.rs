//! From a reference to its story.

use dreichor_replay::reference::{Named, Reference};
use dreichor_replay::{Error, Medium, Progress, Replay, Replayed, Stores, View};

use crate::story::Story;
use crate::teller::Teller;

/// The result of a search for a reference.
#[derive(Debug)]
pub enum Explained {
    /// Its story, and what the stores hold.
    Story(Story, Replayed),
    /// Nothing in the log is named so.
    Nothing(Replayed),
    /// It could mean any of these, which are of different stories.
    Ambiguous(Vec<Named>),
}

/// Tells the story that `reference` belongs to: one of a decision, by its id or the id of an event, order intent,
/// execution or feedback of it or on it; or one of feedback on a time window. By which of these a story is asked for
/// changes nothing in it.
///
/// Searches the log once, then replays it once.
///
/// # Errors
///
/// The stores cannot be read, or are malformed.
pub fn explain<M: Medium>(
    stores: &Stores<M>,
    reference: &Reference,
    progress: &mut impl Progress,
) -> Result<Explained, Error> {
    // Opened before the search: what is appended between the two is then in no story, but in no count either.
    let replay = Replay::open(stores)?;
    explain_in(replay, &View::open(&stores.events)?, reference, progress)
}

/// The same in opened stores.
///
/// # Errors
///
/// As of [`explain`].
pub fn explain_in<M: Medium>(
    mut replay: Replay<'_, M>,
    view: &View<'_, M>,
    reference: &Reference,
    progress: &mut impl Progress,
) -> Result<Explained, Error> {
    let named = view.resolve(reference)?;
    if named.len() > 1 {
        return Ok(Explained::Ambiguous(named));
    }
    // Replayed also where nothing is named: a malformed log is reported before a name that it does not have.
    let mut teller = Teller::new(named.first().map(|named| named.subject));
    let total = replay.end();
    while let Some(entry) = replay.next()? {
        teller.tell(&entry);
        progress.advance(entry.line.offset, total);
    }
    let replayed = replay.finish()?;
    Ok(match teller.story() {
        Some(story) => Explained::Story(story, replayed),
        None => Explained::Nothing(replayed),
    })
}
