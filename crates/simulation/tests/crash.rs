//! A crash at every call of a writer's run, of its recovery, and of the recovery after that: whatever the
//! medium kept, nothing acknowledged is lost and the end is that of an uninterrupted run. Each rare situation that the
//! simulation exists for must occur.
//!
//! `CRASH_IMAGES` says how many images to look at (default 100,000). Ten million:
//! `CRASH_IMAGES=10000000 cargo test --release -p dreichor-simulation --test crash -- --nocapture`

mod support;

use support::crash::Explorer;
use support::situations::Situations;
use support::{seed, trace};

/// The number of images: enough for every rare situation to occur.
const IMAGES: u64 = 100_000;

#[test]
fn nothing_is_lost_wherever_it_crashes() {
    let seed = seed();
    let wanted: u64 =
        std::env::var("CRASH_IMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(IMAGES);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let (images, situations) = std::thread::scope(|scope| {
        let run = |thread: u64| {
            let mut explorer = Explorer::new(seed.wrapping_add(thread));
            // Long, and the same in every thread but for the seed: once is enough.
            if thread == 0 {
                explorer.crash_every_recovery();
                explorer.run_largest_batch();
            }
            explorer.run(explorer.images + wanted / threads);
            explorer
        };
        let runs: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        let (mut images, mut situations) = (0, Situations::default());
        for explorer in runs.into_iter().map(|run| run.join().unwrap()) {
            images += explorer.images;
            situations.add(&explorer.situations);
        }
        (images, situations)
    });
    eprintln!("{images} crash images, of which show\n{situations}");
    assert!(images >= wanted / threads * threads);
    if wanted >= IMAGES {
        assert_eq!(situations.unreached(), Vec::<&str>::new(), "no crash led to these situations");
    }
}

/// A failure that its seed does not bring back cannot be investigated.
#[test]
fn the_same_seed_observes_the_same() {
    let seed = seed();
    let observe = |seed: u64| {
        // A thread of its own: nothing of the run before is there, and its hash tables have other keys.
        let run = move || {
            trace::of(|| {
                let mut explorer = Explorer::new(seed);
                explorer.run(3_000);
                trace::observe(&explorer.images);
            })
        };
        std::thread::spawn(run).join().unwrap()
    };
    assert_eq!(observe(seed), observe(seed), "TEST_SEED={seed}: the simulation is not deterministic");
    assert_ne!(observe(seed), observe(seed.wrapping_add(1)), "the hash does not depend on what is observed");
}
