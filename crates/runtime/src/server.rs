//! The loop of `ingest --listen`: waits for connections, inputs and room for answers, and takes a turn of all that is
//! ready.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use dreichor_core::value::LogicalTime;
use dreichor_log::WriteMedium;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::ingest::{IngestError, Session};
use crate::upstreams::{Limits, Peer, Upstreams, Wait};

/// The time that upstreams have, at the end, to take their answers.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The pause after a connection could not be accepted, and between two reports.
const PAUSE: Duration = Duration::from_secs(1);

/// What the process around a server asks for.
pub trait Host {
    /// A descriptor that can be read as soon as the process is asked to end.
    fn wake(&self) -> BorrowedFd<'_>;

    /// True if the process was asked to end.
    fn is_asked_to_end(&self) -> bool;

    /// Called when the server is in another state, at most once a second.
    fn report(&self, state: ServerState);
}

/// The state of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerState {
    /// The number of connections.
    pub connections: usize,
    /// The time of the last recorded event; none: the log is empty.
    pub last_logical_time: Option<LogicalTime>,
}

/// Records the inputs of all upstreams that connect to `listener`, until the process is asked to end. What was computed
/// by then is durable and acknowledged.
///
/// # Errors
///
/// A store cannot be used or written to, or the system cannot wait. What was acknowledged is durable.
pub fn serve<M: WriteMedium>(
    listener: &UnixListener,
    session: &mut Session<'_, M>,
    limits: Limits,
    host: &impl Host,
) -> Result<(), IngestError> {
    let mut server = Server {
        listener,
        upstreams: Upstreams::new(limits),
        connections: 0,
        accepts_after: None,
        reported: None,
        reports_after: None,
    };
    while !host.is_asked_to_end() {
        server.wait(host).map_err(IngestError::Unreadable)?;
        server.accept();
        server.upstreams.turn(session, Instant::now())?;
        server.report(session.history().state().last_logical_time(), host);
    }
    tracing::info!(connections = server.upstreams.count(), "asked to end");
    server.send_last_answers();
    Ok(())
}

struct Server<'l> {
    listener: &'l UnixListener,
    upstreams: Upstreams,
    /// The number of connections so far.
    connections: u64,
    /// No connection is accepted before: the system could not give one.
    accepts_after: Option<Instant>,
    reported: Option<(ServerState, Instant)>,
    /// When the present state may be reported, if it is another than the reported one.
    reports_after: Option<Instant>,
}

impl Server<'_> {
    /// Waits until something is to be done.
    fn wait(&mut self, host: &impl Host) -> io::Result<()> {
        let now = Instant::now();
        self.accepts_after = self.accepts_after.filter(|after| *after > now);
        let timeout = if self.upstreams.are_ready() { Some(now) } else { self.next_deadline() };
        let mut waits = vec![PollFd::from_borrowed_fd(host.wake(), PollFlags::IN)];
        waits.extend(self.upstreams.waits().map(|(descriptor, wait)| {
            let flags = match wait {
                Wait::Input => PollFlags::IN,
                Wait::Room => PollFlags::OUT,
            };
            PollFd::from_borrowed_fd(descriptor, flags)
        }));
        if self.accepts_after.is_none() {
            waits.push(PollFd::from_borrowed_fd(self.listener.as_fd(), PollFlags::IN));
        }
        let woken = wait_until(&mut waits, timeout)?;
        let count = self.upstreams.count();
        let woken: Vec<bool> =
            waits[1..=count].iter().map(|wait| woken && !wait.revents().is_empty()).collect();
        self.upstreams.wake(woken.into_iter());
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.upstreams.deadline(), self.accepts_after, self.reports_after].into_iter().flatten().min()
    }

    /// Accepts all connections that wait.
    fn accept(&mut self) {
        while self.accepts_after.is_none() {
            let accepted = self.listener.accept().and_then(|(stream, _)| {
                self.connections += 1;
                let peer = Peer::of(&stream, self.connections)?;
                self.upstreams.accept(stream, peer)
            });
            match accepted {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
                    ) => {}
                Err(error) => {
                    tracing::error!("a connection could not be accepted, tried again in 1 s: {error}");
                    self.accepts_after = Some(Instant::now() + PAUSE);
                }
            }
        }
    }

    fn report(&mut self, last_logical_time: Option<LogicalTime>, host: &impl Host) {
        let state = ServerState { connections: self.upstreams.count(), last_logical_time };
        let now = Instant::now();
        let changed = self.reported.filter(|(reported, _)| *reported != state);
        self.reports_after = changed.map(|(_, at)| at + PAUSE).filter(|after| *after > now);
        if self.reported.is_none() || (changed.is_some() && self.reports_after.is_none()) {
            host.report(state);
            self.reported = Some((state, now));
        }
    }

    fn send_last_answers(&mut self) {
        let deadline = Instant::now() + LAST_ANSWERS;
        while !self.upstreams.send() && Instant::now() < deadline {
            let mut waits: Vec<_> = self
                .upstreams
                .waits()
                .map(|(descriptor, _)| PollFd::from_borrowed_fd(descriptor, PollFlags::OUT))
                .collect();
            if wait_until(&mut waits, Some(deadline)).is_err() {
                return;
            }
        }
    }
}

/// Waits for one of the descriptors; false if the time came first, or a signal.
fn wait_until(waits: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<bool> {
    let patience = deadline.map(|deadline| {
        // A millisecond more, so that the deadline has passed at its end.
        let left = deadline.saturating_duration_since(Instant::now());
        let left = if left.is_zero() { left } else { left + Duration::from_millis(1) };
        Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
    });
    match poll(waits, patience.as_ref()) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
