//! The bugs, and which of them is planted.

use core::sync::atomic::{AtomicUsize, Ordering};

/// Declares the bugs with what a person calls them.
macro_rules! bugs {
    ($($(#[$attribute:meta])* $bug:ident = $name:literal,)*) => {
        /// A way to go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $(#[doc = $name] $bug,)*
        }

        impl Bug {
            /// Every bug.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$bug),*];

            /// What a person calls it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }
        }
    };
}

bugs! {
    SyncSkipped = "`fdatasync` skipped",
    WriteSplit = "a batch written in two parts",
    OwnershipUnchecked = "not checked before a write whether the file is still ours",
    SyncRetried = "`fdatasync` tried again after an error",
    WritingOn = "written on after a failed append",
    ShortWriteAccepted = "a short write taken for a whole one",
    ShortWriteContinued = "the rest written after a short write",
    InterruptionFatal = "an interrupted call not repeated",
    DirectorySyncSkipped = "syncs of directories skipped",
    CreationUnsynced = "a new file not synced, nor its directory",
    LockDropped = "the lock dropped once taken",
    IdentityForgotten = "another file taken for the locked one",
    AcknowledgedEarly = "acknowledged before the write",
    SyncDeferred = "acknowledged between write and `fdatasync`",
    AcknowledgedUnsynced = "acknowledged before the snapshots are durable",
    SnapshotEarly = "a snapshot written before its events",
    SnapshotsUnsynced = "snapshots not synced",
    SnapshotPerBatch = "a snapshot a batch, not one a ledger update",
    StartUnsynced = "syncs at the start skipped",
    CacheBelieved = "page cache not dropped at the start",
    TailGlued = "a tail glued to what comes next, not cut off",
    TailUncopied = "a tail trimmed without a copy",
    TailCutSilently = "a tail trimmed without a word in the log",
    CutUnsynced = "the cut of a tail not synced",
    CutEarly = "cut off before all was checked",
    CopyUnsynced = "the copy of a tail not synced before the cut",
    CopyDirectoryUnsynced = "the directory of a copy not synced before the cut",
    CopyInPlace = "the copy of a tail written under its final name",
    CopyNotResumed = "recovery not idempotent: it stops at the copy that a killed one began",
    TickForgotten = "an interrupted tick forgotten",
    TickUnchecked = "an interrupted tick not held against the tick computed again",
    SnapshotsForgotten = "missing snapshots forgotten",
    HoleAccepted = "a hole in the snapshots accepted",
    NulsTakenForEnd = "NULs taken for the end of the log",
    IdUnchecked = "the id of a line not checked",
    TickRulesDropped = "a grammar rule dropped: an event belongs to the open tick",
    TimeOrderDropped = "a grammar rule dropped: time never goes back",
    RootUnchecked = "the root of a snapshot not checked",
    PositionsUnchecked = "the positions of a snapshot not checked",
    SnapshotAheadAccepted = "a snapshot ahead of the log accepted",
    PositionLeftOpen = "a sold position left open",
    HoldTimeIgnored = "the hold time ignored",
    SalvageUnsynced = "what is salvaged not durable when `salvage` says so",
    SalvageResumed = "`salvage` written into what a stopped one left",
    SalvageBreaksOff = "`salvage` keeps one event",
    RepetitionRecorded = "an input that comes again recorded again",
}

/// The index of the planted bug in [`Bug::ALL`]; any other number: none.
static PLANTED: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Plants this bug in the whole process, in place of the one before; none: the program is as it should be.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(usize::MAX, |bug| bug as usize), Ordering::SeqCst);
}

/// Whether this bug is planted.
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.load(Ordering::SeqCst) == bug as usize
}
