//! The upstreams of `ingest --listen`: connections that each speak what the pipe speaks.
//!
//! ```text
//! connection ──batcher──▶ lines ─┐                                     ┌─▶ outbox ──▶ connection
//! connection ──batcher──▶ lines ─┴─round──▶ session (one commit) ──────┴─▶ outbox ──▶ connection
//! ```
//!
//! A turn takes what every connection has ready, one input of each in turn, and records it in one commit. So upstreams
//! that each wait for their answer share one sync.
//!
//! Invariant: memory is bounded. Nothing is read from a connection that has not taken all its answers, and a turn takes no
//! more than the limits of a batch.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dreichor_log::WriteMedium;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::acknowledgement::{Acknowledgements, write_rejection};
use crate::batch::{self, Batcher, InputLine, Inputs, Lines, Next, Read, Source};
use crate::ingest::{IngestError, Session};
use crate::orchestrator::Rejection;

/// Upper bounds on connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most connections.
    pub connections: usize,
    /// The time in which a line must be whole, from its first byte.
    pub line: Duration,
    /// The limits of one turn of all connections.
    pub turn: batch::Limits,
    /// The most bytes in one turn of one connection; at least 65,536.
    pub connection_bytes: usize,
}

/// 64 connections, 30 s for a line, the limits of a batch for a turn, and 256 KiB of it for one connection.
impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            line: Duration::from_secs(30),
            turn: batch::Limits::default(),
            connection_bytes: 256 << 10,
        }
    }
}

/// The connections, in the order in which they came.
#[derive(Debug)]
pub struct Upstreams {
    limits: Limits,
    upstreams: Vec<Upstream>,
}

/// Who is at the other end of a connection, for log lines.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The number of the connection since the start, from 1.
    pub number: u64,
    /// The user of the process that connected.
    pub uid: u32,
    /// The process that connected; 0 if it is in another name space.
    pub pid: i32,
}

impl Peer {
    /// Asks the system who connected (`SO_PEERCRED`, `unix(7)`).
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn of(stream: &UnixStream, number: u64) -> io::Result<Self> {
        let credentials = getsockopt(stream, PeerCredentials)?;
        Ok(Self { number, uid: credentials.uid(), pid: credentials.pid() })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (uid {}, pid {})", self.number, self.uid, self.pid)
    }
}

/// One connection.
#[derive(Debug)]
struct Upstream {
    batcher: Batcher<Connection>,
    outbox: Outbox,
    /// More may be read without waiting.
    is_ready: bool,
    /// The line of which only a part has come, and since when.
    unfinished: Option<(u64, Instant)>,
}

impl Upstreams {
    /// Creates an empty set.
    pub fn new(limits: Limits) -> Self {
        Self { limits, upstreams: Vec::new() }
    }

    /// The number of connections.
    pub fn count(&self) -> usize {
        self.upstreams.len()
    }

    /// Takes a new connection; or refuses it, if there are too many.
    ///
    /// # Errors
    ///
    /// The system's error; the connection is closed.
    pub fn accept(&mut self, stream: UnixStream, peer: Peer) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let stream = Arc::new(stream);
        let mut outbox = Outbox::new(Arc::clone(&stream), peer);
        if self.upstreams.len() >= self.limits.connections {
            let message = format!(
                "{} connections are open, and no more are accepted; nothing was read; next: connect again when another upstream has closed its connection",
                self.upstreams.len()
            );
            tracing::warn!(upstream = %peer, "refused: {message}");
            outbox.end_with(0, "too-many-connections", &message);
            outbox.send();
            return Ok(());
        }
        let limits = batch::Limits { bytes: self.limits.connection_bytes, ..self.limits.turn };
        let batcher = Batcher::with_limits(Connection { stream, is_drained: false }, limits);
        tracing::info!(upstream = %peer, connections = self.upstreams.len() + 1, "connected");
        self.upstreams.push(Upstream { batcher, outbox, is_ready: true, unfinished: None });
        Ok(())
    }

    /// The descriptors to wait for, each with what for: to be read, or to take what is pending.
    pub(crate) fn waits(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Wait)> {
        self.upstreams.iter().map(|upstream| {
            let wait = if upstream.outbox.is_empty() { Wait::Input } else { Wait::Room };
            (upstream.outbox.stream.as_fd(), wait)
        })
    }

    /// Notes which connections need not be waited for any more, in the order in which they came.
    pub fn wake(&mut self, is_ready: impl Iterator<Item = bool>) {
        for (upstream, is_ready) in self.upstreams.iter_mut().zip(is_ready) {
            if is_ready {
                upstream.outbox.send();
                upstream.is_ready = true;
            }
        }
    }

    /// True if a turn may find inputs without waiting.
    pub fn are_ready(&self) -> bool {
        self.upstreams.iter().any(Upstream::may_be_read)
    }

    /// The next moment at which an unfinished line takes too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let since = self.upstreams.iter().filter_map(|upstream| upstream.unfinished);
        since.map(|(_, since)| since + self.limits.line).min()
    }

    /// Records all that is ready in one commit, and answers. Connections that have ended are closed.
    ///
    /// # Errors
    ///
    /// A store cannot be used or written to. Nobody got an answer of this commit, and the session must not be used again.
    pub fn turn<M: WriteMedium>(
        &mut self,
        session: &mut Session<'_, M>,
        now: Instant,
    ) -> Result<(), IngestError> {
        self.record(session)?;
        for upstream in &mut self.upstreams {
            upstream.watch_line(self.limits.line, now);
        }
        self.upstreams.retain_mut(|upstream| {
            upstream.outbox.send();
            !upstream.outbox.is_closed
        });
        Ok(())
    }

    fn record<M: WriteMedium>(&mut self, session: &mut Session<'_, M>) -> Result<(), IngestError> {
        let ready = self.upstreams.iter().filter(|upstream| upstream.may_be_read()).count().max(1);
        // Of the connections that are ready, none can take another's share.
        let share =
            batch::Limits { inputs: self.limits.turn.inputs / ready, bytes: self.limits.turn.bytes / ready };
        let mut round = Round { lines: VecDeque::new(), rejected: Vec::new() };
        let mut outboxes = Vec::with_capacity(self.upstreams.len());
        let mut bytes = 0;
        for (sender, upstream) in self.upstreams.iter_mut().enumerate() {
            let may_be_read = upstream.may_be_read();
            let Upstream { batcher, outbox, is_ready, .. } = upstream;
            if may_be_read {
                batcher.limit(share);
                match batcher.next_batch() {
                    Ok(Next::Batch(batch)) => {
                        bytes += batch.length();
                        round.lines.push_back((sender, batch.lines()));
                    }
                    Ok(Next::Nothing) => *is_ready = false,
                    Ok(Next::End) => outbox.end(),
                    Err(error) => outbox.fail(&error),
                }
            }
            outboxes.push(outbox);
        }
        if round.lines.is_empty() {
            return Ok(());
        }
        session.record_all(&mut round, bytes, &mut |acknowledgements: &Acknowledgements| {
            for (sender, line) in acknowledgements.by_sender() {
                outboxes[sender].pending.extend_from_slice(line);
            }
            // Before the snapshots are written.
            for outbox in &mut outboxes {
                outbox.send();
            }
            Ok(())
        })?;
        for (sender, rejection) in round.rejected {
            tracing::warn!(upstream = %outboxes[sender].peer, "{rejection}");
            outboxes[sender].end();
        }
        Ok(())
    }

    /// Sends what is pending as far as it is taken without waiting; true if nothing is left.
    pub(crate) fn send(&mut self) -> bool {
        self.upstreams.retain_mut(|upstream| {
            upstream.outbox.send();
            !upstream.outbox.pending.is_empty()
        });
        self.upstreams.is_empty()
    }
}

impl Upstream {
    /// True if something may have come, and all answers are taken.
    fn may_be_read(&self) -> bool {
        self.is_ready && self.outbox.is_empty()
    }

    /// Ends the connection if its line takes too long.
    fn watch_line(&mut self, line_max: Duration, now: Instant) {
        // A sender whose answers are not taken is not read from, so its line cannot become whole.
        let unfinished = self.batcher.unfinished_line().filter(|_| self.outbox.is_empty());
        self.unfinished = unfinished.map(|line| match self.unfinished {
            Some((before, since)) if before == line => (line, since),
            Some(_) | None => (line, now),
        });
        if let Some((line, _)) = self.unfinished.filter(|(_, since)| now - *since >= line_max) {
            let message = format!(
                "input line {line} was not ended by an LF within {} s of its first byte; nothing of it was recorded, everything before it is; next: send it again, whole",
                line_max.as_secs()
            );
            tracing::warn!(upstream = %self.outbox.peer, "{message}");
            self.outbox.end_with(line, "line-timeout", &message);
            self.unfinished = None;
        }
    }
}

/// What a connection is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Something to read.
    Input,
    /// Room for what is pending.
    Room,
}

/// The inputs of a turn: one of each connection in turn.
struct Round<'b> {
    /// The connections that have more, each with its lines; the last is the one that was asked last.
    lines: VecDeque<(usize, Lines<'b>)>,
    rejected: Vec<(usize, String)>,
}

impl<'b> Iterator for Round<'b> {
    type Item = InputLine<'b>;

    fn next(&mut self) -> Option<InputLine<'b>> {
        loop {
            let (sender, mut lines) = self.lines.pop_front()?;
            if let Some(line) = lines.next() {
                self.lines.push_back((sender, lines));
                return Some(InputLine { sender, ..line });
            }
        }
    }
}

/// A rejection ends its connection; the others go on.
impl<'b> Inputs<'b> for Round<'b> {
    fn go_on_after(&mut self, rejection: &Rejection) -> bool {
        let rejected = self.lines.pop_back();
        self.rejected.extend(rejected.map(|(sender, _)| (sender, rejection.to_string())));
        true
    }
}

/// The reading side of a connection. It never waits.
#[derive(Debug)]
struct Connection {
    stream: Arc<UnixStream>,
    /// The last read found less than it asked for.
    is_drained: bool,
}

impl Source for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        loop {
            let read = (&*self.stream).read(buffer);
            self.is_drained = read.as_ref().is_ok_and(|count| *count < buffer.len());
            match read {
                Ok(0) => return Ok(Read::End),
                Ok(count) => return Ok(Read::Bytes(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_drained = true;
                    return Ok(Read::Nothing);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        Ok(!self.is_drained)
    }

    fn is_interrupted(&self) -> bool {
        false
    }

    fn length(&self) -> Option<u64> {
        None
    }
}

/// The writing side of a connection.
#[derive(Debug)]
struct Outbox {
    stream: Arc<UnixStream>,
    peer: Peer,
    /// Answers that the upstream has not taken yet.
    pending: Vec<u8>,
    /// The connection is closed when nothing is pending.
    is_last: bool,
    is_closed: bool,
}

impl Outbox {
    fn new(stream: Arc<UnixStream>, peer: Peer) -> Self {
        Self { stream, peer, pending: Vec::new(), is_last: false, is_closed: false }
    }

    /// True if nothing is pending and more may come.
    fn is_empty(&self) -> bool {
        self.pending.is_empty() && !self.is_last
    }

    /// Closes the connection after what is pending.
    fn end(&mut self) {
        self.is_last = true;
    }

    /// The same, with this rejection as the last answer.
    fn end_with(&mut self, line: u64, rule: &str, message: &str) {
        write_rejection(&mut self.pending, line, rule, "", message);
        self.end();
    }

    /// The connection is broken: nobody is there any more.
    fn fail(&mut self, error: &io::Error) {
        tracing::info!(upstream = %self.peer, "gone: {error}");
        self.pending.clear();
        self.end();
    }

    /// Sends what is pending as far as it is taken without waiting.
    fn send(&mut self) {
        while !self.pending.is_empty() {
            match (&*self.stream).write(&self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.fail(&error),
            }
        }
        if self.is_last && !self.is_closed {
            self.close();
        }
    }

    /// Closes the connection so that the upstream reads its last answer and then the end: a socket that is closed with
    /// unread bytes resets the connection instead.
    fn close(&mut self) {
        self.is_closed = true;
        tracing::info!(upstream = %self.peer, "closed");
        // If the upstream is gone, nothing has to be said to it.
        let _ = self.stream.shutdown(Shutdown::Read);
        let mut unread = [0; 4_096];
        while (&*self.stream).read(&mut unread).is_ok_and(|count| count > 0) {}
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
