//! `prove`: proofs for others, by a signed checkpoint, that an event is in the log, or that the log extends an older one.

use std::path::Path;

use dreichor_core::Event;
use dreichor_core::id::content_id;
use dreichor_proof::{AddCheckpoint, Checkpoint, TlogProof};
use dreichor_replay::reference::Reference;
use dreichor_replay::{Directory, Durable, Stores};
use dreichor_runtime::{Config, ExitCode};
use serde::Serialize;

use crate::arguments::{Json, Proven};
use crate::commands::explain::ambiguous;
use crate::output::{Failure, print_json, print_text};
use crate::progress::Progress;
use crate::trust::{self, shown};

/// `prove inclusion --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion<'p> {
    origin: &'p str,
    tree_size: u64,
    root_hash: String,
    index: u64,
    event_id: String,
    proof: String,
}

/// `prove consistency --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Consistency<'p> {
    origin: &'p str,
    from_tree_size: u64,
    tree_size: u64,
    root_hash: String,
    proof: String,
}

pub(super) fn run(config: &Config, what: &Proven) -> Result<ExitCode, Failure> {
    match what {
        Proven::Inclusion { id, checkpoint, json } => inclusion(config, id, checkpoint, *json),
        Proven::Consistency { from, checkpoint, json } => consistency(config, from, checkpoint, *json),
    }
}

fn inclusion(config: &Config, id: &Reference, path: &Path, json: Json) -> Result<ExitCode, Failure> {
    let signed = trust::read_signed(path)?;
    let stores = Stores::open_to_read(&config.directories)?;
    let durable = Durable::read(&stores, &mut Progress::new("prove"))?;
    let checkpoint = signed.checkpoint();
    check_is_of_log(&durable, checkpoint, path)?;
    let size = checkpoint.size();
    let found = durable.view().resolve_event(id)?;
    let [named] = &found[..] else {
        return Err(if found.is_empty() { not_found(durable.size()) } else { ambiguous(&found, "event") });
    };
    let Some(hashes) = durable.inclusion(named.line - 1, size)? else {
        return Err(Failure::NotFound(format!(
            "the event is in line {}, after the {size} events of this checkpoint\nnext: `dreichor checkpoint --key FILE` makes a newer one",
            named.line
        )));
    };
    let line = durable.line(named)?;
    let proof = TlogProof {
        extra: Some(Event::content(&line)),
        index: named.line - 1,
        path: hashes,
        checkpoint: signed.clone(),
    };
    let leaf = Event::leaf(&line);
    assert!(proof.verify(leaf).is_ok(), "a path of the log's own tree proves it");
    if json.json {
        print_json(&Inclusion {
            origin: checkpoint.origin(),
            tree_size: size,
            root_hash: checkpoint.root().to_string(),
            index: proof.index,
            event_id: content_id(leaf).to_string(),
            proof: proof.to_string(),
        })?;
    } else {
        print_text(&proof.to_string())?;
    }
    Ok(ExitCode::Done)
}

fn not_found(events: u64) -> Failure {
    Failure::NotFound(format!(
        "the log's {events} events have nothing of this name\nnext: check that the ID belongs to this log; `dreichor decisions` lists the decisions, and `dreichor events` every id"
    ))
}

fn consistency(config: &Config, old_path: &Path, path: &Path, json: Json) -> Result<ExitCode, Failure> {
    // The proof has only its size, so its signatures do not matter here.
    let old = trust::read_unchecked(old_path)?;
    let signed = trust::read_signed(path)?;
    let new = signed.checkpoint();
    trust::check_same_log(&old, old_path, new, path)?;
    let stores = Stores::open_to_read(&config.directories)?;
    let durable = Durable::read(&stores, &mut Progress::new("prove"))?;
    check_is_of_log(&durable, &old, old_path)?;
    check_is_of_log(&durable, new, path)?;
    let Some(hashes) = durable.consistency(old.size(), new.size())? else {
        return Err(trust::usage(&format!(
            "--from {} has {} events, more than the {} of --checkpoint {}: name the older one by --from",
            shown(old_path),
            old.size(),
            new.size(),
            shown(path)
        )));
    };
    let proof = AddCheckpoint { old: old.size(), path: hashes, checkpoint: signed.clone() };
    assert!(proof.verify(old.root()).is_ok(), "a path of the log's own tree proves it");
    if json.json {
        print_json(&Consistency {
            origin: new.origin(),
            from_tree_size: proof.old,
            tree_size: new.size(),
            root_hash: new.root().to_string(),
            proof: proof.to_string(),
        })?;
    } else {
        print_text(&proof.to_string())?;
    }
    Ok(ExitCode::Done)
}

/// Checks that the log has, at the checkpoint's size, the checkpoint's root.
fn check_is_of_log(
    durable: &Durable<'_, Directory>,
    checkpoint: &Checkpoint,
    path: &Path,
) -> Result<(), Failure> {
    let (size, root) = (checkpoint.size(), checkpoint.root());
    let differs = |problem: String| {
        Err(Failure::Unverified(format!(
            "{}: {problem}\nthe checkpoint is of another log or of another history of this one; next: check that both are of {}, then find out who changed the log since",
            shown(path),
            checkpoint.origin()
        )))
    };
    match durable.root(size)? {
        Some(found) if found == root => Ok(()),
        Some(found) => {
            differs(format!("the root of the log's first {size} events is {found}, expected {root}"))
        }
        None => differs(format!(
            "it is of {size} events, and the log has {} that are durable and whole",
            durable.size()
        )),
    }
}
