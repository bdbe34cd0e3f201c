//! A look at both files: what a request is answered from.

use std::sync::Arc;

use dreichor_replay::store::Opened;
use dreichor_replay::{Error, Replay, Stat, Stores, View, snapshot};

use crate::held::{Held, HeldFile};

/// The files that a computation read: device, inode, size and change time of each; none: missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Files([Option<Identity>; 2]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    change_time: (i64, i64),
}

impl Files {
    /// A log of this size, for tests of what is kept.
    #[cfg(test)]
    pub(crate) fn of_size(size: u64) -> Self {
        Self([Some(Identity { file: (0, 0), size, change_time: (0, 0) }), None])
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

/// Both files as they were at one moment. Nothing that is appended later is seen. A request that needs derived state takes
/// one look for that, and another for what it reads.
pub(crate) struct Look {
    stores: Arc<Stores<Held>>,
    /// None: missing, which is an empty store.
    events: Option<Opened<HeldFile>>,
    snapshots: Option<Opened<HeldFile>>,
}

impl Look {
    /// Looks at the snapshots first and at the log second, so that beside a running writer the log holds the events of
    /// every snapshot. From the first look on, no other file is taken for a store.
    pub(crate) fn take(stores: &Arc<Stores<Held>>) -> Result<Self, Error> {
        let [snapshots, events] = [&stores.snapshots, &stores.events].map(|store| -> Result<_, Error> {
            let opened = store.look()?;
            if let Some(opened) = &opened {
                store.pin(opened.stat.identity)?;
            }
            Ok(opened)
        });
        Ok(Self { stores: Arc::clone(stores), events: events?, snapshots: snapshots? })
    }

    /// What the files are.
    pub(crate) fn files(&self) -> Files {
        let identity =
            |stat: &Stat| Identity { file: stat.identity, size: stat.size, change_time: stat.change_time };
        Files(self.stats().map(|stat| stat.as_ref().map(identity)))
    }

    /// The properties of log and snapshots.
    pub(crate) fn stats(&self) -> [Option<Stat>; 2] {
        [&self.events, &self.snapshots].map(|opened| opened.as_ref().map(|opened| opened.stat))
    }

    /// How many bytes a writer without privileges can still write to the log's file system; none: it does not say.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.stores.events.medium().free_bytes()
    }

    /// The paths of log and snapshots.
    pub(crate) fn paths(&self) -> [String; 2] {
        [&self.stores.events, &self.stores.snapshots].map(|store| store.path().display().to_string())
    }

    /// The sizes of the whole lines of log and snapshots, in bytes.
    pub(crate) fn ends(&self) -> [u64; 2] {
        [&self.events, &self.snapshots].map(|opened| opened.as_ref().map_or(0, |opened| opened.end))
    }

    /// How many bytes follow the last whole line of the log.
    pub(crate) fn unterminated_bytes(&self) -> u64 {
        self.events.as_ref().map_or(0, |opened| opened.stat.size - opened.end)
    }

    /// The log.
    pub(crate) fn view(&self) -> View<'_, Held> {
        let [end, _] = self.ends();
        View::of(&self.stores.events, self.events.as_ref().map(|opened| opened.file.clone()), end)
    }

    /// A replay of both stores.
    pub(crate) fn replay(&self) -> Result<Replay<'_, Held>, Error> {
        let whole = |opened: &Opened<HeldFile>| (opened.file.clone(), opened.end);
        let (events, snapshots) = (self.events.as_ref().map(whole), self.snapshots.as_ref().map(whole));
        Replay::of(&self.stores, snapshots, events)
    }

    /// The latest snapshot, not read yet; none: there is none.
    pub(crate) fn latest(&self) -> Result<Option<snapshot::Found<'_, Held>>, Error> {
        let Some(opened) = &self.snapshots else { return Ok(None) };
        let log_bytes = self.events.as_ref().map_or(0, |opened| opened.stat.size);
        snapshot::find_in(&self.stores.snapshots, opened.file.clone(), opened.end, log_bytes)
    }
}
