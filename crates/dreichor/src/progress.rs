//! Progress of long work, on a terminal and nowhere else.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle};

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that appears when the work takes its time.
pub(crate) struct Progress {
    what: &'static str,
    unit: Unit,
    started: Instant,
    bar: Option<ProgressBar>,
    /// The amount of work before the clock is read again.
    next: u64,
}

/// What the work is measured in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    Events,
}

impl Unit {
    /// The amount of work between two readings of the clock.
    const fn step(self) -> u64 {
        match self {
            Self::Bytes => 4 << 20,
            Self::Events => 1 << 12,
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Bytes => "{prefix} {bar:40} {bytes}/{total_bytes} {speed}",
            Self::Events => "{prefix} {bar:40} {pos}/{len} events",
        }
    }
}

impl Progress {
    /// The progress of `what`, in bytes.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, unit: Unit::Bytes, started: Instant::now(), bar: None, next: 0 }
    }

    /// The progress of `what`, in events.
    pub(crate) fn of_events(what: &'static str) -> Self {
        Self { what, unit: Unit::Events, started: Instant::now(), bar: None, next: 0 }
    }

    #[cold]
    fn show(&mut self, done: u64, total: u64) {
        self.next = done + self.unit.step();
        if self.bar.is_none() && self.started.elapsed() > PATIENCE && std::io::stderr().is_terminal() {
            // The clock started with the work, not with the bar.
            let speed = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                let millis = state.elapsed().as_millis().max(1);
                let per_second = u128::from(state.pos()) * 1_000 / millis;
                let per_second = u64::try_from(per_second).unwrap_or(u64::MAX);
                // Writing to a String cannot fail.
                let _ = write!(text, "{}/s", HumanBytes(per_second));
            };
            let style = ProgressStyle::with_template(self.unit.template())
                .map(|style| style.with_key("speed", speed));
            let bar = ProgressBar::new(total).with_prefix(self.what).with_elapsed(self.started.elapsed());
            self.bar = Some(match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            });
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }
}

impl dreichor_replay::Progress for Progress {
    #[inline]
    fn advance(&mut self, done: u64, total: u64) {
        // Work that is begun again counts from its start.
        if done == 0 {
            self.started = Instant::now();
        }
        if done >= self.next || done == 0 {
            self.show(done, total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
