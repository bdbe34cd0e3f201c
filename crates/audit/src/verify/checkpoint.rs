//! Part 4: a checkpoint that was kept elsewhere has the signatures that are demanded, and the log extends it.

use std::path::PathBuf;

use dreichor_core::fault::{Fault, Rule, escaped};
use dreichor_core::{Hash, History};
use dreichor_proof::{Checkpoint, CheckpointError};

/// A kept checkpoint.
#[derive(Debug)]
pub struct KeptCheckpoint {
    /// Its file.
    pub path: PathBuf,
    /// The checkpoint, its signatures checked; or why it is not accepted.
    pub read: Result<Checkpoint, CheckpointError>,
}

/// What is known of a kept checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// The log extends it.
    Extended,
    /// It covers a malformed line.
    Unknown,
    /// It is not accepted, or the log does not extend it.
    Broken(Box<Fault>),
}

/// The log's root at the size of a kept checkpoint.
pub(super) struct Extension<'k> {
    pub(super) kept: &'k KeptCheckpoint,
    root: Option<Hash>,
}

impl<'k> Extension<'k> {
    /// Of an empty log, so far.
    pub(super) fn of(kept: &'k KeptCheckpoint) -> Self {
        let mut extension = Self { kept, root: None };
        extension.see(&mut History::new());
        extension
    }

    /// Takes the root, if `history` has the size of the checkpoint.
    #[inline]
    pub(super) fn see(&mut self, history: &mut History) {
        if let Ok(checkpoint) = &self.kept.read
            && checkpoint.size() == history.size()
        {
            self.root = Some(history.root());
        }
    }

    /// The result for a log of so many lines.
    pub(super) fn standing(&self, events: u64) -> Standing {
        let checkpoint = match &self.kept.read {
            Ok(checkpoint) => checkpoint,
            Err(error) => return Standing::Broken(refused(error)),
        };
        let size = checkpoint.size();
        match self.root {
            Some(root) if root == checkpoint.root() => Standing::Extended,
            Some(root) => Standing::Broken(Fault::new(
                Rule::CheckpointRoot,
                0,
                "",
                checkpoint.root().to_string(),
                format!("{root}, the root of the log's first {size} events"),
            )),
            None if size <= events => Standing::Unknown,
            None => Standing::Broken(Fault::new(
                Rule::CheckpointAhead,
                0,
                "",
                size.to_string(),
                format!("at most {events}, the number of events in the log"),
            )),
        }
    }
}

fn refused(error: &CheckpointError) -> Box<Fault> {
    let (rule, expected) = match error {
        CheckpointError::Malformed(_) => (Rule::CheckpointForm, "a checkpoint (c2sp.org/tlog-checkpoint)"),
        CheckpointError::NoTrust | CheckpointError::Unsigned | CheckpointError::Untrusted(_) => {
            (Rule::CheckpointSignature, "the signatures that are demanded")
        }
    };
    Fault::new(rule, 0, "", escaped(&error.to_string()), expected)
}
