//! A crash at every call of a writer's life, of its recovery, and of the recovery after that: whatever the
//! medium kept, nothing acknowledged is lost and the end is that of an uninterrupted run.
//!
//! `CRASH_IMAGES` says how many images to look at (default 100,000). Ten million:
//! `CRASH_IMAGES=10000000 cargo test --release -p dreichor-simulation --test crash -- --nocapture`

mod support;

use support::crash::Explorer;
use support::seed;

#[test]
fn nothing_is_lost_wherever_it_crashes() {
    let seed = seed();
    let wanted: u64 =
        std::env::var("CRASH_IMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let images: u64 = std::thread::scope(|scope| {
        let run = |thread: u64| {
            let mut explorer = Explorer::new(seed.wrapping_add(thread));
            // Long, and the same in every thread but for the seed: once is enough.
            if thread == 0 {
                explorer.crash_every_recovery();
                explorer.run_largest_batch();
            }
            explorer.run(explorer.images + wanted / threads);
            explorer.images
        };
        let runs: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    eprintln!("{images} crash images");
    assert!(images >= wanted / threads * threads);
}
