//! `clone`, and `verify SOURCE`: a published log, checked.

use std::path::Path;

use dreichor_audit::clone::{CloneError, Cloned, clone_to, verify_published};
use dreichor_audit::source::{Place, SourceError};
use dreichor_audit::tree::TreeError;
use dreichor_proof::Trust;
use dreichor_replay::Error;
use dreichor_runtime::ExitCode;
use serde::Serialize;

use crate::arguments::{CloneArguments, Json, TrustArguments};
use crate::output::{self, Failure, print_json, print_line};
use crate::progress::Progress;
use crate::trust::{self, usage};

/// `clone --json` and `verify SOURCE --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    origin: String,
    tree_size: u64,
    root_hash: String,
    /// The events that were there before.
    tree_size_before: u64,
    bytes: u64,
}

pub(super) fn run(arguments: &CloneArguments) -> Result<ExitCode, Failure> {
    let CloneArguments { source, out, trust, json } = arguments;
    let trust = demanded(trust)?;
    let cloned = clone_to(&Place::of(source), &trust, out, &mut Progress::of_events("clone"))?;
    print("cloned", &cloned, *json)
}

/// Checks a published log without writing.
pub(super) fn verify(source: &Path, trust: &TrustArguments, json: Json) -> Result<ExitCode, Failure> {
    let trust = demanded(trust)?;
    let verified = verify_published(&Place::of(source), &trust, &mut Progress::of_events("verify"))?;
    print("verified", &verified, json)
}

fn demanded(arguments: &TrustArguments) -> Result<Trust, Failure> {
    trust::read(arguments)?.ok_or_else(|| {
        usage("a published log is signed: name its key by --public-key, or a policy by --policy")
    })
}

fn print(done: &str, cloned: &Cloned, json: Json) -> Result<ExitCode, Failure> {
    let Cloned { checkpoint, size_before, bytes } = cloned;
    let printed = if json.json {
        print_json(&Printed {
            origin: checkpoint.origin().to_owned(),
            tree_size: checkpoint.size(),
            root_hash: checkpoint.root().to_string(),
            tree_size_before: *size_before,
            bytes: *bytes,
        })
    } else {
        print_line(&format!(
            "{done} {} events of {}, {bytes} bytes, root {}{}",
            checkpoint.size(),
            output::escape(checkpoint.origin().as_bytes()),
            checkpoint.root(),
            if *size_before > 0 {
                format!(" ({size_before} events were there before)")
            } else {
                String::new()
            }
        ))
    };
    output::result(printed, ExitCode::Done)
}

impl From<CloneError> for Failure {
    fn from(error: CloneError) -> Self {
        Self::Clone(error)
    }
}

/// The exit code of a clone that is not done.
pub(crate) const fn exit_code(error: &CloneError) -> ExitCode {
    match error {
        CloneError::Tree(TreeError::Source(SourceError::Unreached { .. })) => ExitCode::Unreached,
        CloneError::Tree(
            TreeError::Source(SourceError::TooLong { .. })
            | TreeError::NoCheckpoint
            | TreeError::Checkpoint(_)
            | TreeError::Missing(_)
            | TreeError::Malformed { .. }
            | TreeError::Changed { .. }
            | TreeError::Edge { .. }
            | TreeError::Entry { .. }
            | TreeError::NotAnEvent { .. },
        )
        | CloneError::Malformed { .. }
        | CloneError::Older { .. }
        | CloneError::Diverged { .. }
        | CloneError::Kept { .. } => ExitCode::VerificationFailed,
        CloneError::Locked(_) => ExitCode::Locked,
        CloneError::NotAClone(_) => ExitCode::Usage,
        CloneError::Stores(Error::Unavailable { .. }) => ExitCode::Unavailable,
        CloneError::Stores(Error::Malformed { .. }) => ExitCode::Malformed,
        CloneError::Copy { .. } => ExitCode::InDoubt,
    }
}
