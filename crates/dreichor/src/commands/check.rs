//! `check`: a checkpoint or a proof, verified without any stores.

use std::fmt;
use std::path::Path;

use dreichor_core::Event;
use dreichor_core::id::content_id;
use dreichor_proof::trust::Signers;
use dreichor_proof::{
    AddCheckpoint, CheckpointError, Kept, SignedCheckpoint, TlogProof, Trust, add_checkpoint, tlog_proof,
};
use dreichor_replay::reference::Reference;
use dreichor_runtime::ExitCode;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::arguments::CheckArguments;
use crate::output::{Failure, escape, print_json, print_text};
use crate::table;
use crate::trust::{self, shown, usage};

/// `check --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    kind: &'static str,
    origin: String,
    tree_size: u64,
    root_hash: String,
    signed_by: String,
    cosigned_by: Vec<Cosigned>,
    unknown_signatures: usize,
    index: Option<u64>,
    event_id: Option<String>,
    /// The line of the event.
    event: Option<Box<RawValue>>,
    from_tree_size: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cosigned {
    witness: String,
    /// Seconds since the Unix epoch.
    time_seconds: u64,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let Some(trust) = trust::read(&arguments.trust)? else {
        return Err(usage(
            "whose signature is demanded? Name the log's key by --public-key, or a policy by --policy",
        ));
    };
    let path = &arguments.file;
    let bytes = trust::read_file(path)?;
    let (checked, proven) = match (Kind::of(&bytes), &arguments.event, &arguments.from) {
        (Kind::Inclusion, event, None) => check_inclusion(path, &bytes, &trust, event.as_ref())?,
        (Kind::Consistency, None, Some(old)) => check_consistency(path, &bytes, &trust, old)?,
        (Kind::Checkpoint, None, None) => check_checkpoint(path, &bytes, &trust)?,
        (Kind::Consistency, None, None) => {
            return Err(usage("a consistency proof begins at an older checkpoint: name it by --from OLD"));
        }
        (Kind::Consistency | Kind::Checkpoint, Some(_), _) => {
            return Err(usage("--event is for inclusion proofs, and this file is not one"));
        }
        (Kind::Inclusion | Kind::Checkpoint, _, Some(_)) => {
            return Err(usage(
                "--from is for consistency proofs, and this file is not one; `dreichor prove consistency` makes one",
            ));
        }
    };
    if arguments.json.json {
        print_json(&checked)?;
    } else {
        print_text(&format!("{checked}{proven}"))?;
    }
    Ok(ExitCode::Done)
}

/// What a file claims to be, by its first line.
enum Kind {
    Checkpoint,
    Inclusion,
    Consistency,
}

impl Kind {
    fn of(bytes: &[u8]) -> Self {
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let first = String::from_utf8_lossy(first);
        if first == tlog_proof::HEADER {
            Self::Inclusion
        } else if first.split_once(' ').is_some_and(|(word, _)| word == add_checkpoint::OLD) {
            Self::Consistency
        } else {
            Self::Checkpoint
        }
    }
}

fn check_checkpoint(path: &Path, bytes: &[u8], trust: &Trust) -> Result<(Checked, String), Failure> {
    let signed = match Kept::parse(bytes) {
        Ok(Kept::Signed(signed)) => signed,
        Ok(Kept::Unsigned(_)) => return Err(trust::refused(path, CheckpointError::Unsigned)),
        Err(error) => return Err(trust::malformed(path, "checkpoint", &error)),
    };
    Ok((Checked::of("checkpoint", path, &signed, trust)?, String::new()))
}

fn check_inclusion(
    path: &Path,
    bytes: &[u8],
    trust: &Trust,
    demanded: Option<&Reference>,
) -> Result<(Checked, String), Failure> {
    let proof = TlogProof::parse(bytes).map_err(|error| trust::malformed(path, "proof", &error))?;
    let mut checked = Checked::of("inclusion", path, &proof.checkpoint, trust)?;
    let refuse = |problem: String, next: &str| {
        Failure::Unverified(format!("{}: {}\nnext: {next}", shown(path), escape(problem.as_bytes())))
    };
    let line = proof.extra.as_ref().and_then(|content| Event::line_of(content)).ok_or_else(|| {
        refuse(
            "its `extra` line holds no event, so it is not known what the proof is of".into(),
            "get a proof of `dreichor prove inclusion`",
        )
    })?;
    proof.verify(Event::leaf(&line)).map_err(|error| {
        refuse(
            format!("{error}: this event is not proven to be in the log"),
            "get event and proof again from where they came; ask for the proof by this checkpoint",
        )
    })?;
    let (event, leaf) = Event::read_line(&line).map_err(|fault| {
        refuse(format!("what is proven is not an event of Dreichor: {fault}"), "check whose log this is")
    })?;
    let id = content_id(leaf);
    let number = proof.index + 1;
    if demanded.is_some_and(|demanded| !demanded.names(number, &event, id)) {
        return Err(refuse(
            format!("it proves event {id} in line {number}, and --event demands another one"),
            "ask for the proof of that event",
        ));
    }
    let text = String::from_utf8_lossy(&line).into_owned();
    let shown = if table::is_terminal() { escape(&line) } else { text.clone() };
    checked.index = Some(proof.index);
    checked.event_id = Some(id.to_string());
    let Ok(event) = RawValue::from_string(text) else { unreachable!("a line that was read is JSON") };
    checked.event = Some(event);
    Ok((checked, format!("proven: it holds event {id}, in line {number}\n{shown}\n")))
}

fn check_consistency(
    path: &Path,
    bytes: &[u8],
    trust: &Trust,
    old_path: &Path,
) -> Result<(Checked, String), Failure> {
    let proof = AddCheckpoint::parse(bytes).map_err(|error| trust::malformed(path, "proof", &error))?;
    let mut checked = Checked::of("consistency", path, &proof.checkpoint, trust)?;
    let old = trust::read_older(old_path, trust)?;
    let new = proof.checkpoint.checkpoint();
    trust::check_same_log(&old, old_path, new, path)?;
    let refuse = |problem: String, next: &str| {
        Failure::Unverified(format!("{}: {problem}\nnext: {next}", shown(path)))
    };
    if proof.old != old.size() {
        return Err(refuse(
            format!("it begins at {} events, and {} has {}", proof.old, shown(old_path), old.size()),
            "name the checkpoint that it was made for, or ask for a proof from this one",
        ));
    }
    proof.verify(old.root()).map_err(|error| {
        refuse(
            format!("{error}: the log is not proven to extend the older one"),
            "keep both checkpoints: two that the log signed and that no proof joins show that it told two histories",
        )
    })?;
    checked.from_tree_size = Some(proof.old);
    let proven = format!("proven: it begins with the {} events of {}\n", proof.old, shown(old_path));
    Ok((checked, proven))
}

impl Checked {
    /// A checkpoint whose signatures are accepted.
    fn of(
        kind: &'static str,
        path: &Path,
        signed: &SignedCheckpoint,
        trust: &Trust,
    ) -> Result<Self, Failure> {
        let signers = trust.verify(signed).map_err(|error| trust::refused(path, error.into()))?;
        let Signers { log, cosigners, unknown } = signers;
        let checkpoint = signed.checkpoint();
        let cosigned = cosigners.into_iter();
        Ok(Self {
            kind,
            origin: checkpoint.origin().to_owned(),
            tree_size: checkpoint.size(),
            root_hash: checkpoint.root().to_string(),
            signed_by: format!("{}+{}", log.name(), log.id()),
            cosigned_by: cosigned.map(|by| Cosigned { witness: by.name, time_seconds: by.time }).collect(),
            unknown_signatures: unknown,
            index: None,
            event_id: None,
            event: None,
            from_tree_size: None,
        })
    }
}

/// The checkpoint and its signatures, for people.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| escape(text.as_bytes());
        let Self { origin, tree_size, root_hash, signed_by, .. } = self;
        writeln!(f, "checkpoint of {}: {tree_size} events, root {root_hash}", shown(origin))?;
        writeln!(f, "signed by {}", shown(signed_by))?;
        for Cosigned { witness, time_seconds } in &self.cosigned_by {
            writeln!(f, "cosigned by {} at {time_seconds} (Unix time)", shown(witness))?;
        }
        match self.unknown_signatures {
            0 => Ok(()),
            1 => writeln!(f, "ignored: 1 signature of a key that was not named"),
            count => writeln!(f, "ignored: {count} signatures of keys that were not named"),
        }
    }
}
