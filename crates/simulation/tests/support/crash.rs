//! A crash at every call of a writer's run, of its recovery, and of the recovery after that.

use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Kept, Mount, Plan, Random};

use super::check::{check, check_copies};
use super::situations::{Seen, Situations, is_recovery};
use super::{Progress, Scenario, Whole, file, inputs, lines, overlapping_commits, short_commits, trace};

fn scenarios(seed: u64) -> Vec<Scenario> {
    let scenario = |name: &str, count, line_bytes, batch, strategy: SnapshotStrategy| Scenario {
        name: name.into(),
        inputs: inputs(count, line_bytes, seed),
        batch,
        commits: strategy.into(),
    };
    let any = 1 + usize::try_from(seed % 24).unwrap();
    vec![
        scenario("one by one", 10, 300, 1, SnapshotStrategy::OnLedgerUpdate),
        scenario("in threes", 12, 300, 3, SnapshotStrategy::OnLedgerUpdate),
        scenario("all at once", 12, 300, 12, SnapshotStrategy::OnLedgerUpdate),
        scenario("so many together", 24, 300, any, SnapshotStrategy::OnLedgerUpdate),
        scenario("every tenth event", 14, 300, 5, SnapshotStrategy::Every(10)),
        scenario("manual", 10, 300, 4, SnapshotStrategy::Manual),
        scenario("lines of 4,095 bytes", 10, 4_095, 5, SnapshotStrategy::OnLedgerUpdate),
        scenario("lines of 4,096 bytes", 10, 4_096, 5, SnapshotStrategy::OnLedgerUpdate),
        scenario("lines of 4,097 bytes", 10, 4_097, 5, SnapshotStrategy::OnLedgerUpdate),
        scenario("a large batch", 60, 300, 1_024, SnapshotStrategy::OnLedgerUpdate),
        Scenario {
            commits: short_commits(),
            ..scenario("in short commits", 24, 300, 24, SnapshotStrategy::OnLedgerUpdate)
        },
        Scenario {
            commits: overlapping_commits(),
            ..scenario("in commits that overlap", 24, 300, 7, SnapshotStrategy::OnLedgerUpdate)
        },
    ]
}

/// The maximum number of crashes during recoveries, one after another.
const DEPTH_MAX: u32 = 2;

pub(crate) struct Explorer {
    random: Random,
    /// The number of checked images.
    pub(crate) images: u64,
    /// The situations that they show.
    pub(crate) situations: Situations,
    /// The number of images to check for each crash.
    images_per_crash: u64,
    story: String,
}

/// The target of a crash: a disk with its durable content, and a run that begins on it.
struct Struck<'a> {
    scenario: &'a Scenario,
    whole: &'a Whole,
    progress: Progress,
    depth: u32,
    /// The number of recoveries that have crashed one after another.
    recoveries: u32,
}

impl Struck<'_> {
    /// The recoveries that have crashed one after the other, after a run that began on `before` and left `disk`.
    fn recoveries_with(&self, before: &Disk, disk: &Disk) -> u32 {
        if is_recovery(self.whole, before, disk) { self.recoveries + 1 } else { 0 }
    }
}

impl Explorer {
    pub(crate) fn new(seed: u64) -> Self {
        let story = format!("TEST_SEED={seed} (of this thread)");
        Self {
            random: Random(seed),
            images: 0,
            situations: Situations::default(),
            images_per_crash: 40,
            story,
        }
    }

    /// Crashes a writer at each of its calls, in every scenario, until so many images were seen.
    pub(crate) fn run(&mut self, wanted: u64) {
        while self.images < wanted {
            for scenario in scenarios(self.random.number()) {
                self.strike_writer(&scenario);
                if self.images >= wanted {
                    return;
                }
            }
        }
    }

    /// Crashes a writer that takes 1,024 ticks at once; there are feedbacks among them.
    pub(crate) fn run_largest_batch(&mut self) {
        let inputs = inputs(1_280, 300, self.random.number());
        let strategy = SnapshotStrategy::OnLedgerUpdate;
        let images_per_crash = std::mem::replace(&mut self.images_per_crash, 4);
        self.strike_writer(&Scenario {
            name: "1,024 ticks at once".into(),
            inputs,
            batch: 1_280,
            commits: strategy.into(),
        });
        self.images_per_crash = images_per_crash;
    }

    fn strike_writer(&mut self, scenario: &Scenario) {
        let whole = scenario.whole();
        check_lines(scenario, &whole);
        let disk = Disk::default();
        disk.begin(Plan::default());
        scenario.live(&disk).1.unwrap();
        for call in 0..=disk.calls() {
            let disk = Disk::default();
            disk.begin(Plan { crash_at: Some(call), fault: None });
            let (progress, _) = scenario.live(&disk);
            let story = format!("{}, {}, crash at call {call}", self.story, scenario.name);
            let struck = Struck { scenario, whole: &whole, progress, depth: 0, recoveries: 0 };
            self.explore(&struck, &disk, None, &story);
            // The process alone was killed: the next one finds the page cache, which may show what the
            // medium does not hold, and then the machine stops under it.
            let story = format!("{story}, of the process alone");
            self.crash_again(&Struck { depth: DEPTH_MAX, ..struck }, &disk, &story);
        }
    }

    /// Looks at some of the images that a crash may have left, of a run that began on `before`.
    fn explore(&mut self, struck: &Struck<'_>, disk: &Disk, before: Option<&Disk>, story: &str) {
        let &Struck { scenario, whole, progress, depth, recoveries } = struck;
        let wanted = if depth == 0 { self.images_per_crash } else { 4 };
        for kept in self.some_ways(disk, wanted) {
            let story = format!("{story}, kept {kept:?}");
            let image = disk.image(kept);
            if let Some(before) = before {
                check_copies(before, &image, &story);
            }
            self.see(&Seen { scenario, whole, progress, depth, recoveries, disk, image: &image });
            check(scenario, whole, &image, progress, &story);
            if depth < DEPTH_MAX && self.random.below(8) == 0 {
                self.crash_again(&Struck { depth: depth + 1, ..*struck }, &image.disk(), &story);
            }
        }
    }

    /// Counts an image.
    fn see(&mut self, seen: &Seen<'_>) {
        self.images += 1;
        self.situations.note(seen);
        trace::observe(&format!("{:?}", seen.image.kept));
        trace::observe(&format!("{:?}", seen.image.files));
    }

    /// There are as many prefixes as unsynced bytes, and few of the others: each kind has its share.
    fn some_ways(&mut self, disk: &Disk, wanted: u64) -> Vec<Kept> {
        let is_prefix = |kept: &Kept| matches!(kept, Kept::Prefix(..));
        let (prefixes, others) = disk.ways(&mut self.random).into_iter().partition(is_prefix);
        [self.sample(prefixes, wanted / 2), self.sample(others, wanted / 2)].concat()
    }

    fn sample(&mut self, mut ways: Vec<Kept>, wanted: u64) -> Vec<Kept> {
        while ways.len() as u64 > wanted {
            let index = usize::try_from(self.random.below(ways.len() as u64)).unwrap();
            ways.swap_remove(index);
        }
        ways
    }

    /// Crashes the next run on `disk` too, at some of its calls.
    fn crash_again(&mut self, struck: &Struck<'_>, disk: &Disk, story: &str) {
        let scenario = struck.scenario;
        let calls = calls_of(scenario, disk);
        let wanted = self.images_per_crash / 8;
        for call in (0..calls).filter(|_| self.random.below(calls) < wanted.max(1)).collect::<Vec<_>>() {
            let crashed = disk.fork();
            crashed.begin(Plan { crash_at: Some(call), fault: None });
            let (again, _) = scenario.live(&crashed);
            let story = format!("{story}; again at call {call}");
            // The inputs acknowledged again were recorded before; acknowledged inputs stay acknowledged.
            let progress = struck.progress.max(again);
            let recoveries = struck.recoveries_with(disk, &crashed);
            self.explore(&Struck { progress, recoveries, ..*struck }, &crashed, Some(disk), &story);
        }
    }

    /// Crashes a recovery that has everything to do at each of its calls, and the recovery after that at each
    /// of its own.
    pub(crate) fn crash_every_recovery(&mut self) {
        let strategy = SnapshotStrategy::OnLedgerUpdate;
        let inputs = inputs(24, 300, self.random.number());
        let scenario = Scenario { name: "recovery".into(), inputs, batch: 24, commits: strategy.into() };
        let whole = scenario.whole();
        let disk = whole.worst();
        let [events, snapshots] = Mount::ALL.map(|mount| disk.shows(mount, file(mount)).unwrap().len());
        let progress = Progress::completed(whole.acknowledged(events, snapshots));
        let story = format!("{}, {}", self.story, scenario.name);
        self.crash_recovery(
            &Struck { scenario: &scenario, whole: &whole, progress, depth: 1, recoveries: 0 },
            &disk,
            &story,
        );
    }

    fn crash_recovery(&mut self, struck: &Struck<'_>, disk: &Disk, story: &str) {
        let &Struck { scenario, whole, progress, depth, .. } = struck;
        // Only the recovery: no input is sent.
        let recovery = Scenario { name: String::new(), inputs: Vec::new(), ..*scenario };
        for call in 0..=calls_of(&recovery, disk) {
            let crashed = disk.fork();
            crashed.begin(Plan { crash_at: Some(call), fault: None });
            let _ = recovery.live(&crashed);
            let recoveries = struck.recoveries_with(disk, &crashed);
            let mut ways = self.some_ways(&crashed, 2);
            if depth < DEPTH_MAX {
                ways.extend([Kept::Nothing, Kept::All]);
            }
            for kept in ways {
                let story = format!("{story}; recovery crashes at call {call}, kept {kept:?}");
                let image = crashed.image(kept);
                check_copies(disk, &image, &story);
                self.see(&Seen {
                    scenario,
                    whole,
                    progress,
                    depth,
                    recoveries,
                    disk: &crashed,
                    image: &image,
                });
                check(scenario, whole, &image, progress, &story);
                if depth < DEPTH_MAX {
                    let struck = Struck { depth: depth + 1, recoveries, ..*struck };
                    self.crash_recovery(&struck, &image.disk(), &story);
                }
            }
        }
    }
}

/// The number of calls of a run on `disk`.
fn calls_of(scenario: &Scenario, disk: &Disk) -> u64 {
    let rehearsal = disk.fork();
    rehearsal.begin(Plan::default());
    let _ = scenario.live(&rehearsal);
    rehearsal.calls()
}

/// The lines are as long as the scenario's name says.
fn check_lines(scenario: &Scenario, whole: &Whole) {
    let Some(bytes) = scenario.name.strip_prefix("lines of ").and_then(|name| name.strip_suffix(" bytes"))
    else {
        return;
    };
    let bytes: usize = bytes.replace(',', "").parse().unwrap();
    let lengths: Vec<usize> = lines(&whole.events).iter().map(|line| line.len() - 1).collect();
    assert!(lengths.contains(&bytes), "no {}: {lengths:?}", scenario.name);
}
