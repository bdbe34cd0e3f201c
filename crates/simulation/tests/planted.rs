//! Each bug is planted in turn, and the checks that the other tests run on the program as it is must catch it.
//!
//! `cargo test -p dreichor-simulation --features planted --test planted -- --nocapture` prints the table.

mod support;

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, PoisonError};

use dreichor_planted::{Bug, plant};
use support::crash::Explorer;
use support::{appender, damage, faults, foreign, order, salvage, vectors};

/// A way to look for bugs; what it counts.
#[derive(Debug, Clone, Copy)]
enum Check {
    Crash,
    Faults,
    Appender,
    Order,
    Foreign,
    Damage,
    Salvage,
    Vectors,
}

impl Check {
    const ALL: [Self; 8] = [
        Self::Crash,
        Self::Faults,
        Self::Appender,
        Self::Order,
        Self::Foreign,
        Self::Damage,
        Self::Salvage,
        Self::Vectors,
    ];

    const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Crash => ("crash", "image"),
            Self::Faults => ("faults", "fault"),
            Self::Appender => ("appender", "fault"),
            Self::Order => ("order", "life"),
            Self::Foreign => ("foreign", "deed"),
            Self::Damage => ("damage", "damage"),
            Self::Salvage => ("salvage", "image"),
            Self::Vectors => ("vectors", "run"),
        }
    }

    /// Runs the check; whether it fails, and at which of its cases or after how many.
    fn run(self, seed: u64) -> (Option<String>, u64) {
        let mut cases = 0;
        let mut explorer = Explorer::new(seed);
        let ended = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Crash => {
                explorer.run(IMAGES);
                explorer.crash_every_recovery();
            }
            Self::Faults => faults::run(seed, &mut cases),
            Self::Appender => appender::run(&mut cases),
            Self::Order => order::run(seed, &mut cases),
            Self::Foreign => foreign::run(seed, &mut cases),
            Self::Damage => damage::run(seed, &mut cases),
            Self::Salvage => salvage::run(seed, &mut cases),
            Self::Vectors => vectors::run(&mut cases),
        }));
        let failure = ended.err().map(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
        });
        (failure, cases + explorer.images)
    }
}

/// Where the last panic was.
static PANICKED_AT: Mutex<String> = Mutex::new(String::new());

fn panicked_at() -> String {
    PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn note_place(panic: &PanicHookInfo<'_>) {
    *PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner) =
        panic.location().map_or_else(String::new, ToString::to_string);
}

/// Whether a check has failed: not the program, and not a step that a check could not take.
fn is_of_check(message: &str) -> bool {
    panicked_at().contains("tests/support/") && !message.starts_with("called `")
}

/// The seed of the published table.
const SEED: u64 = 1;

/// Enough for every scenario of the normal run, which goes on to 100,000.
const IMAGES: u64 = 30_000;

/// Where the table is published.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RELIABILITY.md");

/// Which check is to catch a bug.
fn catcher(bug: Bug) -> Check {
    match bug {
        Bug::SyncSkipped
        | Bug::DirectorySyncSkipped
        | Bug::AcknowledgedEarly
        | Bug::SyncDeferred
        | Bug::AcknowledgedUnsynced
        | Bug::SnapshotEarly
        | Bug::SnapshotsUnsynced
        | Bug::SnapshotPerBatch
        | Bug::StartUnsynced
        | Bug::TailGlued
        | Bug::TailUncopied
        | Bug::TailCutSilently
        | Bug::CopyUnsynced
        | Bug::CopyDirectoryUnsynced
        | Bug::CopyInPlace
        | Bug::CopyNotResumed
        | Bug::TickForgotten
        | Bug::SnapshotsForgotten
        | Bug::HoleAccepted
        | Bug::SalvageUnsynced
        | Bug::SalvageBreaksOff
        | Bug::RepetitionRecorded => Check::Crash,
        Bug::SyncRetried
        | Bug::ShortWriteAccepted
        | Bug::ShortWriteContinued
        | Bug::InterruptionFatal
        | Bug::CacheBelieved => Check::Faults,
        Bug::WritingOn => Check::Appender,
        Bug::WriteSplit | Bug::CreationUnsynced | Bug::CutUnsynced => Check::Order,
        Bug::OwnershipUnchecked | Bug::LockDropped | Bug::IdentityForgotten => Check::Foreign,
        Bug::CutEarly
        | Bug::TickUnchecked
        | Bug::NulsTakenForEnd
        | Bug::IdUnchecked
        | Bug::TickRulesDropped
        | Bug::TimeOrderDropped
        | Bug::RootUnchecked
        | Bug::PositionsUnchecked
        | Bug::SnapshotAheadAccepted => Check::Damage,
        Bug::SalvageResumed => Check::Salvage,
        Bug::PositionLeftOpen | Bug::HoldTimeIgnored => Check::Vectors,
    }
}

/// One test, since a bug is planted in the whole process.
#[test]
fn every_bug_is_caught() {
    // A fixed seed: the table is the same on every machine. TEST_SEED takes another.
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    println!("TEST_SEED={seed}");
    for check in Check::ALL {
        let (failure, cases) = check.run(seed);
        assert_eq!(failure, None, "{check:?} fails without a bug, after {cases} cases");
    }
    std::panic::set_hook(Box::new(note_place));
    // Another seed comes upon a bug elsewhere.
    let is_published_seed = seed == SEED;
    let (mut uncaught, mut unpublished) = (Vec::new(), Vec::new());
    let published = std::fs::read_to_string(TABLE).unwrap();
    println!("| bug | caught by | after |\n|---|---|---|");
    for bug in Bug::ALL {
        plant(Some(bug));
        let check = catcher(bug);
        let (failure, cases) = check.run(seed);
        plant(None);
        let (name, unit) = check.name();
        let row = format!("| {} | {name} | {unit} {cases} |", bug.name());
        if is_published_seed && !published.contains(&row) {
            unpublished.push(row.clone());
        }
        match failure {
            Some(message) if is_of_check(&message) => {
                println!("{row}");
                if std::env::var_os("PLANTED_MESSAGES").is_some() {
                    println!("  {}", message.chars().take(600).collect::<String>());
                }
            }
            Some(message) => {
                let place = panicked_at();
                uncaught.push(format!(
                    "{} ({name}, {cases}): no check failed, but {place}: {message}",
                    bug.name()
                ));
            }
            None => uncaught.push(format!("{} ({name}, {cases})", bug.name())),
        }
    }
    let _ = std::panic::take_hook();
    assert_eq!(uncaught, Vec::<String>::new(), "not caught");
    assert_eq!(unpublished, Vec::<String>::new(), "not in {TABLE}: put the table above there");
}
