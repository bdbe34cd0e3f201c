//! The sandbox: before its work begins, a process gives up for good, by Landlock, every right that it does not need.
//!
//! A writer keeps the right to read in the two directories and to write to the two files whose locks it holds. The
//! runtime keeps the right to read in the two directories. Every other right over files that the kernel knows is given
//! up, and with it TCP, abstract sockets and signals to other processes. Descriptors that are open before keep their
//! rights: a writer's are its standard streams, its input, its directories, and its locks, which are for reading.
//!
//! The kernel's word is not enough: [`trial`] attempts every forbidden operation, and the [`Outcome`] lists by name
//! which promises the kernel enforces and which it does not.

pub mod trial;

use std::fmt;
use std::fs;
use std::time::Duration;

use dreichor_core::value::Spelled;
use dreichor_log::Directory;
use dreichor_replay::{Error, Stores};
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::config::Sandbox;
use crate::writing::Locks;
use strum::{Display, IntoStaticStr, VariantArray};
use trial::{Trials, Verdict};

/// The version of Landlock that knows every right that is given up here. Later versions know more rights, which are not
/// used before they can be tested.
const COMPLETE: ABI = ABI::V6;

/// The task of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `ingest`, `snapshot`: appends to both stores.
    Writer,
    /// `run`: only reads.
    Reader,
}

/// A promise that the kernel is asked to enforce. Its spelling is its name in logs and in the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Promise {
    /// No file and no directory outside the two directories of the stores can be opened.
    NoFileOutside,
    /// For a writer: only the two files whose locks it holds can be opened for writing.
    NoOtherWrite,
    /// For a reader: no file can be opened for writing.
    NoWrite,
    /// No file can be created.
    NoCreate,
    /// No file can be removed.
    NoRemove,
    /// No file can be renamed.
    NoRename,
    /// No file can be truncated.
    NoTruncate,
    /// No TCP connection can be opened, and no port can be listened on.
    NoTcp,
    /// No abstract socket of another process can be reached.
    NoAbstractSocket,
    /// No other process can be signalled.
    NoSignal,
}

impl Spelled for Promise {}

impl Promise {
    /// The first versions of Landlock and of Linux that can enforce it.
    const fn since(self) -> (ABI, &'static str) {
        match self {
            Self::NoFileOutside
            | Self::NoOtherWrite
            | Self::NoWrite
            | Self::NoCreate
            | Self::NoRemove
            | Self::NoRename => (ABI::V1, "5.13"),
            Self::NoTruncate => (ABI::V3, "6.2"),
            Self::NoTcp => (ABI::V4, "6.7"),
            Self::NoAbstractSocket | Self::NoSignal => (ABI::V6, "6.12"),
        }
    }
}

impl Role {
    /// The promises that are asked for in this role.
    pub const fn promises(self) -> [Promise; 9] {
        use Promise::{
            NoAbstractSocket, NoCreate, NoFileOutside, NoOtherWrite, NoRemove, NoRename, NoSignal, NoTcp,
            NoTruncate, NoWrite,
        };
        let write = match self {
            Self::Writer => NoOtherWrite,
            Self::Reader => NoWrite,
        };
        [NoFileOutside, write, NoCreate, NoRemove, NoRename, NoTruncate, NoTcp, NoAbstractSocket, NoSignal]
    }
}

/// The result of confining a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The configured mode.
    pub mode: Sandbox,
    /// The kernel's version of Landlock; none: the kernel has no Landlock, or the sandbox is off.
    pub abi: Option<u32>,
    /// The promises that the kernel enforces.
    pub enforced: Vec<Promise>,
    /// The promises that it does not enforce.
    pub not_enforced: Vec<Gap>,
}

/// A promise that the kernel does not enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The promise.
    pub promise: Promise,
    /// Why it is not enforced.
    pub reason: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.promise, self.reason)
    }
}

/// Confines this process until it ends, attempts every forbidden operation, and logs the outcome. A process with `locks` is
/// a writer, one without is a reader. The caller opens files for appending after this call, and has only one thread.
///
/// # Errors
///
/// [`Error::Unavailable`] if every promise is required and one is not enforced, or if the kernel refuses an operation
/// that the role needs.
pub fn confine(
    mode: Sandbox,
    stores: &Stores<Directory>,
    locks: Option<&Locks<Directory>>,
) -> Result<Outcome, Error> {
    let role = if locks.is_some() { Role::Writer } else { Role::Reader };
    let outcome = match mode {
        Sandbox::Off => Outcome::of_none(mode, None, role, "--sandbox off"),
        Sandbox::Auto | Sandbox::Require => {
            let threads = threads();
            let trials = Trials::prepare(role, stores);
            let restricted = restrict(stores, locks.map_or(&[], |locks| locks.as_slice()));
            let outcome = Outcome::new(mode, role, threads, restricted, &trials);
            trials.check_needed()?;
            outcome
        }
    };
    if mode == Sandbox::Require && !outcome.not_enforced.is_empty() {
        return Err(outcome.refusal());
    }
    outcome.log();
    Ok(outcome)
}

/// Gives up every right but the needed ones. The rules are made from open descriptors, so they hold for the
/// directories and files that were checked.
fn restrict(
    stores: &Stores<Directory>,
    locks: &[dreichor_log::Lock<fs::File>],
) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(COMPLETE))?
        .handle_access(AccessNet::from_all(COMPLETE))?
        .scope(Scope::from_all(COMPLETE))?
        .create()?;
    for mount in [stores.events.medium(), stores.snapshots.medium()] {
        ruleset = ruleset.add_rule(PathBeneath::new(mount, AccessFs::ReadFile | AccessFs::ReadDir))?;
    }
    for lock in locks {
        ruleset = ruleset.add_rule(PathBeneath::new(lock, AccessFs::WriteFile))?;
    }
    ruleset.restrict_self()
}

/// Counts the threads of this process; none if the system does not say.
///
/// The system may list a joined thread for a moment longer: it wakes the waiting thread before it removes the entry. So
/// the count is repeated while it is above one, up to a bound.
fn threads() -> Option<usize> {
    let count = || fs::read_dir("/proc/self/task").ok().map(Iterator::count);
    for _ in 0..LOOKS_MAX {
        match count() {
            Some(threads) if threads > 1 => std::thread::sleep(LOOK_PAUSE),
            found => return found,
        }
    }
    count()
}

/// The number of repeated counts and the pause before each: together a tenth of a second.
const LOOKS_MAX: u32 = 100;
const LOOK_PAUSE: Duration = Duration::from_millis(1);

impl Outcome {
    fn of_none(mode: Sandbox, abi: Option<u32>, role: Role, reason: &str) -> Self {
        let gap = |promise| Gap { promise, reason: reason.to_owned() };
        let not_enforced = role.promises().into_iter().map(gap).collect();
        Self { mode, abi, enforced: Vec::new(), not_enforced }
    }

    fn new(
        mode: Sandbox,
        role: Role,
        threads: Option<usize>,
        restricted: Result<RestrictionStatus, RulesetError>,
        trials: &Trials<'_>,
    ) -> Self {
        let none = |abi, reason: &str| Self::of_none(mode, abi, role, reason);
        let status = match restricted {
            Ok(status) => status,
            Err(error) => return none(None, &format!("the kernel refuses to confine: {error}")),
        };
        let (known, kernel) = match status.landlock {
            LandlockStatus::Available { effective_abi, kernel_abi } => (effective_abi, kernel_abi),
            LandlockStatus::NotEnabled => return none(None, "the kernel started without Landlock"),
            LandlockStatus::NotImplemented => {
                return none(None, "the kernel has no Landlock, or a filter of system calls hides it");
            }
        };
        let abi = kernel.and_then(|abi| u32::try_from(abi).ok()).or_else(|| known.to_string().parse().ok());
        if let Some(threads) = threads.filter(|&threads| threads > 1) {
            return none(abi, &format!("it binds one of {threads} threads only"));
        }
        let is_full = status.ruleset == RulesetStatus::FullyEnforced;
        if !status.no_new_privs || (known >= COMPLETE && !is_full) {
            return none(abi, "the kernel enforces less than its version promises");
        }
        let mut outcome = Self { mode, abi, enforced: Vec::new(), not_enforced: Vec::new() };
        for promise in role.promises() {
            match gap(promise, known, trials) {
                None => outcome.enforced.push(promise),
                Some(reason) => outcome.not_enforced.push(Gap { promise, reason }),
            }
        }
        outcome
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.enforced.iter().map(|promise| promise.as_str()).collect();
        names.join(", ")
    }

    fn gaps(&self) -> String {
        let gaps: Vec<String> = self.not_enforced.iter().map(Gap::to_string).collect();
        gaps.join(", ")
    }

    /// Logs in one line which promises the kernel enforces and which it does not.
    fn log(&self) {
        let (mode, abi) = (self.mode.as_str(), self.abi);
        if self.mode == Sandbox::Off {
            tracing::debug!(step = 6, mode, "sandbox: off, as configured; the kernel enforces no promise");
        } else if self.not_enforced.is_empty() {
            let enforced = self.names();
            tracing::debug!(step = 6, mode, abi, enforced, "sandbox: the kernel enforces every promise");
        } else {
            let (enforced, not_enforced) = (self.names(), self.gaps());
            tracing::warn!(
                step = 6,
                mode,
                abi,
                enforced,
                notEnforced = not_enforced,
                "sandbox: NOT EVERY PROMISE IS ENFORCED BY THE KERNEL; only this program keeps the others"
            );
        }
    }

    fn refusal(&self) -> Error {
        Error::unavailable(
            "--sandbox require",
            format!("the kernel does not enforce {}; no input was read, nothing was recorded", self.gaps()),
            "start it on Linux 6.12 or later with Landlock enabled, or accept what this kernel enforces by `--sandbox auto`",
        )
    }
}

/// Returns why the kernel does not enforce a promise; none if it does.
fn gap(promise: Promise, known: ABI, trials: &Trials<'_>) -> Option<String> {
    let (abi, linux) = promise.since();
    if known < abi {
        return Some(format!("needs Landlock ABI {abi}, Linux {linux}"));
    }
    match trials.attempt(promise) {
        Verdict::Refused => None,
        Verdict::Untried(why) => {
            // The kernel's word must do: it refuses a rule set with rights that it does not know.
            tracing::debug!(step = 6, %promise, why, "sandbox: this could not be tried");
            None
        }
        Verdict::NotRefused(act) => Some(format!("tried, and the kernel did not refuse it: {act}")),
    }
}
