//! Progress of long work, on a terminal and nowhere else.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use dreichor_replay::Watch;
use indicatif::{ProgressBar, ProgressStyle};

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that appears when the work takes its time.
pub(crate) struct Progress {
    what: &'static str,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of `what`, in bytes.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, started: Instant::now(), bar: None }
    }

    /// `done` of `total` bytes are done.
    pub(crate) fn set(&mut self, done: u64, total: u64) {
        if self.bar.is_none() && self.started.elapsed() > PATIENCE && std::io::stderr().is_terminal() {
            let style =
                ProgressStyle::with_template("{prefix} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
            let bar = ProgressBar::new(total).with_prefix(self.what);
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

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Progress {
    fn progress(&mut self, done: u64, total: u64) {
        self.set(done, total);
    }
}
