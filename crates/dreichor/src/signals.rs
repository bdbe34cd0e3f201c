//! SIGINT and SIGTERM: they end the process after its pending work.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use dreichor_runtime::ExitCode;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

use crate::output::Failure;

/// The time that the reader of the output has, after a signal, to read pending output.
const AFTER_SIGNAL: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Remembers a signal, and wakes who waits for one.
pub(crate) struct Signals {
    received: Arc<AtomicUsize>,
    wake: UnixStream,
}

/// A file that may not grow further fails the write (and exit 13 says so), instead of killing the process.
pub(crate) fn ignore_file_size_limit() {
    // If no handler can be set, the kernel ends the process. No data is lost by that either.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// True while a signal ends the process at once.
static ENDS_AT_ONCE: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on, SIGINT and SIGTERM end the process at once: also as process 1 of a container, for which the kernel
/// ignores signals without a handler. The runtime ends with 0, every other command with 128 and the signal's number.
pub(crate) fn end_at_signal(is_runtime: bool) {
    let ends = ENDS_AT_ONCE.get_or_init(|| Arc::new(AtomicBool::new(true)));
    for (signal, code) in [(SIGINT, ExitCode::Interrupted), (SIGTERM, ExitCode::Terminated)] {
        let code = if is_runtime { ExitCode::Done } else { code };
        // If no handler can be set, the default action ends the process.
        let _ = signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(code.number()),
            Arc::clone(ends),
        );
    }
}

impl Signals {
    /// From now on, SIGINT and SIGTERM end the process after its pending work.
    pub(crate) fn catch() -> Result<Self, Failure> {
        Self::register().map_err(|error| Failure::Internal(format!("no signal handler: {error}")))
    }

    fn register() -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        let (wake, waker) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            let number = number_of(signal);
            // Stored before the wake-up, so that the woken thread finds it.
            signal_hook::flag::register_usize(signal, Arc::clone(&received), number)?;
            signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        if let Some(ends) = ENDS_AT_ONCE.get() {
            ends.store(false, Ordering::SeqCst);
        }
        Ok(Self { received, wake })
    }

    /// The exit code that the signal asks for (128 and its number), if there was one.
    pub(crate) fn exit_code(&self) -> Option<ExitCode> {
        match self.received.load(Ordering::SeqCst) {
            0 => None,
            number if number == number_of(SIGINT) => Some(ExitCode::Interrupted),
            _ => Some(ExitCode::Terminated),
        }
    }

    /// A descriptor that can be read from the first signal on.
    pub(crate) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Waits until a read of `source` would not wait, or there was a signal.
    pub(crate) fn wait_for(&self, source: &impl AsFd) -> io::Result<()> {
        let mut waits = [PollFd::new(source, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
        wait_for_any(&mut waits)
    }

    /// Waits until a write to `sink` would not wait; false if a signal came first, and then too much time passed.
    pub(crate) fn wait_to_write(&self, sink: &impl AsFd) -> io::Result<bool> {
        loop {
            let mut waits = [PollFd::new(sink, PollFlags::OUT), PollFd::new(&self.wake, PollFlags::IN)];
            let is_signalled = self.exit_code().is_some();
            let patience = is_signalled.then_some(&AFTER_SIGNAL);
            // Once signalled, the wake descriptor is always ready: only the sink is asked then.
            let waited = poll(if is_signalled { &mut waits[..1] } else { &mut waits[..] }, patience);
            match waited {
                Ok(0) => return Ok(false),
                Ok(_) if !waits[0].revents().is_empty() => return Ok(true),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until there was a signal.
    pub(crate) fn wait(&self) -> io::Result<()> {
        while self.exit_code().is_none() {
            wait_for_any(&mut [PollFd::new(&self.wake, PollFlags::IN)])?;
        }
        Ok(())
    }
}

const fn number_of(signal: i32) -> usize {
    signal.unsigned_abs() as usize
}

fn wait_for_any(waits: &mut [PollFd<'_>]) -> io::Result<()> {
    match poll(waits, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// True if a read of `source` would not wait.
pub(crate) fn is_ready(source: &impl AsFd) -> io::Result<bool> {
    let mut waits = [PollFd::new(source, PollFlags::IN)];
    match poll(&mut waits, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
