//! The state of a whole log, computed once while the files stay the same.

use dreichor_core::Hash;
use dreichor_core::event::EventType;
use dreichor_core::id::content_id;
use dreichor_core::value::Spelled;
use dreichor_core::value::Uuid;
use dreichor_replay::leaves::Leaves;
use dreichor_replay::{Directory, Error, Replay, Replayed, Stat, Store, Stores};

/// The files that a computation read: device, inode, size and change time of each; none: missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Files([Option<Identity>; 2]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    change_time: (i64, i64),
}

impl Files {
    /// The identity of the files now.
    pub(crate) fn now(stores: &Stores<Directory>) -> Result<Self, Error> {
        let identify = |store: &Store<Directory>| -> Result<Option<Identity>, Error> {
            let identity =
                |stat: Stat| Identity { file: stat.identity, size: stat.size, change_time: stat.change_time };
            Ok(store.stat()?.map(identity))
        };
        Ok(Self([identify(&stores.events)?, identify(&stores.snapshots)?]))
    }

    /// True if each file is the same as before, or has become longer.
    pub(crate) fn have_grown_since(self, before: Self) -> bool {
        self.0.into_iter().zip(before.0).all(|files| match files {
            (Some(now), Some(before)) => now == before || (now.file == before.file && now.size > before.size),
            (_, None) => true,
            (None, Some(_)) => false,
        })
    }
}

/// The results that are derived from the log.
#[derive(Debug)]
pub(crate) struct Derived {
    pub(crate) replayed: Replayed,
    pub(crate) root_hash: Hash,
    pub(crate) leaves: Leaves,
    pub(crate) counts: Counts,
    pub(crate) last_event_id: Option<Uuid>,
}

/// The number of events of each type.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts([u64; EventType::ALL.len()]);

impl Counts {
    fn add(&mut self, event_type: EventType) {
        for (count, counted) in self.0.iter_mut().zip(EventType::ALL) {
            *count += u64::from(*counted == event_type);
        }
    }

    /// The types, in the format's order, each with its count.
    pub(crate) fn by_type(&self) -> impl Iterator<Item = (EventType, u64)> {
        EventType::ALL.iter().copied().zip(self.0)
    }
}

impl Derived {
    /// Replays the stores as they are now.
    pub(crate) fn compute(stores: &Stores<Directory>) -> Result<Self, Error> {
        let (mut leaves, mut counts, mut last_event_id) = (Leaves::default(), Counts::default(), None);
        let mut replay = Replay::open(stores)?;
        while let Some(entry) = replay.next()? {
            leaves.push(entry.line.offset, entry.leaf);
            counts.add(entry.event.body.event_type());
            last_event_id = Some(content_id(entry.leaf));
        }
        let mut replayed = replay.finish()?;
        let root_hash = replayed.history.root();
        Ok(Self { replayed, root_hash, leaves, counts, last_event_id })
    }
}
