//! Progress of work that is done in bytes.

/// Is told now and then how far the work is.
pub trait Progress {
    /// `done` of `total` bytes are done.
    fn advance(&mut self, done: u64, total: u64);
}

/// Progress that nobody wants to know.
impl Progress for () {
    fn advance(&mut self, _: u64, _: u64) {}
}
