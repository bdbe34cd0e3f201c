//! The checks that catch bugs, as the other tests run them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::support::crash::Explorer;
use super::support::{appender, corruption, faults, foreign, init, order, salvage, vectors};

/// A way to look for bugs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Crash,
    Faults,
    Appender,
    Order,
    Foreign,
    Corruption,
    Salvage,
    Vectors,
    Init,
}

/// Enough for every scenario of the normal run, which goes on to 100,000.
const IMAGES: u64 = 30_000;

impl Check {
    pub(crate) const ALL: [Self; 9] = [
        Self::Crash,
        Self::Faults,
        Self::Appender,
        Self::Order,
        Self::Foreign,
        Self::Corruption,
        Self::Salvage,
        Self::Vectors,
        Self::Init,
    ];

    /// Its name, and what it counts.
    pub(crate) const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Crash => ("crash", "image"),
            Self::Faults => ("faults", "fault"),
            Self::Appender => ("appender", "fault"),
            Self::Order => ("order", "run"),
            Self::Foreign => ("foreign", "change"),
            Self::Corruption => ("corruption", "store"),
            Self::Salvage => ("salvage", "image"),
            Self::Vectors => ("vectors", "run"),
            Self::Init => ("init", "tree"),
        }
    }

    /// Runs the check to its end, or to the first case in which something is wrong.
    pub(crate) fn run(self, seed: u64) -> Outcome {
        std::panic::set_hook(Box::new(|panic| {
            *PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner) =
                panic.location().map_or_else(String::new, ToString::to_string);
        }));
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
            Self::Corruption => corruption::run(seed, &mut cases),
            Self::Salvage => salvage::run(seed, &mut cases),
            Self::Vectors => vectors::run(&mut cases),
            Self::Init => init::run(seed, &mut cases),
        }));
        cases += explorer.images;
        let _ = std::panic::take_hook();
        let Err(panic) = ended else { return Outcome::Passed { cases } };
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let message = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned();
        let place = PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Not a panic of the program, and not a step that a check could not take.
        if place.contains("/support/") && !message.starts_with("called `") {
            Outcome::Caught { cases, message }
        } else {
            Outcome::Panicked { cases, message: format!("{place}: {message}") }
        }
    }
}

/// The place of the last panic.
static PANICKED_AT: Mutex<String> = Mutex::new(String::new());

/// The result of a check.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "shown with a failure")]
pub(crate) enum Outcome {
    /// All is well, in so many cases.
    Passed { cases: u64 },
    /// A check failed in this case.
    Caught { cases: u64, message: String },
    /// Something else failed in this case.
    Panicked { cases: u64, message: String },
    /// The process ended without an outcome.
    Aborted,
}

const MARK: &str = "outcome of this trial";

impl Outcome {
    /// The line that tells another process of it.
    pub(crate) fn line(&self) -> String {
        let (kind, cases, message) = match self {
            Self::Passed { cases } => ("passed", *cases, ""),
            Self::Caught { cases, message } => ("caught", *cases, message.as_str()),
            Self::Panicked { cases, message } => ("panicked", *cases, message.as_str()),
            Self::Aborted => ("aborted", 0, ""),
        };
        let message: String = message.chars().take(600).collect();
        format!("\n{MARK}\t{kind}\t{cases}\t{}", message.replace(['\n', '\t'], " "))
    }

    /// The outcome that a line tells of.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix(MARK)?.strip_prefix('\t')?.splitn(3, '\t');
        let (kind, cases, message) =
            (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.to_owned());
        Some(match kind {
            "passed" => Self::Passed { cases },
            "caught" => Self::Caught { cases, message },
            "panicked" => Self::Panicked { cases, message },
            _ => Self::Aborted,
        })
    }
}
