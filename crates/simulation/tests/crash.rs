//! A crash at every call of a writer's life, of its recovery, and of the recovery after that: whatever the
//! medium kept, nothing acknowledged is lost and the end is that of an uninterrupted run.
//!
//! `CRASH_IMAGES` says how many images to look at (default 100,000). Ten million:
//! `CRASH_IMAGES=10000000 cargo test --release -p dreichor-simulation --test crash -- --nocapture`
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_runtime::snapshots::SnapshotStrategy;
use dreichor_simulation::{Disk, Kept, Plan, Random};
use support::{Scenario, Whole, check, inputs, seed};

fn scenarios(seed: u64) -> Vec<Scenario> {
    let scenario = |name: &str, count, line_bytes, batch, strategy| Scenario {
        name: name.into(),
        inputs: inputs(count, line_bytes, seed),
        batch,
        strategy,
    };
    vec![
        scenario("one by one", 10, 300, 1, SnapshotStrategy::OnLedgerUpdate),
        scenario("in threes", 12, 300, 3, SnapshotStrategy::OnLedgerUpdate),
        scenario("all at once", 12, 300, 12, SnapshotStrategy::OnLedgerUpdate),
        scenario("every tenth event", 14, 300, 5, SnapshotStrategy::Every(10)),
        scenario("manual", 10, 300, 4, SnapshotStrategy::Manual),
        scenario("lines of 4,095 bytes", 10, 4_095, 5, SnapshotStrategy::OnLedgerUpdate),
        scenario("lines of 4,096 bytes", 10, 4_096, 5, SnapshotStrategy::OnLedgerUpdate),
        scenario("lines of 4,097 bytes", 10, 4_097, 5, SnapshotStrategy::OnLedgerUpdate),
        scenario("a large batch", 60, 300, 1_024, SnapshotStrategy::OnLedgerUpdate),
    ]
}

/// How often a crash strikes while the one before it is being recovered from.
const DEPTH_MAX: u32 = 2;

struct Explorer {
    random: Random,
    images_seen: u64,
    /// How many images to look at for each crash.
    images_per_crash: u64,
}

impl Explorer {
    /// Looks at some of the images that a crash may have left.
    fn explore(
        &mut self,
        scenario: &Scenario,
        whole: &Whole,
        disk: &Disk,
        acknowledged: usize,
        story: &str,
        depth: u32,
    ) {
        let wanted = if depth == 0 { self.images_per_crash } else { 4 };
        // There are as many prefixes as unsynced bytes, and few of the others: each kind has its share.
        let is_prefix = |kept: &Kept| matches!(kept, Kept::Prefix(..));
        let (prefixes, others) = disk.ways(&mut self.random).into_iter().partition(is_prefix);
        let ways = [self.sample(prefixes, wanted / 2), self.sample(others, wanted / 2)].concat();
        for kept in ways {
            let image = disk.image(kept);
            let story = format!("{story}, kept {:?}", image.kept);
            check(scenario, whole, &image, acknowledged, &story);
            self.images_seen += 1;
            if depth < DEPTH_MAX && self.random.below(8) == 0 {
                self.crash_again(scenario, whole, &image.disk(), acknowledged, &story, depth + 1);
            }
        }
    }

    fn sample(&mut self, mut ways: Vec<Kept>, wanted: u64) -> Vec<Kept> {
        while ways.len() as u64 > wanted {
            let index = usize::try_from(self.random.below(ways.len() as u64)).unwrap();
            ways.swap_remove(index);
        }
        ways
    }

    /// Crashes the next life on `disk` too, at some of its calls.
    fn crash_again(
        &mut self,
        scenario: &Scenario,
        whole: &Whole,
        disk: &Disk,
        acknowledged: usize,
        story: &str,
        depth: u32,
    ) {
        let rehearsal = disk.fork();
        rehearsal.begin(Plan::default());
        let _ = scenario.live(&rehearsal);
        let calls = rehearsal.calls();
        for call in (0..calls).filter(|_| self.random.below(calls) < 5).collect::<Vec<_>>() {
            let disk = disk.fork();
            disk.begin(Plan { crash_at: Some(call), fault: None });
            let (again, _) = scenario.live(&disk);
            let story = format!("{story}; again at call {call}");
            // What is acknowledged again is known from before; what was acknowledged stays so.
            self.explore(scenario, whole, &disk, acknowledged.max(again), &story, depth);
        }
    }
}

/// Crashes a writer at each of its calls, in every scenario, until so many images were seen; how many.
fn run(seed: u64, wanted: u64) -> u64 {
    let mut explorer = Explorer { random: Random(seed), images_seen: 0, images_per_crash: 40 };
    while explorer.images_seen < wanted {
        for scenario in scenarios(explorer.random.number()) {
            let whole = scenario.whole();
            let disk = Disk::default();
            disk.begin(Plan::default());
            scenario.live(&disk).1.unwrap();
            for call in 0..=disk.calls() {
                let disk = Disk::default();
                disk.begin(Plan { crash_at: Some(call), fault: None });
                let (acknowledged, _) = scenario.live(&disk);
                let story =
                    format!("TEST_SEED={seed} (of this thread), {}, crash at call {call}", scenario.name);
                explorer.explore(&scenario, &whole, &disk, acknowledged, &story, 0);
                // The process alone was killed: the next one finds the page cache, which may show what the
                // medium does not hold, and then the machine stops under it.
                let story = format!("{story}, of the process alone");
                explorer.crash_again(&scenario, &whole, &disk, acknowledged, &story, DEPTH_MAX);
            }
        }
    }
    explorer.images_seen
}

#[test]
fn nothing_is_lost_wherever_it_crashes() {
    let seed = seed();
    let wanted: u64 =
        std::env::var("CRASH_IMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let images: u64 = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || run(seed.wrapping_add(thread), wanted / threads)))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    eprintln!("{images} crash images");
    assert!(images >= wanted / threads * threads);
}
