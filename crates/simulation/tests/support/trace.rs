//! Everything that is observed of the simulation, as one hash: the same seed must observe the same.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use dreichor_runtime::ingest::IngestError;
use dreichor_simulation::{Disk, Mount};

use super::check::names_and_bytes;

thread_local! {
    static TRACE: RefCell<Option<DefaultHasher>> = const { RefCell::new(None) };
}

/// Runs `act`; the hash of all that this thread observed meanwhile.
pub(crate) fn of(act: impl FnOnce()) -> u64 {
    TRACE.set(Some(DefaultHasher::new()));
    act();
    TRACE.take().unwrap_or_default().finish()
}

/// Adds something to the hash, if this thread is traced.
pub(crate) fn observe(observed: &impl Hash) {
    TRACE.with_borrow_mut(|trace| {
        if let Some(hasher) = trace {
            observed.hash(hasher);
        }
    });
}

/// Adds one run: its calls, what it left in each file, and how it ended.
pub(crate) fn observe_life(disk: &Disk, ended: &Result<(), IngestError>) {
    if TRACE.with_borrow(Option::is_none) {
        return;
    }
    observe(&format!("{:?}", disk.calls_made()));
    for mount in Mount::ALL {
        for (_, name, bytes) in names_and_bytes(disk, mount) {
            observe(&(name, bytes));
        }
    }
    observe(&ended.as_ref().map_err(ToString::to_string));
}
