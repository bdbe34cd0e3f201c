//! Stores in a temporary directory, inputs of every kind, and checks of both.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../../../core/tests/support/config.rs"]
pub(crate) mod config;
pub(crate) mod kind;

use std::fs;
use std::path::{Path, PathBuf};

use dreichor_core::Rule;
use dreichor_core::tick::{Policy, SafetyMode};
use dreichor_log::Directory;
use dreichor_replay::{Error, Receipt, Replay, Replayed, Stores};
use dreichor_runtime::batch::{Batcher, Read, Source};
use dreichor_runtime::ingest::{IngestError, Session};
use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::writing::{WriteError, WriteStores};
use proptest::prelude::*;
use tempfile::TempDir;

/// Both stores, in a temporary directory.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) strategy: SnapshotStrategy,
    pub(crate) policy: Policy,
}

/// The line that the error names as malformed, the start of that line, the place in it, and the rule.
pub(crate) fn malformed(error: &IngestError) -> Option<(u64, u64, usize, Rule)> {
    let IngestError::Write(WriteError::Stores(Error::Malformed { line, offset, fault, .. })) = error else {
        return None;
    };
    Some((*line, *offset, fault.offset, fault.rule))
}

/// The bytes of both stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) events: Vec<u8>,
    pub(crate) snapshots: Vec<u8>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for mount in ["audit-events", "snapshots"] {
            fs::create_dir(dir.path().join(mount)).unwrap();
        }
        Self { dir, strategy: SnapshotStrategy::OnLedgerUpdate, policy: Policy::default() }
    }

    pub(crate) fn with(strategy: SnapshotStrategy, safety_mode: SafetyMode) -> Self {
        Self { strategy, policy: Policy { safety_mode, logical_step_max: None }, ..Self::new() }
    }

    pub(crate) fn holding(bytes: &Bytes) -> Self {
        let bench = Self::new();
        fs::write(bench.events_path(), &bytes.events).unwrap();
        fs::write(bench.snapshots_path(), &bytes.snapshots).unwrap();
        bench
    }

    pub(crate) fn events_path(&self) -> PathBuf {
        self.dir.path().join("audit-events/audit_events.ndjson")
    }

    pub(crate) fn snapshots_path(&self) -> PathBuf {
        self.dir.path().join("snapshots/snapshots.ndjson")
    }

    pub(crate) fn stores(&self) -> Stores<Directory> {
        let open = |mount: &str| Directory::open(&self.dir.path().join(mount)).unwrap();
        Stores::new(open("audit-events"), open("snapshots"))
    }

    pub(crate) fn bytes(&self) -> Bytes {
        let read = |path: PathBuf| if path.exists() { fs::read(path).unwrap() } else { Vec::new() };
        Bytes { events: read(self.events_path()), snapshots: read(self.snapshots_path()) }
    }

    /// All files in both directories, by name.
    pub(crate) fn listing(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        for mount in ["audit-events", "snapshots"] {
            for entry in fs::read_dir(self.dir.path().join(mount)).unwrap() {
                let path = entry.unwrap().path();
                files.push((path.clone(), fs::read(path).unwrap()));
            }
        }
        files.sort();
        files
    }

    /// A writer's run, without the gate's checks of directories: lock, recovery, ingest of `inputs`.
    pub(crate) fn ingest(&self, inputs: &[u8]) -> Result<Vec<u8>, IngestError> {
        let stores = self.stores();
        stores.create_missing()?;
        let _locks = stores.lock()?;
        stores.settle()?;
        let recovered = recover(&stores, self.strategy, &mut ())?;
        let mut session = Session::new(&stores, recovered, self.policy, self.strategy)?;
        let mut batcher = Batcher::new(Whole(inputs));
        let mut acknowledgements = Vec::new();
        let mut deliver = |bytes: &[u8]| {
            acknowledgements.extend_from_slice(bytes);
            Ok(())
        };
        session.run(&mut batcher, &mut deliver, &mut ())?;
        Ok(acknowledgements)
    }

    pub(crate) fn replay(&self) -> Result<Replayed, Error> {
        Replay::open(&self.stores())?.run(&mut ())
    }

    pub(crate) fn receipt(&self) -> Receipt {
        let mut replayed = self.replay().unwrap();
        Receipt::of(&mut replayed).with_digests(&replayed)
    }
}

/// Inputs that can all be read without waiting.
pub(crate) struct Whole<'a>(pub(crate) &'a [u8]);

impl Source for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<Read> {
        let count = self.0.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(if count == 0 { Read::End } else { Read::Bytes(count) })
    }

    fn is_ready(&mut self) -> std::io::Result<bool> {
        Ok(true)
    }

    fn is_interrupted(&self) -> bool {
        false
    }

    fn length(&self) -> Option<u64> {
        None
    }
}

pub(crate) fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn vector_stores() -> Bytes {
    Bytes { events: vector("audit_events.ndjson"), snapshots: vector("snapshots.ndjson") }
}

/// An input in the making: what is random about it.
#[derive(Debug, Clone)]
pub(crate) enum Seed {
    Tick {
        instance: u8,
        step: u8,
        better: bool,
        pool: u8,
        market: Option<u8>,
        gates: u8,
    },
    /// Feedback on a tick before it (counted back), its execution if it has one is not known here.
    Feedback {
        back: u8,
        category: u8,
        window: bool,
    },
    /// An input from before (counted back), again.
    Again {
        back: u8,
    },
}

pub(crate) fn seeds(count: usize) -> impl Strategy<Value = Vec<Seed>> {
    let tick = (
        0..4_u8,
        0..4_u8,
        prop::bool::weighted(0.7),
        0..3_u8,
        prop::option::weighted(0.9, 0..3_u8),
        0..24_u8,
    )
        .prop_map(|(instance, step, better, pool, market, gates)| Seed::Tick {
            instance,
            step,
            better,
            pool,
            market,
            // Most ticks ask for no gate.
            gates: if gates < 8 { gates } else { 0 },
        });
    let feedback = (0..20_u8, 0..3_u8, any::<bool>()).prop_map(|(back, category, window)| Seed::Feedback {
        back,
        category,
        window,
    });
    let again = (0..30_u8).prop_map(|back| Seed::Again { back });
    prop::collection::vec(prop_oneof![12 => tick, 2 => feedback, 1 => again], 1..count)
}

/// Valid inputs, one a line.
pub(crate) fn inputs(seeds: &[Seed]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut ticks: Vec<(String, u64)> = Vec::new();
    let mut time = 0_u64;
    for seed in seeds {
        match seed {
            Seed::Tick { instance, step, better, pool, market, gates } => {
                time += u64::from(*step);
                let id = format!("{instance:08x}-0000-4000-8000-000000000000");
                if ticks.contains(&(id.clone(), time)) {
                    // The instance has decided at this time already.
                    time += 1;
                }
                let pool = ["cautious@v1", "balanced@v1", "assertive@v1"][usize::from(*pool)];
                let market = market.map_or("null".into(), |market| format!("\"MARKET-{market}\""));
                lines.push(format!(
                    "{{\"version\":1,\"kind\":\"TICK\",\"logicalTime\":{time},\"strategyInstanceId\":\"{id}\",\"decisionClass\":\"a.b.c@v1\",\"reasonCodes\":[],\"attention\":{{\"attentionMeaningfullyHigher\":{better},\"stabilityMeetsMinimum\":true,\"confidenceSufficient\":true,\"differencePersistsOverTime\":true,\"switchingCostsJustified\":true}},\"parameterPoolId\":\"{pool}\",\"targetMarketId\":{market},\"safetyGates\":{{\"haltAll\":{},\"blockBuy\":{},\"forceSell\":{}}}}}",
                    gates & 1 != 0,
                    gates & 2 != 0,
                    gates & 4 != 0
                ));
                ticks.push((id, time));
            }
            Seed::Feedback { back, category, window } => {
                let category =
                    ["DECISION_QUALITY", "RISK_COMFORT", "SYSTEM_BEHAVIOR"][usize::from(*category)];
                let tick = ticks.len().checked_sub(1 + usize::from(*back)).map(|at| &ticks[at]);
                let target = match tick {
                    Some((instance, at)) if !window => {
                        let decision = decision_id(instance, *at);
                        format!("{{\"type\":\"DECISION\",\"decisionId\":\"{decision}\"}}")
                    }
                    Some(_) | None => {
                        format!("{{\"type\":\"TIME_WINDOW\",\"from\":{},\"to\":{time}}}", time / 2)
                    }
                };
                lines.push(format!(
                    "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":{time},\"category\":\"{category}\",\"target\":{target},\"comment\":\"n\\u00b0 {}\"}}",
                    lines.len()
                ));
            }
            Seed::Again { back } => {
                if let Some(at) = lines.len().checked_sub(1 + usize::from(*back)) {
                    lines.push(lines[at].clone());
                }
            }
        }
    }
    lines
}

fn decision_id(instance: &str, time: u64) -> String {
    use dreichor_core::id::DecisionId;
    use dreichor_core::value::{Form, LogicalTime, StrategyInstanceId};
    let instance = StrategyInstanceId::parse(instance.as_bytes()).unwrap();
    DecisionId::of(instance, LogicalTime::new(time).unwrap()).to_string()
}

pub(crate) fn join(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

pub(crate) fn strategies() -> impl Strategy<Value = SnapshotStrategy> {
    prop_oneof![
        Just(SnapshotStrategy::OnLedgerUpdate),
        Just(SnapshotStrategy::Manual),
        (1..60_u64).prop_map(SnapshotStrategy::Every)
    ]
}

pub(crate) fn modes() -> impl Strategy<Value = SafetyMode> {
    prop_oneof![Just(SafetyMode::Normal), Just(SafetyMode::Halt), Just(SafetyMode::Flatten)]
}
