//! An Observer in this process, and a client of it.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]
#![allow(clippy::disallowed_methods, reason = "a test makes the files that are read")]

pub(crate) mod http;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use dreichor_core::tick::{Policy, Step, step};
use dreichor_core::{History, Input};
use dreichor_observer::{About, Limits, Observer, Running, SandboxReport};
use dreichor_replay::{Directories, Receipt, Replay, Stores};
use http::Answer;
use tempfile::TempDir;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An Observer.
pub(crate) struct Observed {
    running: Option<Running>,
    pub(crate) address: SocketAddr,
    dir: TempDir,
}

/// How often a thread of this process has panicked, or logged a warning or an error.
static ALARMS: AtomicUsize = AtomicUsize::new(0);

/// Counts warnings and errors.
struct Alarms;

impl Subscriber for Alarms {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, _: &Event<'_>) {
        ALARMS.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn count_alarms() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            ALARMS.fetch_add(1, Ordering::SeqCst);
            shown(panic);
        }));
        tracing::subscriber::set_global_default(Alarms).unwrap();
    });
}

/// The published log, and the published snapshots.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)).unwrap()
}

impl Observed {
    /// An Observer of the published vectors.
    pub(crate) fn filled(limits: Limits) -> Self {
        Self::of(Some(&vector("audit_events.ndjson")), Some(&vector("snapshots.ndjson")), limits)
    }

    /// An Observer of this log.
    pub(crate) fn of_log(log: &[u8], limits: Limits) -> Self {
        Self::of(Some(log), None, limits)
    }

    /// An Observer of stores that have no file yet.
    pub(crate) fn of_nothing() -> Self {
        Self::of(None, None, Limits::default())
    }

    fn of(log: Option<&[u8]>, snapshots: Option<&[u8]>, limits: Limits) -> Self {
        count_alarms();
        let dir = TempDir::new().unwrap();
        for (mount, file, bytes) in
            [("audit-events", "audit_events.ndjson", log), ("snapshots", "snapshots.ndjson", snapshots)]
        {
            fs::create_dir(dir.path().join(mount)).unwrap();
            if let Some(bytes) = bytes {
                fs::write(dir.path().join(mount).join(file), bytes).unwrap();
            }
        }
        let stores = Stores::open(&Directories::within(dir.path())).unwrap();
        let mut replayed = Replay::open(&stores).unwrap().run(&mut ()).unwrap();
        let about = About {
            safety_mode: None,
            snapshot_strategy: None,
            database: false,
            sandbox: SandboxReport { mode: "off", abi: None, enforced: vec![], not_enforced: vec![] },
            started_with: Receipt::of(&mut replayed),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let running = Observer::new(stores, about, None, limits).unwrap().start(listener).unwrap();
        Self { address: running.address(), running: Some(running), dir }
    }

    /// A file of the stores.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        http::connect(self.address)
    }

    /// Asks for a path by GET.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Asks by one request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        http::ask(self.address, method, path, headers)
    }

    /// Sends these bytes, and reads all that comes back until the server closes the connection.
    pub(crate) fn send(&self, bytes: &[u8]) -> Vec<u8> {
        http::send(self.address, bytes)
    }

    /// All paths that the API describes, filled in: with these parameters they have an answer.
    pub(crate) fn paths(&self) -> Vec<String> {
        http::paths(&self.get("/openapi.json").expect(200).json())
    }

    /// It answers still, no thread of this process has panicked, and none has logged a warning.
    pub(crate) fn is_well(&self) {
        self.get("/readyz").expect(200);
        assert_eq!(ALARMS.load(Ordering::SeqCst), 0);
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.running.take().unwrap().stop();
    }
}

/// A log of these inputs.
pub(crate) fn log_of(inputs: impl Iterator<Item = String>) -> Vec<u8> {
    let (mut history, mut log) = (History::new(), Vec::new());
    for input in inputs {
        let input = Input::parse(input.as_bytes()).unwrap();
        let Step::Events(events) = step(history.state(), &input, Policy::default()).unwrap() else {
            panic!()
        };
        for event in &events {
            history.record(event, &mut log).unwrap();
        }
    }
    log
}

pub(crate) fn tick(time: u64, instance: u64, is_better: bool, force_sell: bool) -> String {
    format!(
        r#"{{"version":1,"kind":"TICK","logicalTime":{time},"strategyInstanceId":"00000000-0000-4000-8000-{instance:012}","decisionClass":"attention.enter.rotation@v1","reasonCodes":[],"attention":{{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":true,"confidenceSufficient":{is_better},"differencePersistsOverTime":true,"switchingCostsJustified":true}},"parameterPoolId":"assertive@v1","targetMarketId":"M","safetyGates":{{"haltAll":false,"blockBuy":false,"forceSell":{force_sell}}}}}"#
    )
}
