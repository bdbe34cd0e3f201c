//! Results, on standard output.

use std::io::{self, BufWriter, StdoutLock, Write};

use dreichor_replay::Error;

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command's own error.
    Command(Error),
    /// What was asked for is not there: the question was wrong, not the stores.
    NotFound(String),
    /// Whoever read the result has closed the pipe.
    OutputClosed,
    /// The result could not be printed.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Command(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::OutputClosed } else { Self::Output(error) }
    }
}

/// Standard output, in large pieces.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Prints one line.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    let mut out = stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// `text` as it may be shown on a terminal: control and direction characters escaped.
pub(crate) fn escape(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        chunk.valid().chars().for_each(|character| dreichor_core::fault::push_escaped(&mut shown, character));
        if !chunk.invalid().is_empty() {
            shown.push(char::REPLACEMENT_CHARACTER);
        }
    }
    shown
}
