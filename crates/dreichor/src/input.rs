//! Inputs from a file or from standard input.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::path::Path;

use dreichor_runtime::batch::{Read, Source};
use dreichor_runtime::config::ConfigError;
use dreichor_runtime::ingest::IngestError;

use crate::output::Failure;
use crate::signals::{Signals, is_ready};

/// A read that brings less has emptied a pipe (POSIX: a write of up to `PIPE_BUF` bytes is whole).
const DRAINED_BYTES: usize = 4_096;

/// The source of the inputs.
pub(crate) struct Inputs<'s> {
    file: File,
    /// The length of a regular file.
    length: Option<u64>,
    /// The last read brought so little that it has emptied the pipe.
    is_drained: bool,
    signals: &'s Signals,
}

/// True if FILE means standard input.
pub(crate) fn is_standard(path: Option<&Path>) -> bool {
    path.is_none_or(|path| path == Path::new("-"))
}

/// Opens FILE, or standard input without it; and its name, for messages.
pub(crate) fn open(path: Option<&Path>) -> Result<(File, String), Failure> {
    let named = path.filter(|path| !is_standard(Some(path)));
    let name = named.map_or_else(|| "standard input".into(), |path| path.display().to_string());
    let opened = match named {
        Some(path) => File::open(path),
        None => io::stdin().as_fd().try_clone_to_owned().map(File::from),
    };
    opened.map(|file| (file, name.clone())).map_err(|error| {
        ConfigError(vec![format!("FILE: {name} cannot be opened: {error}; no input was read")]).into()
    })
}

/// The failure of an input with this name that could not be read to its end.
pub(crate) fn unreadable(name: &str, error: &io::Error) -> Failure {
    IngestError::Unreadable(io::Error::new(error.kind(), format!("{name}: {error}"))).into()
}

impl<'s> Inputs<'s> {
    /// Reads `file` until its end or a signal.
    pub(crate) fn new(file: File, signals: &'s Signals) -> Self {
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file);
        Self { length: metadata.map(|metadata| metadata.len()), is_drained: false, file, signals }
    }
}

impl Source for Inputs<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        loop {
            self.signals.wait_for(&self.file)?;
            if self.is_interrupted() {
                return Ok(Read::Nothing);
            }
            match self.file.read(buffer) {
                Ok(0) => return Ok(Read::End),
                Ok(count) => {
                    self.is_drained = count < DRAINED_BYTES;
                    return Ok(Read::Bytes(count));
                }
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        // An upstream that waits for each answer is answered without being asked again.
        Ok(!self.is_drained && is_ready(&self.file)?)
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn is_interrupted(&self) -> bool {
        self.signals.exit_code().is_some()
    }
}
