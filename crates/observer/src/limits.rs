//! How much the Observer does at once, and how long it waits.

use std::time::Duration;

/// Limits and deadlines. The defaults are those of the documentation; tests of slow clients give shorter ones.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many requests are worked on at once, probes apart.
    pub requests: usize,
    /// How many further connections there may be: they wait for the next request, or hold a probe.
    pub spare_connections: usize,
    /// The time limit for the headers of a client's next request.
    pub headers: Duration,
    /// How long a request may take to be computed.
    pub answer: Duration,
    /// How long a client may take nothing of an answer that has begun.
    pub stall: Duration,
    /// How long a probe waits for what a look at the stores finds, before it says what was known before.
    pub probe: Duration,
    /// The time that a stop waits for requests in progress.
    pub stop: Duration,
    /// How many bytes answers may have together, from before they are made until they are taken.
    pub room_bytes: u64,
    /// How many bytes of the log a search reads for one request.
    pub search_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 64,
            spare_connections: 16,
            headers: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            probe: Duration::from_millis(50),
            stop: Duration::from_secs(5),
            room_bytes: 128 << 20,
            search_bytes: 128 << 20,
        }
    }
}
