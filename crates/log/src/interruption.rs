//! Repetition of calls that a signal interrupted.

use std::io;

/// Repeats a call while a signal interrupts it before it has done anything.
///
/// # Errors
///
/// The call's error, if it is another one.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
