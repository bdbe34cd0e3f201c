//! Which of the standard streams were closed when the process started.
//!
//! Before `main`, Rust's runtime opens /dev/null in the place of a standard stream that is closed. So what is written
//! there is lost without an error, and what is read there seems to be empty. From `main` on, nothing shows the
//! difference to a caller who chose /dev/null. So the streams are examined earlier: by a function in `.init_array`, which
//! the loader calls before the runtime starts (System V gABI, chapter 5).
//!
//! On a system that is not Linux, no stream is reported as closed.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// A standard stream. The number of its descriptor is the position of its bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Descriptor 0.
    Input,
    /// Descriptor 1.
    Output,
    /// Descriptor 2.
    Error,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "standard input",
            Self::Output => "standard output",
            Self::Error => "standard error",
        })
    }
}

impl Stream {
    /// True if the stream was closed when the process started.
    pub fn was_closed(self) -> bool {
        CLOSED.load(Ordering::Relaxed) & (1 << self as u8) != 0
    }
}

/// A bit for each stream that was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

#[cfg(target_os = "linux")]
mod before_main {
    use super::{CLOSED, Ordering, Stream};

    /// The loader calls each function of this section once, before `main` and before any other thread.
    #[used]
    #[expect(
        unsafe_code,
        reason = "the linker puts the function's address where the loader looks for such addresses"
    )]
    #[unsafe(link_section = ".init_array")]
    static EXAMINE: extern "C" fn() = examine;

    /// Uses no part of the runtime, which is not started yet: a system call and an atomic variable only.
    extern "C" fn examine() {
        for stream in [Stream::Input, Stream::Output, Stream::Error] {
            // SAFETY: F_GETFD takes any number, changes nothing and touches no memory. Of a number that is no
            // descriptor it returns -1, which is its only error (POSIX, fcntl: EBADF).
            #[expect(unsafe_code, reason = "the call is unsafe for other commands than F_GETFD")]
            let flags = unsafe { libc::fcntl(stream as i32, libc::F_GETFD) };
            if flags == -1 {
                CLOSED.fetch_or(1 << stream as u8, Ordering::Relaxed);
            }
        }
    }
}
