//! How far apart the two cores are: what one writes and the other reads crosses their distance. A host may move the cores of a
//! virtual machine at any time, to those that share a cache or to those that do not.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use crate::measure::Sample;

/// How often a line of the cache goes from one core to the other and back.
const ROUND_TRIPS: u32 = 100_000;

/// Name in the table.
pub(crate) const NAME: &str = "100,000 times a line of the cache from core to core and back";

/// Lets two threads, each on a core, write one number in turn.
pub(crate) fn measure() -> Sample {
    let turn = AtomicU32::new(0);
    let write_in_turn = |first: u32| {
        for number in (first..2 * ROUND_TRIPS).step_by(2) {
            while turn.load(Ordering::Acquire) != number {
                std::hint::spin_loop();
            }
            turn.store(number + 1, Ordering::Release);
        }
    };
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| write_in_turn(1));
        write_in_turn(0);
    });
    Sample { seconds: start.elapsed().as_secs_f64(), ticks: 0, latency: None, peak: None }
}
