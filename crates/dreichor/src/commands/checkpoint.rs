//! `checkpoint`: the size and root of what is durable, signed if there is a key.

use dreichor_proof::{Checkpoint, SignerKey};
use dreichor_replay::{Durable, Stores};
use dreichor_runtime::{Config, ExitCode};
use serde::Serialize;

use crate::arguments::CheckpointArguments;
use crate::commands::key;
use crate::output::{Failure, print_json, print_text};
use crate::progress::Progress;
use crate::trust::usage;

/// `checkpoint --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    origin: String,
    tree_size: u64,
    root_hash: String,
    is_signed: bool,
    checkpoint: String,
}

pub(super) fn run(config: &Config, arguments: &CheckpointArguments) -> Result<ExitCode, Failure> {
    let key = arguments.key.as_deref().map(key::read).transpose()?;
    let origin = origin(arguments, key.as_ref())?;
    let stores = Stores::open_to_read(&config.directories)?;
    let durable = Durable::read(&stores, &mut Progress::new("checkpoint"))?;
    let (size, root) = (durable.size(), durable.whole_root()?);
    let checkpoint = Checkpoint::new(&origin, size, root);
    let text = match &key {
        Some(key) => checkpoint.sign(key).to_string(),
        None => checkpoint.to_string(),
    };
    if arguments.json.json {
        let (root_hash, is_signed) = (root.to_string(), key.is_some());
        print_json(&Printed { origin, tree_size: size, root_hash, is_signed, checkpoint: text })?;
    } else {
        print_text(&text)?;
    }
    Ok(ExitCode::Done)
}

/// The name of the log: the key's, which --origin may only repeat.
fn origin(arguments: &CheckpointArguments, key: Option<&SignerKey>) -> Result<String, Failure> {
    let key_name = key.map(|key| key.verifier().name());
    match (&arguments.origin, key_name) {
        (Some(origin), Some(name)) if origin != name => Err(usage(&format!(
            "--origin is {origin}, and the key is of {name}: a log signs with a key of its own name"
        ))),
        (Some(name), _) | (None, Some(name)) => Ok(name.to_string()),
        (None, None) => unreachable!("the command line demands one of the two"),
    }
}
