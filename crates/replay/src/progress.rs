//! The progress of work, in bytes.

/// Receives the progress of work.
pub trait Progress {
    /// Reports that `done` of `total` bytes are done. Called often; must be cheap.
    fn advance(&mut self, done: u64, total: u64);
}

/// Ignores the progress.
impl Progress for () {
    fn advance(&mut self, _: u64, _: u64) {}
}
