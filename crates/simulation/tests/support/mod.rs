//! A writer's run on a simulated disk, and what must hold of it. Each module is one way to look for a bug: the
//! tests run them on the program as it is, and `planted` on the program with each bug.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

pub(crate) mod appender;
pub(crate) mod check;
pub(crate) mod corruption;
pub(crate) mod crash;
pub(crate) mod faults;
pub(crate) mod foreign;
pub(crate) mod init;
#[path = "../../../runtime/tests/support/kind.rs"]
pub(crate) mod kind;
pub(crate) mod logged;
pub(crate) mod order;
pub(crate) mod salvage;
pub(crate) mod situations;
pub(crate) mod trace;
pub(crate) mod vectors;

use std::cell::{Cell, RefCell};

use dreichor_core::tick::Policy;
use dreichor_replay::{
    Stores,
    store::{EVENTS_FILE, SNAPSHOTS_FILE},
};
use dreichor_runtime::batch::{Batcher, Limits, Read, Source};
use dreichor_runtime::ingest::{IngestError, Session};
use dreichor_runtime::recovery::recover;
use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_runtime::writing::{Commits, WriteStores};
use dreichor_simulation::{Disk, Lie, LyingDirectory, Mount, Random};

/// Inputs, and how they come.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) inputs: Vec<String>,
    /// The number of inputs in one batch.
    pub(crate) batch: usize,
    pub(crate) commits: Commits,
}

/// Commits that end within a batch, as those of 16 MiB do within a batch that makes many or long snapshots; and so do
/// the pieces in which recovery writes them.
pub(crate) fn short_commits() -> Commits {
    Commits { strategy: SnapshotStrategy::OnLedgerUpdate, bytes_max: 2_048, beside_bytes_min: 64 << 10 }
}

/// The same, each computed while the commit before it syncs.
pub(crate) fn overlapping_commits() -> Commits {
    Commits { beside_bytes_min: 0, ..short_commits() }
}

/// The files of an uninterrupted run, and their lengths after each input.
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

/// A moment in a writer's run.
pub(crate) enum Moment<'a> {
    /// It has the locks, and has read nothing.
    Locked,
    /// It acknowledges.
    Acknowledged(&'a [u8]),
    /// It asks for the next batch: all that it wrote of the one before is written.
    Recorded,
}

thread_local! {
    /// The lie of the disks of this thread's processes.
    static LIE: Cell<Option<Lie>> = const { Cell::new(None) };
}

/// From now on, the disks of this thread's processes tell this lie; none: they do as they are asked.
pub(crate) fn lie(lie: Option<Lie>) {
    LIE.set(lie);
}

/// The stores on a disk.
pub(crate) fn stores(disk: &Disk) -> Stores<LyingDirectory> {
    let [events, snapshots] = disk.lying(LIE.get());
    Stores::new(events, snapshots)
}

/// The progress of a writer, in inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Progress {
    /// The number of acknowledged inputs: their events are durable.
    pub(crate) acknowledged: usize,
    /// The number of inputs with durable snapshots: the next batch is acknowledged, or the writer has begun it.
    pub(crate) completed: usize,
}

impl Progress {
    /// This number of inputs, with their snapshots.
    pub(crate) fn completed(inputs: usize) -> Self {
        Self { acknowledged: inputs, completed: inputs }
    }

    /// The progress that is durable after both.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            acknowledged: self.acknowledged.max(other.acknowledged),
            completed: self.completed.max(other.completed),
        }
    }
}

/// One run of a writer; how far it came, and how it ended.
pub(crate) fn live(
    disk: &Disk,
    inputs: &[String],
    batch: usize,
    commits: impl Into<Commits>,
) -> (Progress, Result<(), IngestError>) {
    let mut progress = Progress::default();
    let ended = live_watched(disk, inputs, batch, commits, &mut |moment| match moment {
        Moment::Locked => {}
        Moment::Acknowledged(lines) => {
            progress.completed = progress.acknowledged;
            progress.acknowledged += String::from_utf8_lossy(lines).lines().count();
        }
        Moment::Recorded => progress.completed = progress.acknowledged,
    });
    (progress, ended)
}

/// One run of a writer, `watch` is called at each moment.
pub(crate) fn live_watched(
    disk: &Disk,
    inputs: &[String],
    batch: usize,
    commits: impl Into<Commits>,
    watch: &mut dyn FnMut(Moment<'_>),
) -> Result<(), IngestError> {
    let ended = live_untraced(disk, inputs, batch, commits.into(), &mut |moment| {
        if let Moment::Acknowledged(lines) = moment {
            trace::observe(&lines);
        }
        watch(moment);
    });
    trace::observe_life(disk, &ended);
    ended
}

fn live_untraced(
    disk: &Disk,
    inputs: &[String],
    batch: usize,
    commits: Commits,
    watch: &mut dyn FnMut(Moment<'_>),
) -> Result<(), IngestError> {
    let stores = stores(disk);
    stores.create_missing()?;
    let _locks = stores.lock()?;
    watch(Moment::Locked);
    stores.settle()?;
    let recovered = recover(&stores, commits, &mut ())?;
    let mut session = Session::new(&stores, recovered, Policy::default(), commits)?;
    let watch = RefCell::new(watch);
    // If commits are computed in parallel, everything can be read without waiting.
    let is_ready = commits.beside_bytes_min == 0;
    let limits = Limits { inputs: batch, ..Limits::default() };
    let rest = inputs.chunks(if is_ready { inputs.len().max(1) } else { batch });
    let source = Batches { rest, has_begun: false, is_ready, watch: &watch };
    let mut batcher = Batcher::with_limits(source, limits);
    let mut deliver = |lines: &[u8]| {
        watch.borrow_mut()(Moment::Acknowledged(lines));
        Ok(())
    };
    session.run(&mut batcher, &mut deliver, &mut ())?;
    if is_ready {
        watch.borrow_mut()(Moment::Recorded);
    }
    Ok(())
}

/// Gives so many lines at once, and then says whether more would have to be waited for.
struct Batches<'a, 'w> {
    rest: std::slice::Chunks<'a, String>,
    has_begun: bool,
    is_ready: bool,
    watch: &'a RefCell<&'w mut dyn FnMut(Moment<'_>)>,
}

impl Source for Batches<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<Read> {
        // The next read follows the last batch, unless all is read before the first is recorded.
        if std::mem::replace(&mut self.has_begun, true) && !self.is_ready {
            self.watch.borrow_mut()(Moment::Recorded);
        }
        let Some(lines) = self.rest.next() else { return Ok(Read::End) };
        let bytes = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect::<Vec<u8>>();
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(Read::Bytes(bytes.len()))
    }

    fn is_ready(&mut self) -> std::io::Result<bool> {
        Ok(self.is_ready)
    }

    fn is_interrupted(&self) -> bool {
        false
    }

    fn length(&self) -> Option<u64> {
        None
    }
}

impl Scenario {
    pub(crate) fn live(&self, disk: &Disk) -> (Progress, Result<(), IngestError>) {
        live(disk, &self.inputs, self.batch, self.commits)
    }

    /// The uninterrupted run, one input and one commit at a time, on a disk that tells no lie.
    pub(crate) fn whole(&self) -> Whole {
        let lie_before = LIE.replace(None);
        let disk = Disk::default();
        let mut lengths = vec![(0, 0)];
        let shows = |mount| disk.shows(mount, file(mount)).unwrap();
        live_watched(&disk, &self.inputs, 1, self.commits.strategy, &mut |moment| {
            if let Moment::Recorded = moment {
                lengths.push((shows(Mount::Events).len(), shows(Mount::Snapshots).len()));
            }
        })
        .unwrap();
        lie(lie_before);
        Whole { events: shows(Mount::Events), snapshots: shows(Mount::Snapshots), lengths }
    }
}

impl Whole {
    /// The disk that holds so many bytes of each file.
    pub(crate) fn cut(&self, events: usize, snapshots: usize) -> Disk {
        holding(&self.events[..events], &self.snapshots[..snapshots])
    }

    /// A disk on which all of recovery is to be done: the log ends within a line of the last tick but one that
    /// changed the ledger, and the snapshots within the line before the one that this tick asks for.
    pub(crate) fn worst(&self) -> Disk {
        let changes = self.lengths.windows(2).filter(|pair| pair[0].1 < pair[1].1).collect::<Vec<_>>();
        let [.., missing, interrupted, _] = changes.as_slice() else { panic!("too few ledger updates") };
        let second_line_end = |from: usize| {
            let ends = self.events[from..].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            from + ends.map(|(at, _)| at + 1).nth(1).unwrap()
        };
        self.cut(second_line_end(interrupted[0].0) + 100, missing[0].1 + 100)
    }

    /// The last input of the commit that begins after so many inputs, when the log held `recorded` at the start.
    pub(crate) fn commit_end(&self, scenario: &Scenario, before: usize, recorded: usize) -> usize {
        let bytes = |inputs: usize| {
            let (events, snapshots) = self.lengths[inputs.max(recorded)];
            (events + snapshots) as u64
        };
        let batch_end = (before / scenario.batch + 1) * scenario.batch;
        let is_full = |last: &usize| bytes(*last) - bytes(before) >= scenario.commits.bytes_max;
        (before + 1..scenario.inputs.len().min(batch_end))
            .find(is_full)
            .unwrap_or_else(|| scenario.inputs.len().min(batch_end))
    }

    /// The final content of the file of a mount.
    pub(crate) fn of(&self, mount: Mount) -> &[u8] {
        match mount {
            Mount::Events => &self.events,
            Mount::Snapshots => &self.snapshots,
        }
    }

    /// The length of each file that must be durable.
    pub(crate) fn kept(&self, progress: Progress) -> [usize; 2] {
        [self.lengths[progress.acknowledged].0, self.lengths[progress.completed].1]
    }

    /// The number of inputs that both files hold completely.
    pub(crate) fn acknowledged(&self, events: usize, snapshots: usize) -> usize {
        self.lengths.iter().filter(|lengths| lengths.0 <= events && lengths.1 <= snapshots).count() - 1
    }
}

/// A disk whose stores hold these bytes.
pub(crate) fn holding(events: &[u8], snapshots: &[u8]) -> Disk {
    Disk::holding([
        (Mount::Events, file(Mount::Events).to_owned(), events.to_vec()),
        (Mount::Snapshots, file(Mount::Snapshots).to_owned(), snapshots.to_vec()),
    ])
}

/// The part of a file that ends with its last LF.
pub(crate) fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

/// A file's lines, each with its LF.
pub(crate) fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// This number of inputs: ticks of two instances, and some feedback with comments, so that lines have about
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
const COMMENTLESS_BYTES: usize = 244;

/// The seed of all that is random; printed, and taken from TEST_SEED to run a failure again.
#[expect(clippy::print_stderr, reason = "shown by the test runner with a failure")]
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let random = || std::hash::RandomState::new().build_hasher().finish();
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(random);
    eprintln!("TEST_SEED={seed}");
    seed
}
