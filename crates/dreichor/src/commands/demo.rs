//! `demo`: one command from nothing to a result that a newcomer understands.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dreichor_audit::verify::{Report, verify};
use dreichor_core::id::DecisionId;
use dreichor_log::{Directory, directory};
use dreichor_proof::Checkpoint;
use dreichor_replay::{
    Directories, Durable, Error, Receipt, Replay, Stores,
    store::{EVENTS_FILE, SNAPSHOTS_FILE},
};
use dreichor_rotation::{rotate, sample};
use dreichor_runtime::config::{ConfigError, ObserverAddr, Setting};
use dreichor_runtime::{Config, ExitCode};

use super::run::until_stopped;
use super::story::Storyteller;
use crate::output::{Failure, print_line, write_json};

pub(super) fn run(dir: Option<PathBuf>, steps: u32, serve: bool) -> Result<ExitCode, Failure> {
    let demo = Demo::create(dir)?;
    let ticks = demo.make_ticks(steps)?;
    demo.ingest_whole()?;
    demo.ingest_with_kill(ticks)?;
    demo.compare()?;
    let example = demo.tell()?;
    demo.verify()?;
    demo.suggest(example, serve)?;
    if serve { demo.serve() } else { Ok(ExitCode::Done) }
}

/// The demo's directory.
struct Demo {
    dir: PathBuf,
}

/// One of the two runs: a directory with both mounts.
const WHOLE: &str = "uninterrupted";
const KILLED: &str = "killed";

/// The file of the checkpoint, and the name of the log in it.
const CHECKPOINT: &str = "checkpoint.txt";
const ORIGIN: &str = "dreichor.example/demo";

impl Demo {
    /// Creates a new directory: an existing one is never written to.
    fn create(dir: Option<PathBuf>) -> Result<Self, Failure> {
        let dir = match dir {
            Some(dir) => dir,
            None => free_name()?,
        };
        if dir.exists() {
            let problem = "it exists already, and the demo writes only to a new directory";
            return Err(Error::unavailable(dir, problem, "name another by --dir, or leave --dir out").into());
        }
        for run in [WHOLE, KILLED] {
            for mount in ["audit-events", "snapshots"] {
                directory::create(&dir.join(run).join(mount)).map_err(|error| cannot(&dir, &error))?;
            }
        }
        Ok(Self { dir })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Generated candles, the strategy's ticks of them; how many ticks.
    fn make_ticks(&self, steps: u32) -> Result<usize, Failure> {
        let candles = self.path("candles");
        fs::create_dir(&candles).map_err(|error| cannot(&candles, &error))?;
        for (name, text) in sample::files(steps) {
            let path = candles.join(&name);
            fs::write(&path, &text).map_err(|error| cannot(&path, &error))?;
        }
        let markets = sample::markets(steps);
        let count = markets.len();
        let mut lines = Vec::new();
        let mut ticks = 0;
        for tick in rotate(&markets) {
            write_json(&mut lines, &tick).map_err(bug)?;
            ticks += 1;
        }
        let path = self.path("ticks.ndjson");
        fs::write(&path, &lines).map_err(|error| cannot(&path, &error))?;
        print_line(&format!(
            "1. Markets and a strategy\n   {steps} candles of {count} made-up markets: {}\n   The example strategy (attention rotation, three instances) decided at each of them: {ticks} ticks in {}",
            candles.display(),
            path.display()
        ))?;
        Ok(ticks)
    }

    fn ingest(&self, run: &str) -> Result<Command, Failure> {
        let program = std::env::current_exe().map_err(|error| bug(error.to_string()))?;
        let mut command = Command::new(program);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DREICHOR_"))
        {
            command.env_remove(name);
        }
        let log = self.path(&format!("{run}.log"));
        let log =
            File::options().create(true).append(true).open(&log).map_err(|error| cannot(&log, &error))?;
        command.arg("--data-dir").arg(self.path(run)).arg("ingest").stdout(Stdio::piped()).stderr(log);
        Ok(command)
    }

    /// All ticks from the file, in one go.
    fn ingest_whole(&self) -> Result<(), Failure> {
        let acknowledged = Ingest::start(self.ingest(WHOLE)?.arg(self.path("ticks.ndjson")))?.finish()?;
        print_line(&format!(
            "\n2. An uninterrupted run\n   `dreichor ingest` recorded and acknowledged {} ticks in {}",
            acknowledged.len(),
            self.path(WHOLE).display()
        ))
    }

    /// Half of the ticks over a pipe, each acknowledged before the next; some more without waiting, and
    /// kill -9; then all of them again, from the first.
    fn ingest_with_kill(&self, ticks: usize) -> Result<(), Failure> {
        let mut ingest = Ingest::start(self.ingest(KILLED)?.stdin(Stdio::piped()))?;
        for (number, tick) in BufReader::new(self.open_ticks()?).split(b'\n').enumerate() {
            let mut tick = tick?;
            tick.push(b'\n');
            ingest.send(&tick)?;
            match number {
                number if number < ticks / 2 => ingest.read(number + 1)?,
                number if number < ticks / 2 + SENT_BEFORE_KILL => {}
                _ => break,
            }
        }
        let before = ingest.kill()?;
        let again = Ingest::start(self.ingest(KILLED)?.stdin(self.open_ticks()?))?.finish()?;
        let known = again.iter().filter(|line| line.contains("\"ALREADY_RECORDED\"")).count();
        print_line(&format!(
            "\n3. The same, killed without warning\n   kill -9 after {before} acknowledgements; then started again, and all {ticks} ticks sent again from the first\n   {known} were known already (ALREADY_RECORDED), {} were recorded now; no acknowledged tick was lost",
            again.len() - known
        ))?;
        if known < before {
            return Err(bug(format!(
                "{before} ticks were acknowledged, but only {known} of them were recorded"
            )));
        }
        Ok(())
    }

    fn open_ticks(&self) -> Result<File, Failure> {
        let path = self.path("ticks.ndjson");
        File::open(&path).map_err(|error| cannot(&path, &error))
    }

    /// Both runs must have left the same bytes.
    fn compare(&self) -> Result<(), Failure> {
        let mut sizes = Vec::new();
        for (mount, name) in [("audit-events", EVENTS_FILE), ("snapshots", SNAPSHOTS_FILE)] {
            let [whole, killed] = [WHOLE, KILLED].map(|run| self.path(run).join(mount).join(name));
            let [left, right] =
                [&whole, &killed].map(|path| fs::read(path).map_err(|error| cannot(path, &error)));
            let (left, right) = (left?, right?);
            if left != right {
                return Err(bug(format!("{} and {} differ", whole.display(), killed.display())));
            }
            sizes.push(format!("{name} ({} bytes)", left.len()));
        }
        print_line(&format!(
            "\n4. The proof\n   byte for byte the same in both runs: {}",
            sizes.join(" and ")
        ))?;
        let [whole, killed] = [self.receipt(WHOLE)?, self.receipt(KILLED)?];
        if whole != killed {
            return Err(bug(format!("the receipts differ: {whole} and {killed}")));
        }
        let digests = whole.digests.ok_or_else(|| bug("a receipt without digests"))?;
        print_line(&format!(
            "   `dreichor replay` folds {} events to the same state in both: memory {}…, ledger {}…, lifecycles {}…",
            whole.events,
            short(&digests.memory.to_string()),
            short(&digests.ledger.to_string()),
            short(&digests.lifecycles.to_string())
        ))
    }

    fn stores(&self, run: &str) -> Result<Stores<Directory>, Failure> {
        Ok(Stores::open(&Directories::within(self.path(run)))?)
    }

    fn receipt(&self, run: &str) -> Result<Receipt, Failure> {
        let mut replayed = Replay::open(&self.stores(run)?)?.finish()?;
        Ok(Receipt::of(&mut replayed).with_digests(&replayed))
    }

    /// A few decisions in plain words; the last of them.
    fn tell(&self) -> Result<DecisionId, Failure> {
        let mut storyteller = Storyteller::default();
        let stores = self.stores(KILLED)?;
        let mut replay = Replay::open(&stores)?;
        while let Some(entry) = replay.next()? {
            storyteller.see(&entry);
        }
        let replayed = replay.finish()?;
        let totals = replayed.history.state().memory().totals();
        print_line(&format!(
            "\n5. The decisions, and why\n   {} decisions, {} filled orders, {} blocked, {} forced sales. One of each kind:",
            totals.decisions, totals.filled, totals.blocked, totals.forced_sells
        ))?;
        let examples = storyteller.examples();
        examples.iter().try_for_each(|example| print_line(&format!("   - {}", example.summary)))?;
        let last = examples.last().ok_or_else(|| bug("no decision was of any kind"))?;
        Ok(last.decision_id)
    }

    /// Verifies the log of the killed run, and writes a checkpoint of it.
    fn verify(&self) -> Result<(), Failure> {
        let stores = self.stores(KILLED)?;
        let Report { events, ticks, snapshots, .. } = verify(&stores, None, &mut (), |finding| {
            Err(bug(format!("`verify` found in line {}: {}", finding.line, finding.fault)))
        })?;
        let durable = Durable::read(&stores, &mut ())?;
        let size = durable.size();
        let root = durable.root(size)?.ok_or_else(|| bug("a log without a root"))?;
        let path = self.path(CHECKPOINT);
        let checkpoint = Checkpoint::new(ORIGIN, size, root).to_string();
        fs::write(&path, checkpoint).map_err(|error| cannot(&path, &error))?;
        print_line(&format!(
            "\n6. What an auditor checks, and keeps\n   `dreichor verify` checked {} events and {} snapshots, and executed all {ticks} ticks again: no finding\n   the checkpoint to keep elsewhere, {size} events with the root {}…: {}",
            events.lines,
            snapshots.lines,
            short(&root.to_string()),
            path.display()
        ))
    }

    fn suggest(&self, example: DecisionId, is_served: bool) -> Result<(), Failure> {
        let program = std::env::args().next().unwrap_or_else(|| "dreichor".into());
        let data = format!("{program} --data-dir {}", self.path(KILLED).display());
        let page = match ObserverAddr::DEFAULT.0 {
            Some(address) if !is_served => format!(
                "\n   {data} run\n   and open http://{address}/ in a browser (`demo --serve` ends with it)"
            ),
            Some(_) | None => String::new(),
        };
        print_line(&format!(
            "\n7. What to try next{page}\n   {data} verify --checkpoint {}\n   {data} whatif --pool cautious@v1\n   {data} explain {example}\n   {data} state ledger\n   {data} events --limit 7\n   {data} events --type EXECUTION_OUTCOME_RECORDED\n   Change one letter in {} with an editor, and verify again.",
            self.path(CHECKPOINT).display(),
            self.path(KILLED).join("audit-events").join(EVENTS_FILE).display()
        ))
    }

    /// Serves the page for the stores of the killed run, until a signal.
    fn serve(&self) -> Result<ExitCode, Failure> {
        // The usual port, unless another program has it.
        let address = ObserverAddr::DEFAULT.0.filter(|address| TcpListener::bind(address).is_ok());
        let address = address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let data_dir = self.path(KILLED).into_os_string();
        let value_of = |setting: &Setting| match setting.flag {
            "data-dir" => Some(data_dir.clone()),
            "observer-addr" => Some(OsString::from(&address)),
            _ => None,
        };
        let config = Config::new(&value_of, [])?;
        until_stopped(&config, |address| match address {
            Some(address) => {
                print_line(&format!("\n8. The page\n   open http://{address}/ in a browser; Ctrl-C ends it"))
            }
            None => Ok(()),
        })
    }
}

/// The number of ticks that are sent and not acknowledged at the kill.
const SENT_BEFORE_KILL: usize = 25;

/// A child process that ingests, and its acknowledgements.
struct Ingest {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    acknowledgements: Vec<String>,
}

impl Ingest {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.spawn().map_err(|error| bug(format!("ingest did not start: {error}")))?;
        let output = child.stdout.take().ok_or_else(|| bug("ingest has no standard output"))?;
        Ok(Self { child, output: BufReader::new(output), acknowledgements: Vec::new() })
    }

    fn send(&mut self, tick: &[u8]) -> Result<(), Failure> {
        let input = self.child.stdin.as_mut().ok_or_else(|| bug("ingest has no standard input"))?;
        input.write_all(tick).map_err(|error| bug(format!("ingest does not read: {error}")))
    }

    /// Reads acknowledgements until there are `count`.
    fn read(&mut self, count: usize) -> Result<(), Failure> {
        let mut line = String::new();
        while self.acknowledgements.len() < count && self.output.read_line(&mut line)? > 0 {
            self.acknowledgements.push(std::mem::take(&mut line));
        }
        Ok(())
    }

    /// Kills the child (SIGKILL: it can't prepare for it); how many ticks it acknowledged.
    fn kill(mut self) -> Result<usize, Failure> {
        self.child.kill()?;
        self.child.wait()?;
        self.read(usize::MAX)?;
        // A last acknowledgement that was cut off by the kill was not given.
        Ok(self.acknowledgements.iter().filter(|line| line.ends_with('\n')).count())
    }

    fn finish(mut self) -> Result<Vec<String>, Failure> {
        self.read(usize::MAX)?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(self.acknowledgements)
        } else {
            Err(bug(format!("ingest ended with {status}")))
        }
    }
}

fn free_name() -> Result<PathBuf, Failure> {
    let names =
        std::iter::once("dreichor-demo".to_owned()).chain((2..10_000).map(|n| format!("dreichor-demo-{n}")));
    let free = names.map(PathBuf::from).find(|path| !path.exists());
    free.ok_or_else(|| {
        ConfigError(vec![
            "--dir: all names from dreichor-demo to dreichor-demo-9999 exist; name another".into(),
        ])
        .into()
    })
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let next = "check the permissions and the space there, or name another place by --dir";
    Error::unavailable(path, error, next).into()
}

fn bug(problem: impl std::fmt::Display) -> Failure {
    Failure::Internal(format!("the demo failed: {problem}"))
}
