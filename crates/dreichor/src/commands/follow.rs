//! `--follow`: the log while it grows.

use dreichor_replay::{Error, Medium, Store};

/// A log that is followed. Another file in its place, or fewer bytes than before, end the command.
pub(super) struct Growth<'s, M: Medium> {
    store: &'s Store<M>,
    identity: Option<(u64, u64)>,
}

impl<'s, M: Medium> Growth<'s, M> {
    pub(super) const fn of(store: &'s Store<M>) -> Self {
        Self { store, identity: None }
    }

    /// The file and its size, if it is not the one that was read up to `offset`.
    pub(super) fn find(&mut self, offset: u64) -> Result<Option<(M::File, u64)>, Error> {
        let changed = |problem: &str| {
            let next = "find out what changed it; `dreichor replay` shows what it holds now";
            Error::unavailable(self.store.path(), problem, next)
        };
        let Some((file, stat)) = self.store.open()? else {
            let was_there = self.identity.is_some();
            return if was_there {
                Err(changed("the file vanished while it was followed"))
            } else {
                Ok(None)
            };
        };
        if self.identity.is_some_and(|identity| identity != stat.identity) || stat.size < offset {
            return Err(changed("the file was replaced or truncated while it was followed"));
        }
        self.identity = Some(stat.identity);
        Ok((stat.size != offset).then_some((file, stat.size)))
    }
}
