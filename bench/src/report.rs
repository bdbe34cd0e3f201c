//! The figures that a program prints about its own run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Figures of one run, printed by a peer as one line of JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct Report {
    /// Ticks that are durable.
    pub(crate) ticks: u64,
    /// Time that they took.
    pub(crate) seconds: f64,
    /// Time from a commit's start to its end, that half of all commits stay below, in microseconds.
    pub(crate) latency_50: f64,
    /// The same of 99 of 100 commits.
    pub(crate) latency_99: f64,
}

impl Report {
    /// Sums up the times of commits.
    pub(crate) fn new(ticks: u64, mut times: Vec<Duration>) -> Self {
        let seconds = times.iter().sum::<Duration>().as_secs_f64();
        times.sort_unstable();
        let at = |share: usize| {
            let index = (times.len() * share / 100).min(times.len().saturating_sub(1));
            times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        Self { ticks, seconds, latency_50: at(50), latency_99: at(99) }
    }
}
