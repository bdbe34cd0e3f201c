//! `publish` and `clone`, killed at a system call that changes something, or given an error by it, through a tracer. What
//! readers find is a whole and sound tree or a whole prefix of the log, and run again the command goes on to the end.
//!
//! `KILL_CALLS` and `ERROR_CALLS` say at how many places of each call (default 6 and 3, spread over all there are; 0: at
//! every one).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::published::{PUBLISH, bench, clone, log_of, tool, verified};
use support::tracer::{count_calls, number, spread, traced};
use support::{Bench, Outcome, clean, lines, run, tick};

/// (`?`: not every architecture has it.)
const CALLS: &str = "write,fdatasync,fsync,ftruncate,?open,openat,?mkdir,mkdirat,?link,linkat,?unlink,unlinkat,?rename,\
                     ?renameat,renameat2,?rmdir,?chmod,fchmodat";

/// (EROFS of the sync of a directory above says that it holds nothing of ours, so it is no error.)
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EDQUOT"];

/// What is traced.
#[derive(Debug, Clone, Copy)]
enum Job {
    FirstPublish,
    NextPublish,
    FirstClone,
    NextClone,
}

impl Job {
    const ALL: [Self; 4] = [Self::FirstPublish, Self::NextPublish, Self::FirstClone, Self::NextClone];

    fn is_publish(self) -> bool {
        matches!(self, Self::FirstPublish | Self::NextPublish)
    }

    /// What it writes to, in the bench.
    fn target(self) -> &'static str {
        if self.is_publish() { "tree" } else { "copy" }
    }
}

/// A job that is done again and again, each time from the same start.
struct Tries {
    job: Job,
    bench: Bench,
    /// The number of events before and after the job.
    sizes: [u64; 2],
    /// The files of the whole tree.
    whole: BTreeMap<PathBuf, Vec<u8>>,
}

impl Tries {
    fn of(job: Job) -> Self {
        let bench = bench();
        let publish = || drop(bench.run(&PUBLISH).expect(0));
        let clone = || drop(tool(&bench, &clone("{dir}/tree", "{dir}/copy")).expect(0));
        let ticks: String = (0..60).map(|at| tick(1, 10_000 + at)).collect();
        let size_before = lines(&bench.stores()[0]).len() as u64;
        match job {
            Job::FirstPublish | Job::FirstClone => {}
            Job::NextPublish => publish(),
            Job::NextClone => {
                publish();
                clone();
            }
        }
        bench.ingest(ticks.as_bytes()).expect(0);
        let target = bench.path(job.target());
        if job.is_publish() {
            keep(&target);
        }
        publish();
        let whole = files(&bench.path("tree"));
        if !job.is_publish() {
            keep(&target);
        }
        let size = lines(&bench.stores()[0]).len() as u64;
        // So a tile becomes full, and its partial one is removed.
        assert!(size_before < 256 && size > 256, "{size_before} {size}");
        let before = if target.with_extension("start").exists() { size_before } else { 0 };
        Self { job, bench, sizes: [before, size], whole }
    }

    /// Does the job, traced, from the start.
    fn run(&self, tracing: &[String]) -> (Outcome, String) {
        let target = self.bench.path(self.job.target());
        let _ = fs::remove_dir_all(&target);
        let start = target.with_extension("start");
        if start.exists() {
            copy(&start, &target);
        }
        let trace = self.bench.path("trace");
        let outcome = run(&mut self.command(traced(&trace, tracing)), b"");
        (outcome, fs::read_to_string(trace).unwrap())
    }

    fn command(&self, mut command: Command) -> Command {
        command.args(["--log-level", "error"]);
        let arguments = if self.job.is_publish() {
            command.arg("--data-dir").arg(self.bench.path("data"));
            PUBLISH.to_vec()
        } else {
            clone("{dir}/tree", "{dir}/copy").to_vec()
        };
        command.args(arguments.iter().map(|argument| self.bench.fill_in(argument)));
        command
    }

    /// Checks what the job left, does it again, and checks the end.
    fn check(&self, story: &str) {
        let [before, after] = self.sizes;
        let again = |arguments: &[&str]| {
            let outcome = tool(&self.bench, arguments);
            assert_eq!(outcome.code, Some(0), "{story}, then again: {}", outcome.stderr);
        };
        if self.job.is_publish() {
            let is_published = self.bench.path("tree/checkpoint").exists();
            assert!(is_published || before == 0, "{story}: the checkpoint is gone");
            if is_published {
                let size = verified(&self.bench, "{dir}/tree");
                assert!(self.sizes.contains(&size), "{story}: a tree of {size} events");
            }
            again(&PUBLISH);
            assert_eq!(verified(&self.bench, "{dir}/tree"), after, "{story}");
            let tree = self.bench.path("tree");
            let mode = |path: &str| fs::metadata(tree.join(path)).unwrap().mode();
            assert_eq!(mode(""), mode("tile"), "{story}, then again: not as public as what it holds");
            let found = files(&tree);
            for (path, bytes) in &self.whole {
                assert!(found.get(path) == Some(bytes), "{story}, then again: {}", path.display());
            }
            return;
        }
        let copy = self.bench.path("copy");
        let [log, _] = self.bench.stores();
        if copy.join("audit-events/audit_events.ndjson").exists() {
            let held = log_of(&copy);
            assert!(log.starts_with(&held), "{story}: no prefix");
            assert!(lines(&held).len() as u64 >= before, "{story}: less than before");
            self.check_readable(&copy, story);
        }
        again(&clone("{dir}/tree", "{dir}/copy"));
        assert!(log_of(&copy) == log, "{story}, then again: another log");
        self.check_readable(&copy, story);
    }

    /// A reader of the copy finds it sound, and as long as the checkpoint beside it says.
    fn check_readable(&self, copy: &Path, story: &str) {
        let mut command = clean(support::DREICHOR);
        command.arg("--data-dir").arg(copy).arg("verify");
        let checkpoint = copy.join("checkpoint");
        if checkpoint.exists() {
            command.arg("--checkpoint").arg(checkpoint);
            command.arg("--public-key").arg(self.bench.path("key.pub"));
        }
        // Killed before it made the second directory, it has left none to read.
        if copy.join("snapshots").exists() {
            let outcome = run(&mut command, b"");
            assert_eq!(outcome.code, Some(0), "{story}: {}{}", outcome.text(), outcome.stderr);
        }
    }

    /// Everything in the directory that it writes to, before, while and after it does.
    fn paths(&self) -> Vec<String> {
        let target = self.bench.path(self.job.target());
        let mut paths = vec![target.clone()];
        for below in [".publish", ".publish/new", "checkpoint", "checkpoint.new", "audit-events", "snapshots"]
        {
            paths.push(target.join(below));
        }
        paths.push(target.join("audit-events/audit_events.ndjson"));
        let start = target.with_extension("start");
        let before = if self.job.is_publish() && start.exists() { files(&start) } else { BTreeMap::new() };
        let before = before.keys().map(|path| target.join(path.strip_prefix(&start).unwrap()));
        for path in before.chain(self.whole.keys().cloned()) {
            paths.extend(path.ancestors().filter(|path| path.starts_with(&target)).map(Path::to_owned));
        }
        paths.sort();
        paths.dedup();
        paths.iter().flat_map(|path| ["-P".to_owned(), path.display().to_string()]).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to), b"").expect(0);
}

/// Keeps what is there as the start of each try.
fn keep(target: &Path) {
    if target.exists() {
        copy(target, &target.with_extension("start"));
    }
}

/// The files of a published tree that readers know.
fn files(tree: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![tree.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".publish") {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
#[ignore = "needs strace"]
fn killed_at_a_call_it_goes_on_the_next_time() {
    let places = number("KILL_CALLS", 6);
    for job in Job::ALL {
        let tries = Tries::of(job);
        let (outcome, trace) = tries.run(&["-e".into(), format!("trace={CALLS}")]);
        outcome.expect(0);
        let counts = count_calls(&trace);
        println!("{job:?}: {counts:?}");
        for (name, count) in counts {
            for nth in spread(count, places) {
                let inject = format!("inject={name}:signal=KILL:when={nth}");
                let (outcome, _) = tries.run(&["-e".into(), format!("trace={name}"), "-e".into(), inject]);
                let story = format!("{job:?}, killed at {name} {nth} of {count}");
                assert!(outcome.code.is_none(), "{story}: it was not killed");
                tries.check(&story);
            }
        }
    }
}

#[test]
#[ignore = "needs strace"]
fn with_an_error_of_a_call_it_says_so_and_goes_on_the_next_time() {
    let places = number("ERROR_CALLS", 3);
    let mut turn = 0;
    for job in Job::ALL {
        let tries = Tries::of(job);
        let mut tracing = vec!["-e".into(), format!("trace={CALLS}")];
        tracing.extend(tries.paths());
        let (outcome, trace) = tries.run(&tracing);
        outcome.expect(0);
        let counts = count_calls(&trace);
        println!("{job:?}: {counts:?}");
        for (name, count) in counts {
            for nth in spread(count, places) {
                // A failing disk goes on failing, a full one is made room on.
                for lasts in ["", "+"] {
                    let error = ERRORS[turn % ERRORS.len()];
                    turn += 1;
                    let inject = format!("inject={name}:error={error}:when={nth}{lasts}");
                    let (outcome, trace) = tries.run(&[&tracing[..], &["-e".into(), inject]].concat());
                    let story = format!(
                        "{job:?}, {error} at {name} {nth}{lasts} of {count}\n{trace}{}",
                        outcome.stderr
                    );
                    assert!(trace.contains("(INJECTED)"), "{story}: not injected");
                    assert!(matches!(outcome.code, Some(10 | 13)), "{story}: ended with {:?}", outcome.code);
                    assert!(outcome.stderr.contains("next: "), "{story}: it does not say what to do");
                    tries.check(&story);
                }
            }
        }
    }
}
