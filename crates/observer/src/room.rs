//! Room for answers in memory: taken before an answer is made, given back when its client has taken it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::connection::Connections;

/// The unit of room, in bytes. An answer of one unit needs no room.
pub(crate) const UNIT_BYTES: u64 = 64 << 10;

/// How long room is waited for before another client has to make it.
const PATIENCE: Duration = Duration::from_millis(250);

/// All room.
pub(crate) struct Room {
    units: Arc<Semaphore>,
    units_max: u32,
    turn: Mutex<()>,
    connections: Arc<Connections>,
}

/// The room of one answer.
#[derive(Debug)]
pub(crate) struct Taken(Option<OwnedSemaphorePermit>);

impl Room {
    pub(crate) fn new(bytes: u64, connections: Arc<Connections>) -> Self {
        let units_max = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX);
        Self {
            units: Arc::new(Semaphore::new(units_max as usize)),
            units_max,
            turn: Mutex::default(),
            connections,
        }
    }

    /// Takes room for an answer of so many bytes, or all there is. As long as there is too little, the client that takes
    /// its own answer most slowly is closed.
    pub(crate) async fn take(&self, bytes: u64) -> Taken {
        let units = units(bytes).min(self.units_max);
        if units == 0 {
            return Taken(None);
        }
        // One waits at a time, so that no more clients are closed than have to be.
        let _turn = self.turn.lock().await;
        loop {
            match timeout(PATIENCE, Arc::clone(&self.units).acquire_many_owned(units)).await {
                Ok(permit) => return Taken(permit.ok()),
                Err(_) => self.connections.evict_sending(),
            }
        }
    }
}

impl Taken {
    /// Gives back what the answer, now that it is made, does not need.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let needed = units(bytes) as usize;
        if let Some(mut all) = self.0.take() {
            self.0 =
                if needed < all.num_permits() { all.split(needed).filter(|_| needed > 0) } else { Some(all) };
        }
    }
}

fn units(bytes: u64) -> u32 {
    if bytes <= UNIT_BYTES { 0 } else { u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX) }
}
