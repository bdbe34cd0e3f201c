//! The kinds of errors that tests tell apart, whatever operation an error is of.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::error::Error;

use dreichor_runtime::gate::GateError;
use dreichor_runtime::ingest::IngestError;
use dreichor_runtime::writing::WriteError;

/// A kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A store cannot be used, or is no longer the one that it was: definitely nothing was written.
    Unavailable,
    /// Another writer holds the lock.
    Locked,
    /// A store breaks its contract.
    Malformed,
    /// A write or sync failed.
    InDoubt,
    /// Another one.
    Other,
}

/// The kind of an error of the readers, of writing, of the gate or of ingest.
pub(crate) fn kind(error: &(impl Error + 'static)) -> Kind {
    let error: &(dyn Error + 'static) = error;
    if let Some(GateError::Write(error)) = error.downcast_ref() {
        return kind(error);
    }
    if let Some(IngestError::Write(error)) = error.downcast_ref() {
        return kind(error);
    }
    match (error.downcast_ref(), error.downcast_ref()) {
        (Some(WriteError::Locked { .. }), _) => Kind::Locked,
        (Some(WriteError::InDoubt { .. }), _) => Kind::InDoubt,
        (Some(WriteError::Stores(error)), _) | (None, Some(error)) => match error {
            dreichor_replay::Error::Unavailable { .. } => Kind::Unavailable,
            dreichor_replay::Error::Malformed { .. } => Kind::Malformed,
        },
        (None, None) => Kind::Other,
    }
}
