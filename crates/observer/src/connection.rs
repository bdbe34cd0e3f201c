//! Connections: few, and none for ever. A client that is slow or silent makes room for the next.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};
use crate::source::Asked;

/// Over how long a time a client's pace is measured.
const PACE_TIME: Duration = Duration::from_secs(10);

/// How finely.
const PACE_STEP: Duration = Duration::from_millis(500);

/// For how long a connection without a request has only just come.
const YOUNG: Duration = Duration::from_millis(250);

/// For how long its first request may be on its way with it: a probe must not be lost for others that come at that instant.
const NEW: Duration = Duration::from_millis(20);

/// What a connection waits for, in the order in which connections are closed when places are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// The client's next request.
    Idle,
    /// The client, to take its answer.
    Sending,
    /// A place for its request.
    Queued,
    /// Its answer: never closed.
    Working,
}

/// The shared state of one connection.
pub(crate) struct Connection {
    state: Mutex<State>,
    evicted: Notify,
}

struct State {
    phase: Phase,
    since: Instant,
    /// How many bytes the client took, and when: each for a short time.
    taken: VecDeque<(Instant, u64)>,
}

/// All connections.
pub(crate) struct Connections {
    limits: Limits,
    /// For requests that are worked on.
    places: Arc<Semaphore>,
    open: Mutex<Vec<Arc<Connection>>>,
    metrics: Arc<Metrics>,
}

/// A connection in the list, for as long as it is open.
pub(crate) struct Listed {
    pub(crate) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Connection {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state();
        (state.phase, state.since) = (phase, Instant::now());
    }

    /// True while the client is to take an answer.
    pub(crate) fn is_sending(&self) -> bool {
        self.state().phase == Phase::Sending
    }

    /// The answer is there; from now on the client is waited for.
    pub(crate) fn send(self: &Arc<Self>, body: Body) -> Sending {
        self.enter(Phase::Sending);
        Sending { body, connection: Arc::clone(self) }
    }

    fn took(&self, bytes: u64) {
        let (now, mut state) = (Instant::now(), self.state());
        state.forget_before(now);
        match state.taken.back_mut() {
            Some((since, sum)) if now - *since < PACE_STEP => *sum += bytes,
            Some(_) | None => state.taken.push_back((now, bytes)),
        }
    }

    /// Waits until another wants this connection's place.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl State {
    fn forget_before(&mut self, now: Instant) {
        while self.taken.front().is_some_and(|(since, _)| now - *since > PACE_TIME) {
            self.taken.pop_front();
        }
    }

    /// The order in which connections are closed: none for one that is worked for. The client that took the fewest bytes
    /// comes first, then the one that has been waited for longest; of requests that wait for a place, the latest.
    fn rank(&mut self) -> Option<(Phase, u64, u128)> {
        self.forget_before(Instant::now());
        let age = self.since.elapsed();
        let taken = self.taken.iter().map(|(_, bytes)| bytes).sum();
        let oldest_first = u128::MAX - age.as_nanos();
        match self.phase {
            Phase::Idle if age < NEW => Some((Phase::Queued, 2, oldest_first)),
            // One that has only just come is about to ask.
            Phase::Idle if age < YOUNG => Some((Phase::Queued, 0, oldest_first)),
            Phase::Idle | Phase::Sending => Some((self.phase, taken, oldest_first)),
            Phase::Queued => Some((Phase::Queued, 1, age.as_nanos())),
            Phase::Working => None,
        }
    }
}

impl Connections {
    pub(crate) fn new(limits: Limits, metrics: Arc<Metrics>) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(limits.requests));
        Arc::new(Self { limits, places, open: Mutex::default(), metrics })
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a new connection. If there are too many, the one whose client took the fewest bytes in the last 10 s is
    /// closed: first one without a request, then one that takes its answer, then one whose request waits for a place, then one
    /// that is new.
    /// At most as many as there are places are worked for, so there is always one to close.
    pub(crate) fn list(self: &Arc<Self>) -> Listed {
        let is_full = self.open().len() >= self.limits.requests + self.limits.spare_connections;
        if is_full {
            self.evict(|_| true);
        }
        let state = State { phase: Phase::Idle, since: Instant::now(), taken: VecDeque::new() };
        let connection = Arc::new(Connection { state: Mutex::new(state), evicted: Notify::new() });
        self.open().push(Arc::clone(&connection));
        self.metrics.connections.inc();
        Listed { connection, connections: Arc::clone(self) }
    }

    /// Closes the connection whose client takes its answer most slowly, if there is one.
    pub(crate) fn evict_sending(&self) {
        self.evict(|phase| phase == Phase::Sending);
    }

    /// Closes a connection that is not worked for and takes no answer, if there is one: for its descriptor.
    pub(crate) fn evict_idle(&self) {
        self.evict(|phase| matches!(phase, Phase::Idle | Phase::Queued));
    }

    fn evict(&self, may_go: impl Fn(Phase) -> bool) {
        let mut open = self.open();
        let ranked = open.iter().enumerate().filter_map(|(at, connection)| {
            let rank = connection.state().rank().filter(|(phase, ..)| may_go(*phase))?;
            Some((rank, at))
        });
        if let Some((_, at)) = ranked.min() {
            self.metrics.evictions.inc();
            // Out of the list, so that it is not closed twice.
            open.swap_remove(at).evicted.notify_one();
        }
    }

    /// A place for a request: each request waits for its turn, so that no connection has more than its share.
    async fn place(&self, connection: &Connection, asked: Asked) -> Result<OwnedSemaphorePermit, Problem> {
        connection.enter(Phase::Queued);
        let permit = timeout_at(asked.until.into(), Arc::clone(&self.places).acquire_owned()).await;
        connection.enter(Phase::Working);
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => {
                let limit = self.limits.answer.as_secs();
                Err(Problem::new(Kind::Busy, format!("all places were taken for {limit} s; ask again")))
            }
        }
    }
}

impl Listed {
    /// A place for a request.
    pub(crate) async fn place(&self, asked: Asked) -> Result<OwnedSemaphorePermit, Problem> {
        self.connections.place(&self.connection, asked).await
    }
}

impl Connection {
    /// A probe is worked for without a place.
    pub(crate) fn probe(&self) {
        self.enter(Phase::Working);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.connections.open().retain(|other| !Arc::ptr_eq(other, &self.connection));
        self.connections.metrics.connections.dec();
    }
}

/// An answer on its way.
pub(crate) struct Sending {
    body: Body,
    connection: Arc<Connection>,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.connection.enter(Phase::Idle);
    }
}

/// A connection's socket, which notes what the client takes, and ends when it takes nothing for too long.
pub(crate) struct Metered {
    stream: Arc<TcpStream>,
    connection: Arc<Connection>,
    stall: Duration,
    /// Begun when the socket took no more.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Metered {
    pub(crate) fn new(stream: Arc<TcpStream>, connection: Arc<Connection>, stall: Duration) -> Self {
        Self { stream, connection, stall, stalled: None }
    }

    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(result) => {
                self.stalled = None;
                if let Ok(bytes) = result {
                    self.connection.took(bytes as u64);
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                let stall = self.stall;
                let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
                ready!(stalled.as_mut().poll(cx));
                let error = format!("its client took nothing for {} ms", stall.as_millis());
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, error)))
            }
        }
    }
}

/// Tries until the socket is ready or the operation is done.
fn when_ready<T>(
    mut poll: impl FnMut() -> Poll<io::Result<()>>,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        ready!(poll())?;
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &self.stream;
        let read =
            when_ready(|| stream.poll_read_ready(cx), || stream.try_read(buffer.initialize_unfilled()));
        buffer.advance(ready!(read)?);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = &self.stream;
        let written = when_ready(|| stream.poll_write_ready(cx), || stream.try_write(bytes));
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = &self.stream;
        let written = when_ready(|| stream.poll_write_ready(cx), || stream.try_write_vectored(slices));
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(rustix::net::shutdown(&*self.stream, rustix::net::Shutdown::Write).map_err(Into::into))
    }
}
