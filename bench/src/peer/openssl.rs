//! SHA-256 of the file, by OpenSSL: the least that it costs to read every byte and hash it once.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::measure::{Sample, timed};

/// Runs it once, from start to exit.
pub(crate) fn run(events: &Path) -> Result<Sample> {
    timed(Command::new("openssl").args(["dgst", "-sha256"]).arg(events))
}
