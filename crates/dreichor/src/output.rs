//! Results, on standard output.

use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::PathBuf;

use dreichor_audit::clone::CloneError;
use dreichor_audit::publish::PublishError;
use dreichor_audit::salvage::SalvageError;
use dreichor_replay::Error;
use dreichor_runtime::ExitCode;
use dreichor_runtime::config::ConfigError;
use dreichor_runtime::gate::GateError;
use dreichor_runtime::ingest::IngestError;
use dreichor_runtime::writing::WriteError;
use dreichor_streams::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::commands::{clone, publish};

/// The error of a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Flags or variables are wrong.
    Configuration(ConfigError),
    /// The stores cannot be read.
    Stores(Error),
    /// The startup gate was not passed.
    Gate(GateError),
    /// The ingestion ended before its input did.
    Ingest(IngestError),
    /// Nothing was salvaged.
    Salvage(SalvageError),
    /// Nothing was published.
    Publish(PublishError),
    /// A published log was not accepted, or not copied.
    Clone(CloneError),
    /// Another process writes to this directory.
    Locked(PathBuf),
    /// The command line is no command.
    Usage(String),
    /// Help or the version was asked for, and is printed.
    Shown,
    /// The command's subject is not there: the question was wrong, not the stores.
    NotFound(String),
    /// A checkpoint, proof or signature does not hold.
    Unverified(String),
    /// A stream that the command uses was closed when the process started. Nothing was read or changed.
    Closed(Stream),
    /// The reader of the result has closed the pipe.
    OutputClosed,
    /// The result could not be printed.
    Output(io::Error),
    /// A bug, or a system that refuses what every system grants.
    Internal(String),
}

impl Failure {
    /// The exit code of a process that ends with it.
    pub(crate) const fn exit_code(&self) -> ExitCode {
        match self {
            Self::OutputClosed | Self::Shown => ExitCode::Done,
            Self::Internal(_) => ExitCode::Internal,
            Self::Usage(_)
            | Self::Configuration(_)
            | Self::Gate(GateError::Listen { .. } | GateError::Socket(_)) => ExitCode::Usage,
            Self::NotFound(_) => ExitCode::NotFound,
            Self::Publish(error) => publish::exit_code(error),
            Self::Clone(error) => clone::exit_code(error),
            Self::Locked(_) => ExitCode::Locked,
            Self::Unverified(_) => ExitCode::VerificationFailed,
            Self::Stores(error) | Self::Salvage(SalvageError::Stores(error)) => of_stores(error),
            Self::Gate(GateError::Write(error)) | Self::Ingest(IngestError::Write(error)) => match error {
                WriteError::Stores(error) => of_stores(error),
                WriteError::Locked { .. } => ExitCode::Locked,
                WriteError::InDoubt { .. } => ExitCode::InDoubt,
            },
            Self::Salvage(SalvageError::Copy { .. }) => ExitCode::InDoubt,
            Self::Closed(_)
            | Self::Output(_)
            | Self::Ingest(IngestError::Unreadable(_) | IngestError::Acknowledgement(_)) => {
                ExitCode::Undelivered
            }
            Self::Ingest(IngestError::Rejected(_)) => ExitCode::Rejected,
            Self::Gate(GateError::Database(_)) => ExitCode::Database,
        }
    }
}

const fn of_stores(error: &Error) -> ExitCode {
    match error {
        Error::Unavailable { .. } => ExitCode::Unavailable,
        Error::Malformed { .. } => ExitCode::Malformed,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(error) => error.fmt(f),
            Self::Stores(error) => error.fmt(f),
            Self::Gate(error) => error.fmt(f),
            Self::Ingest(error) => error.fmt(f),
            Self::Salvage(error) => error.fmt(f),
            Self::Publish(error) => error.fmt(f),
            Self::Clone(error) => error.fmt(f),
            Self::Locked(path) => write!(
                f,
                "{}: another process publishes to it\nnothing was written; next: wait for it, or end it",
                escape(path.to_string_lossy().as_bytes())
            ),
            Self::Usage(message) | Self::NotFound(message) | Self::Unverified(message) => {
                f.write_str(message)
            }
            Self::Shown => f.write_str("help was printed"),
            Self::Closed(stream) => {
                let operator = match stream {
                    Stream::Input => "<",
                    Stream::Output => ">",
                    Stream::Error => "2>",
                };
                write!(
                    f,
                    "{stream} is closed\nnothing was read or changed; next: open it, or say that it does not matter: `{operator}/dev/null`"
                )
            }
            Self::OutputClosed => f.write_str("the reader of the output has closed it"),
            Self::Output(error) => {
                write!(f, "the result could not be printed: {error}\nnext: check where standard output goes")
            }
            Self::Internal(problem) => write!(f, "internal error, please report it: {problem}"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stores(error)
    }
}

impl From<GateError> for Failure {
    fn from(error: GateError) -> Self {
        Self::Gate(error)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::Gate(error.into())
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        Self::Ingest(error)
    }
}

impl From<SalvageError> for Failure {
    fn from(error: SalvageError) -> Self {
        Self::Salvage(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::OutputClosed } else { Self::Output(error) }
    }
}

/// Refuses to start a command whose streams were closed.
pub(crate) fn check_open(streams: &[Stream]) -> Result<(), Failure> {
    let closed = streams.iter().find(|stream| stream.was_closed());
    closed.map_or(Ok(()), |stream| Err(Failure::Closed(*stream)))
}

/// The exit code of a command whose result was printed. A reader that goes away does not change the result.
pub(crate) fn result(printed: Result<(), Failure>, code: ExitCode) -> Result<ExitCode, Failure> {
    match printed {
        Ok(()) | Err(Failure::OutputClosed) => Ok(code),
        Err(failure) => Err(failure),
    }
}

/// Standard output, in large pieces.
pub(crate) type Output = BufWriter<Patient>;

/// Standard output, in large pieces.
pub(crate) fn stdout() -> Output {
    BufWriter::with_capacity(1 << 16, Patient(io::stdout().lock()))
}

/// Standard output that waits where it is non-blocking and its reader is slow, instead of failing.
pub(crate) struct Patient(StdoutLock<'static>);

impl Patient {
    fn wait(&self) -> io::Result<()> {
        match poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.0.flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                flushed => return flushed,
            }
        }
    }
}

/// Prints one line.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    let mut out = stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Prints a text that ends in LF.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    let mut out = stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints one JSON object on a line.
pub(crate) fn print_json(object: &impl serde::Serialize) -> Result<(), Failure> {
    let mut out = stdout();
    write_json(&mut out, object)?;
    Ok(out.flush()?)
}

/// Writes one JSON object and LF.
pub(crate) fn write_json(out: &mut impl Write, object: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}

/// Prints a remark about the result, on standard error.
pub(crate) fn print_note(note: &str) {
    // The result says the same without it.
    let _ = writeln!(anstream::stderr(), "note: {note}");
}

/// The interval at which `--follow` checks for new lines.
const FOLLOW_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Waits for one interval, and ends the command as soon as the reader of its output has closed it.
pub(crate) fn wait_while_read() -> Result<(), Failure> {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    match poll(&mut polled, Some(&FOLLOW_INTERVAL)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(()),
        Ok(_) => Err(Failure::OutputClosed),
        Err(error) => Err(Failure::Output(error.into())),
    }
}

/// `text` as it may be shown on a terminal: control, direction and invisible characters are escaped.
pub(crate) fn escape(text: &[u8]) -> String {
    dreichor_core::fault::escaped(&String::from_utf8_lossy(text))
}
