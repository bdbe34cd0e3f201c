//! Each bug of `planted.txt` is planted in turn, and the check that it names must catch it: the same check that the
//! other tests run on the program as it is.
//!
//! A bug is a lie of the simulated disk, or a change to a copy of the source tree. All changes are compiled in one
//! build of the copy, which has what production has not: a switch for each, by an environment variable. Each bug is
//! then tried in a process of its own.
//!
//! ```sh
//! cargo test --workspace --test planted -- --ignored --nocapture
//! ```
//!
//! The table in `docs/RELIABILITY.md` must say the same. `PLANTED_TABLE=write` writes it; `PLANTED_BUG=NAME` tries one
//! bug alone and prints how it was caught.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bugs;
mod checks;
mod source_copy;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use bugs::{Bug, Means};
use checks::{Check, Outcome};

/// TEST_SEED takes another, which finds a bug elsewhere.
const SEED: u64 = 1;

/// The table does not say after how many cases a bug is found: that changes with each system call of the program.
const TABLE_HEAD: &str = "| bug | caught by |\n|---|---|\n";

/// The task of one process of the copy.
#[derive(Debug, Clone, Copy)]
enum Trial<'b> {
    /// A check on the program as it is.
    Sound(Check),
    Planted(&'b Bug),
}

#[test]
#[ignore = "builds a copy of the source tree, which takes minutes: a step of its own in .ci/run"]
fn every_bug_is_caught() {
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let bugs = bugs::read();
    if let Ok(name) = std::env::var("PLANTED_TRIAL") {
        println!("{}", run_trial(trial(&bugs, &name), seed.unwrap_or(SEED)).line());
        return;
    }
    let only = std::env::var("PLANTED_BUG").ok();
    let chosen = |bug: &&Bug| only.as_ref().is_none_or(|only| bug.name == *only);
    let program = source_copy::build(&bugs);
    let mut trials = Vec::new();
    if only.is_none() {
        trials.extend(Check::ALL.map(Trial::Sound));
    }
    trials.extend(bugs.iter().filter(chosen).map(Trial::Planted));
    assert!(!trials.is_empty(), "no bug has this name: {only:?}");
    let outcomes = run_all(&program, &trials);

    let (mut table, mut failures) = (TABLE_HEAD.to_owned(), Vec::new());
    for (trial, outcome) in trials.iter().zip(outcomes) {
        match (trial, outcome) {
            (Trial::Sound(_), Outcome::Passed { .. }) => {}
            (Trial::Sound(check), outcome) => {
                failures.push(format!("{check:?} fails without a bug: {outcome:?}"));
            }
            (Trial::Planted(bug), Outcome::Caught { cases, message }) => {
                let (check, unit) = bug.check.name();
                println!("{}: {check}, {unit} {cases}", bug.name);
                if only.is_some() {
                    println!("{message}");
                }
                writeln!(table, "| {} | {check} |", bug.name).unwrap();
            }
            (Trial::Planted(bug), Outcome::Panicked { cases, message })
                if bug.asserts.as_ref().is_some_and(|asserted| message.contains(asserted)) =>
            {
                let (check, unit) = bug.check.name();
                println!("{}: {check}, {unit} {cases}: {message}", bug.name);
                writeln!(table, "| {} | {check}, by an assertion of the program |", bug.name).unwrap();
            }
            (Trial::Planted(bug), outcome) => failures.push(format!("{}: {outcome:?}", bug.name)),
        }
    }
    assert_eq!(failures, Vec::<String>::new(), "not caught");
    if only.is_none() {
        publish(&table);
    }
}

fn trial<'b>(bugs: &'b [Bug], name: &str) -> Trial<'b> {
    let bug = bugs.iter().find(|bug| bug.name == name).map(Trial::Planted);
    let check = || Check::ALL.into_iter().find(|check| check.name().0 == name).map(Trial::Sound);
    bug.or_else(check).unwrap()
}

impl Trial<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Sound(check) => check.name().0,
            Self::Planted(bug) => &bug.name,
        }
    }
}

/// In a process of the copy: a change asks for its bug by itself.
fn run_trial(trial: Trial<'_>, seed: u64) -> Outcome {
    match trial {
        Trial::Sound(check) => check.run(seed),
        Trial::Planted(bug) => {
            if let Means::Lie(lie) = bug.means {
                support::lie(Some(lie));
            }
            bug.check.run(seed)
        }
    }
}

/// Runs each trial in a process of its own, as many at once as there are processors.
fn run_all(program: &Path, trials: &[Trial<'_>]) -> Vec<Outcome> {
    let next = Mutex::new(trials.iter().enumerate());
    let outcomes = Mutex::new(vec![None; trials.len()]);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    let Some((index, trial)) = next.lock().unwrap().next() else { return };
                    let outcome = run_process(program, trial);
                    outcomes.lock().unwrap()[index] = Some(outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap().into_iter().map(Option::unwrap).collect()
}

fn run_process(program: &Path, trial: &Trial<'_>) -> Outcome {
    let ended = Command::new(program)
        .args(["--ignored", "--nocapture"])
        .env("PLANTED_TRIAL", trial.name())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&ended.stdout);
    stdout.lines().find_map(Outcome::of_line).unwrap_or(Outcome::Aborted)
}

/// Holds the table against the published one, or publishes it.
fn publish(table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RELIABILITY.md");
    let document = std::fs::read_to_string(path).unwrap();
    let start = document.find(TABLE_HEAD).unwrap();
    let end = start + document[start..].find("\n\n").map_or(document.len() - start, |at| at + 1);
    if std::env::var("PLANTED_TABLE").is_ok_and(|wish| wish == "write") {
        std::fs::write(path, [&document[..start], table, &document[end..]].concat()).unwrap();
    } else {
        let is_published = document[start..end] == *table;
        assert!(is_published, "the table in {path} is another: PLANTED_TABLE=write writes this one");
    }
}
