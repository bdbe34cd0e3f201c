//! The files of an auditor (checkpoints, proofs, keys, policies), and what to say when one is refused.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs;
use std::io::Read;
use std::path::Path;

use dreichor_proof::{
    Checkpoint, CheckpointError, Kept, Malformed, SignedCheckpoint, TEXT_BYTES_MAX, Trust, TrustError,
    VerifierKey,
};
use dreichor_runtime::config::ConfigError;

use crate::arguments::TrustArguments;
use crate::output::{Failure, escape};

/// Reads the key or the policy that the command line names; none if it names neither.
pub(crate) fn read(arguments: &TrustArguments) -> Result<Option<Trust>, Failure> {
    if let Some(key) = &arguments.public_key {
        let fault = |problem: &dyn Display| usage(&format!("--public-key: {problem}"));
        let key = read_key(key)?;
        return Trust::in_log(key).map(Some).map_err(|error| fault(&error));
    }
    arguments.policy.as_deref().map(read_policy).transpose()
}

/// Reads the policy in a file.
pub(crate) fn read_policy(path: &Path) -> Result<Trust, Failure> {
    let trust = Trust::parse_policy(&read_file(path)?);
    trust.map_err(|error| usage(&format!("--policy {}: {error}", shown(path))))
}

/// A verifier key as text, or the file that holds it.
fn read_key(key: &OsStr) -> Result<VerifierKey, Failure> {
    let parse = |text: &str| VerifierKey::parse(text.strip_suffix('\n').unwrap_or(text));
    let path = Path::new(key);
    // Every key has two plus signs or more, and hardly a file's name.
    let parsed = match key.to_str() {
        Some(text) if text.matches('+').count() >= 2 && !path.exists() => parse(text),
        Some(_) | None => parse(&String::from_utf8_lossy(&read_file(path)?)),
    };
    parsed.map_err(|error| usage(&format!("--public-key {}: {error}", shown(path))))
}

/// Reads a file that is named on the command line, up to a byte more than any may have.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(usage(&format!("{}: it cannot be read: {error}", shown(path)))),
    }
}

/// Reads a kept checkpoint: its text if there is no `trust`, else a note with signatures that `trust` accepts.
pub(crate) fn read_checkpoint(
    path: &Path,
    bytes: &[u8],
    trust: Option<&Trust>,
) -> Result<Checkpoint, Failure> {
    dreichor_proof::read_checkpoint(bytes, trust).map_err(|error| refused(path, error))
}

/// Reads the older checkpoint of a proof. It gives only a size and a root, so a text without signatures will do; if it has
/// some, `trust` must accept them.
pub(crate) fn read_older(path: &Path, trust: &Trust) -> Result<Checkpoint, Failure> {
    let bytes = read_file(path)?;
    match Kept::parse(&bytes) {
        Ok(Kept::Unsigned(checkpoint)) => Ok(checkpoint),
        Ok(Kept::Signed(_)) | Err(_) => read_checkpoint(path, &bytes, Some(trust)),
    }
}

/// Reads a checkpoint that must be signed, and does not check its signatures: the receiver of the proof does.
pub(crate) fn read_signed(path: &Path) -> Result<SignedCheckpoint, Failure> {
    match Kept::parse(&read_file(path)?).map_err(|error| malformed(path, "checkpoint", &error))? {
        Kept::Signed(signed) => Ok(signed),
        Kept::Unsigned(_) => Err(usage(&format!(
            "{}: this checkpoint is not signed, so nobody could check a proof by it; `dreichor checkpoint --key FILE` makes a signed one",
            shown(path)
        ))),
    }
}

/// Reads a checkpoint, signed or not, whose signatures do not matter.
pub(crate) fn read_unchecked(path: &Path) -> Result<Checkpoint, Failure> {
    let kept = Kept::parse(&read_file(path)?).map_err(|error| malformed(path, "checkpoint", &error))?;
    Ok(kept.checkpoint().clone())
}

/// Checks that two checkpoints are of the same log.
pub(crate) fn check_same_log(
    old: &Checkpoint,
    old_path: &Path,
    new: &Checkpoint,
    path: &Path,
) -> Result<(), Failure> {
    if old.origin() == new.origin() {
        return Ok(());
    }
    Err(Failure::Unverified(format!(
        "{} is of the log {}, and {} of {}\nnext: name two checkpoints of one log",
        shown(old_path),
        escape(old.origin().as_bytes()),
        shown(path),
        escape(new.origin().as_bytes())
    )))
}

/// The failure of a checkpoint that is not accepted.
pub(crate) fn refused(path: &Path, error: CheckpointError) -> Failure {
    let next = match &error {
        CheckpointError::Malformed(error) => return malformed(path, "checkpoint", error),
        CheckpointError::NoTrust => {
            return usage(&format!(
                "{}: {error}; name the log's key by --public-key, or a policy by --policy",
                shown(path)
            ));
        }
        CheckpointError::Unsigned => "ask for the signed checkpoint",
        CheckpointError::Untrusted(TrustError::OtherLog { .. }) => {
            "take the key of this log, or the checkpoint of the other one"
        }
        CheckpointError::Untrusted(TrustError::BadSignature { .. }) => {
            "do not rely on this file: get it again from where it was kept, and ask the log's operator if it stays so"
        }
        CheckpointError::Untrusted(TrustError::NotSigned { .. }) => {
            "check that the key is the one that the log's operator published"
        }
        CheckpointError::Untrusted(TrustError::NoQuorum { .. }) => {
            "ask for a checkpoint that more of the witnesses have cosigned"
        }
    };
    Failure::Unverified(format!("{}: {}\nnext: {next}", shown(path), escape(error.to_string().as_bytes())))
}

/// The failure of a file that is not of its format.
pub(crate) fn malformed(path: &Path, what: &str, error: &Malformed) -> Failure {
    Failure::Unverified(format!(
        "{}: {}\nthis is not a valid {what}: it was corrupted or truncated, or is another file; next: get the kept file again",
        shown(path),
        escape(error.to_string().as_bytes())
    ))
}

/// A fault of the command line.
pub(crate) fn usage(problem: &str) -> Failure {
    ConfigError(vec![problem.to_owned()]).into()
}

/// A path as a terminal may show it.
pub(crate) fn shown(path: &Path) -> String {
    escape(path.to_string_lossy().as_bytes())
}
