//! Connections: a limited number, for a limited time. A slow or silent client is closed in favor of a new one.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::guard::REQUEST_TIMEOUT;
use crate::metrics::Metrics;

/// The maximum number of connections at once.
const CONNECTIONS_MAX: usize = 64;

/// The time limit for the headers of a client's next request.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);

/// The interval at which a connection checks the time.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// The size of a frame of an answer, in bytes: the client's pace is measured between frames.
const FRAME_BYTES: usize = 64 << 10;

/// The memory of all answers in transit, in frames: eight of the largest. An answer of one frame is not counted.
const ROOM_FRAMES: u32 = 8 * 256;

/// The side that a connection waits for, and the start of the wait.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The client, to send a request.
    Waiting(Instant),
    /// The server, to answer.
    Answering,
    /// The client, to read its answer; since its request.
    Sending(Instant),
}

/// The shared state of one connection.
pub(crate) struct Connection {
    phase: Mutex<Phase>,
    evicted: Notify,
}

/// All connections.
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    /// The free memory for answers, in frames.
    room: Arc<Semaphore>,
    open: Mutex<Vec<Arc<Connection>>>,
    metrics: Arc<Metrics>,
}

/// A connection's place, held for as long as it is open.
pub(crate) struct Place {
    pub(crate) connection: Arc<Connection>,
    connections: Arc<Connections>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// The headers of a request have arrived.
    pub(crate) fn ask(&self) -> Instant {
        let now = Instant::now();
        self.enter(Phase::Answering);
        now
    }

    /// The answer is complete and has memory; from now on the connection waits for the client.
    pub(crate) fn answer(self: &Arc<Self>, asked: Instant, body: Body, room: Room) -> Sending {
        self.enter(Phase::Sending(asked));
        Sending { body, rest: Bytes::new(), connection: Arc::clone(self), _room: room }
    }

    /// True if the client exceeded its time.
    pub(crate) fn is_overdue(&self) -> bool {
        match self.phase() {
            Phase::Waiting(since) => since.elapsed() > HEADERS_TIMEOUT,
            // The guard always answers in time.
            Phase::Answering => false,
            Phase::Sending(asked) => asked.elapsed() > REQUEST_TIMEOUT,
        }
    }

    /// Waits until another wants this connection's place.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Connections {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let room = Arc::new(Semaphore::new(ROOM_FRAMES as usize));
        Arc::new(Self { places, room, open: Mutex::default(), metrics })
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection: a free one, or that of the client that has kept the server waiting longest: first for
    /// a request, then for reading an answer.
    pub(crate) async fn place(self: &Arc<Self>) -> io::Result<Place> {
        let permit = self.take(&self.places, 1, |phase| match phase {
            Phase::Waiting(since) => Some((0, since)),
            Phase::Sending(since) => Some((1, since)),
            Phase::Answering => None,
        });
        let permit = permit.await?;
        let phase = Mutex::new(Phase::Waiting(Instant::now()));
        let connection = Arc::new(Connection { phase, evicted: Notify::new() });
        self.open().push(Arc::clone(&connection));
        self.metrics.connections.inc();
        Ok(Place { connection, connections: Arc::clone(self), _permit: permit })
    }

    /// Memory for an answer: free memory, or that of the clients that have kept the server waiting longest to read theirs.
    async fn room(&self, bytes: u64) -> io::Result<Room> {
        let frames = bytes.div_ceil(FRAME_BYTES as u64);
        if frames <= 1 {
            return Ok(Room { _permit: None });
        }
        let frames = u32::try_from(frames).unwrap_or(u32::MAX).min(ROOM_FRAMES);
        let permit = self.take(&self.room, frames, |phase| match phase {
            Phase::Sending(since) => Some((0, since)),
            Phase::Waiting(_) | Phase::Answering => None,
        });
        Ok(Room { _permit: Some(permit.await?) })
    }

    /// Takes this number of permits. While there are not enough, closes the first connection by `order`.
    async fn take(
        &self,
        of: &Arc<Semaphore>,
        count: u32,
        order: impl Fn(Phase) -> Option<(u8, Instant)>,
    ) -> io::Result<OwnedSemaphorePermit> {
        loop {
            if of.available_permits() < count as usize {
                self.evict(&order);
            }
            // There may be none to close: then it waits for one that ends, and tries again.
            if let Ok(permit) = timeout(TICK, Arc::clone(of).acquire_many_owned(count)).await {
                return permit.map_err(io::Error::other);
            }
        }
    }

    /// Closes the first connection by `order`. A connection without an order, such as one that waits for the server, stays.
    fn evict(&self, order: impl Fn(Phase) -> Option<(u8, Instant)>) {
        let mut open = self.open();
        let ordered = open.iter().enumerate();
        let ordered = ordered.filter_map(|(at, connection)| Some((order(connection.phase())?, at)));
        if let Some((_, at)) = ordered.min() {
            self.metrics.evictions.inc();
            // Removed from the list, so that it is closed only once.
            open.swap_remove(at).evicted.notify_one();
        }
    }
}

impl Place {
    /// Memory for an answer of this number of bytes.
    pub(crate) async fn room(&self, bytes: u64) -> io::Result<Room> {
        self.connections.room(bytes).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().retain(|other| !Arc::ptr_eq(other, &self.connection));
        self.connections.metrics.connections.dec();
    }
}

/// The memory of an answer, held while it is in transit; none: the answer is small.
pub(crate) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

/// An answer in transit, in frames.
pub(crate) struct Sending {
    body: Body,
    rest: Bytes,
    connection: Arc<Connection>,
    _room: Room,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx))
                .transpose()?
                .map(Frame::into_data)
            {
                Some(Ok(data)) => self.rest = data,
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(FRAME_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        match self.body.size_hint().exact() {
            Some(body) => SizeHint::with_exact(rest + body),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.connection.enter(Phase::Waiting(Instant::now()));
    }
}
