//! A writer's life on a simulated disk, and what must hold of it.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use dreichor_core::tick::Policy;
use dreichor_replay::{
    Error, Stores,
    store::{EVENTS_FILE, SNAPSHOTS_FILE},
};
use dreichor_runtime::batch::{Batcher, Next, Read, Source};
use dreichor_runtime::ingest::Session;
use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::writing::WriteStores;
use dreichor_simulation::{Disk, Image, Kept, Mount, Plan, Random};

/// Inputs, and how they come.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) inputs: Vec<String>,
    /// How many inputs come together.
    pub(crate) batch: usize,
    pub(crate) strategy: SnapshotStrategy,
}

/// What an uninterrupted run leaves, and how long both files are after each input.
pub(crate) struct Whole {
    pub(crate) events: Vec<u8>,
    pub(crate) snapshots: Vec<u8>,
    pub(crate) lengths: Vec<(usize, usize)>,
}

/// The file of each mount.
pub(crate) fn file(mount: Mount) -> &'static str {
    match mount {
        Mount::Events => EVENTS_FILE,
        Mount::Snapshots => SNAPSHOTS_FILE,
    }
}

/// One life of a writer; how many inputs it acknowledged, and how it ended.
pub(crate) fn live(
    disk: &Disk,
    inputs: &[String],
    batch: usize,
    strategy: SnapshotStrategy,
) -> (usize, Result<(), Error>) {
    let mut acknowledged = 0;
    let ended = try_live(disk, inputs, batch, strategy, &mut acknowledged);
    (acknowledged, ended)
}

fn try_live(
    disk: &Disk,
    inputs: &[String],
    batch: usize,
    strategy: SnapshotStrategy,
    acknowledged: &mut usize,
) -> Result<(), Error> {
    let stores = Stores::new(disk.directory(Mount::Events), disk.directory(Mount::Snapshots));
    stores.create_missing()?;
    let _locks = stores.lock()?;
    stores.settle()?;
    let recovered = recover(&stores, strategy, &mut ())?;
    let mut session = Session::new(&stores, recovered, Policy::default(), strategy)?;
    let mut batcher = Batcher::new(Batches { batches: inputs.chunks(batch) });
    while let Next::Batch(batch) = batcher.next_batch().unwrap() {
        session.record(batch, &mut |lines| {
            *acknowledged += String::from_utf8_lossy(lines).lines().count();
            Ok(())
        })?;
    }
    Ok(())
}

/// Gives so many lines at once, and says that more would have to be waited for.
struct Batches<'a> {
    batches: std::slice::Chunks<'a, String>,
}

impl Source for Batches<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<Read> {
        let Some(lines) = self.batches.next() else { return Ok(Read::End) };
        let bytes = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect::<Vec<u8>>();
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(Read::Bytes(bytes.len()))
    }

    fn is_ready(&mut self) -> std::io::Result<bool> {
        Ok(false)
    }

    fn is_interrupted(&self) -> bool {
        false
    }
}

impl Scenario {
    pub(crate) fn live(&self, disk: &Disk) -> (usize, Result<(), Error>) {
        live(disk, &self.inputs, self.batch, self.strategy)
    }

    /// The uninterrupted run.
    pub(crate) fn whole(&self) -> Whole {
        let disk = Disk::default();
        let mut lengths = vec![(0, 0)];
        let shows = |mount| disk.shows(mount, file(mount)).unwrap();
        for count in 1..=self.inputs.len() {
            disk.begin(Plan::default());
            // What is recorded already changes nothing.
            live(&disk, &self.inputs[..count], count, self.strategy).1.unwrap();
            lengths.push((shows(Mount::Events).len(), shows(Mount::Snapshots).len()));
        }
        Whole { events: shows(Mount::Events), snapshots: shows(Mount::Snapshots), lengths }
    }
}

/// The part of a file that ends with its last LF.
pub(crate) fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

/// Checks what the next life makes of what a crash left: nothing acknowledged is lost, nothing that was never
/// submitted appears, and in the end the files are those of an uninterrupted run, or are refused for a hole.
pub(crate) fn check(scenario: &Scenario, whole: &Whole, image: &Image, acknowledged: usize, story: &str) {
    let [events, snapshots] = Mount::ALL.map(|mount| image.bytes(mount, file(mount)));
    let (events_kept, snapshots_kept) = whole.lengths[acknowledged];
    assert!(events.starts_with(&whole.events[..events_kept]), "{story}: an acknowledged event is lost");
    assert!(
        snapshots.starts_with(&whole.snapshots[..snapshots_kept]),
        "{story}: an acknowledged snapshot is lost"
    );
    let has_hole = !whole.events.starts_with(whole_lines(events))
        || !whole.snapshots.starts_with(whole_lines(snapshots));

    let disk = image.disk();
    disk.begin(Plan::default());
    match live(&disk, &[], 1, scenario.strategy).1 {
        Ok(()) => {
            for (mount, expected) in [(Mount::Events, &whole.events), (Mount::Snapshots, &whole.snapshots)] {
                let shown = disk.shows(mount, file(mount)).unwrap();
                assert!(
                    expected.starts_with(&shown),
                    "{story}: {mount:?} holds what no run would have written"
                );
                check_kept(&disk, mount, image.bytes(mount, file(mount)), story);
            }
            let length = disk.shows(Mount::Events, EVENTS_FILE).unwrap().len();
            assert!(
                whole.lengths.iter().any(|(events, _)| *events == length),
                "{story}: half an input is left"
            );
        }
        Err(error) => {
            assert!(has_hole, "{story}: refused without a hole: {error}");
            assert_eq!(error.exit_code(), 12, "{story}: {error}");
            for mount in Mount::ALL {
                let shown = disk.shows(mount, file(mount)).unwrap_or_default();
                assert!(shown == image.bytes(mount, file(mount)), "{story}: changed although it was refused");
            }
            return;
        }
    }
    disk.begin(Plan::default());
    let (count, ended) = scenario.live(&disk);
    assert!(ended.is_ok() && count == scenario.inputs.len(), "{story}: {ended:?}");
    assert!(disk.shows(Mount::Events, EVENTS_FILE).unwrap() == whole.events, "{story}: the logs differ");
    assert!(
        disk.shows(Mount::Snapshots, SNAPSHOTS_FILE).unwrap() == whole.snapshots,
        "{story}: the snapshots differ"
    );
    assert_eq!(disk.violations(), Vec::<String>::new(), "{story}");
}

/// What was cut off lies beside the file, durably.
fn check_kept(disk: &Disk, mount: Mount, before: &[u8], story: &str) {
    let whole = whole_lines(before);
    if whole.len() == before.len() {
        return;
    }
    let copy = format!("{}.torn-{}", file(mount), whole.len());
    let is_copy = |name: &str| name.starts_with(&copy) && *name != format!("{copy}.tmp");
    let durable = disk.image(Kept::Nothing).files;
    let kept = durable
        .iter()
        .any(|(at, name, bytes)| *at == mount && is_copy(name) && *bytes == before[whole.len()..]);
    assert!(kept, "{story}: {mount:?} was trimmed without a copy");
}

/// So many inputs: ticks of two instances, feedback now and then, with comments that give lines of about
/// `line_bytes`.
pub(crate) fn inputs(count: usize, line_bytes: usize, seed: u64) -> Vec<String> {
    let mut random = Random(seed);
    let comment = "c".repeat(line_bytes.saturating_sub(COMMENTLESS_BYTES).min(4_096));
    (0..count)
        .map(|index| {
            let (time, instance) = (index / 2 + 1, index % 2);
            let tick_before = format!("{{\"type\":\"TIME_WINDOW\",\"from\":0,\"to\":{time}}}");
            if index % 5 == 4 {
                return format!(
                    "{{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":{time},\"category\":\"RISK_COMFORT\",\"target\":{tick_before},\"comment\":\"{comment}\"}}"
                );
            }
            let better = random.below(10) < 7;
            let pool = ["assertive@v1", "balanced@v1"][instance];
            let market = random.below(2);
            format!(
                "{{\"version\":1,\"kind\":\"TICK\",\"logicalTime\":{time},\"strategyInstanceId\":\"{instance:08x}-0000-4000-8000-000000000000\",\"decisionClass\":\"a.b.c@v1\",\"reasonCodes\":[],\"attention\":{{\"attentionMeaningfullyHigher\":{better},\"stabilityMeetsMinimum\":true,\"confidenceSufficient\":true,\"differencePersistsOverTime\":true,\"switchingCostsJustified\":true}},\"parameterPoolId\":\"{pool}\",\"targetMarketId\":\"M{market}\",\"safetyGates\":{{\"haltAll\":false,\"blockBuy\":false,\"forceSell\":{}}}}}",
                random.below(12) == 0
            )
        })
        .collect()
}

/// The length of a feedback event's line whose comment is empty, at a time of one digit.
const COMMENTLESS_BYTES: usize = 266;

/// The seed of all that is random; printed, and taken from TEST_SEED to run a failure again.
#[expect(clippy::print_stderr, reason = "shown by the test runner with a failure")]
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let random = || std::hash::RandomState::new().build_hasher().finish();
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(random);
    eprintln!("TEST_SEED={seed}");
    seed
}
