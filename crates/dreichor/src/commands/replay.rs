//! `replay`: the receipt, of now or of an earlier point, and whether the log extends a kept one.

use std::collections::BTreeMap;
use std::path::Path;

use dreichor_proof::Checkpoint;
use dreichor_replay::point::{Point, hold};
use dreichor_replay::receipt::Fact;
use dreichor_replay::{Entry, Receipt, Replayed, Stores};
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::{ReplayArguments, TrustArguments};
use crate::output::{self, Failure, print_line};
use crate::progress::Progress;
use crate::trust::usage;
use crate::{table, trust};

pub(super) fn run(config: &Config, arguments: &ReplayArguments) -> Result<ExitCode, Failure> {
    if let Some(file) = &arguments.expect {
        return compare(config, file, &arguments.trust);
    }
    if trust::read(&arguments.trust)?.is_some() {
        return Err(usage("--public-key and --policy are for a checkpoint: name it by --expect"));
    }
    let receipt = match arguments.point.point() {
        None => {
            let mut replayed = Replayed::read(&config.directories, &mut Progress::new("replay"))?;
            Receipt::of(&mut replayed).with_digests(&replayed)
        }
        Some(point) => {
            let stores = Stores::open_to_read(&config.directories)?;
            hold_at(&stores, point, |_| {})?.receipt(&stores)?
        }
    };
    print_line(&if arguments.json.json {
        receipt.to_json()
    } else if table::is_terminal() {
        rows(&receipt)
    } else {
        receipt.to_string()
    })?;
    Ok(ExitCode::Done)
}

/// The state at a point, which must end a tick or be feedback. Calls `follow` with each event of the log.
pub(super) fn hold_at(
    stores: &Stores<dreichor_replay::Directory>,
    point: Point,
    follow: impl FnMut(&Entry<'_>),
) -> Result<dreichor_replay::point::Held, Failure> {
    let (held, replayed) = hold(stores, point, &mut Progress::new("replay"), follow)?;
    replayed.warn_of_tail();
    let Some(held) = held else {
        return Err(usage(&format!("--at: the log has {} events only", replayed.history.size())));
    };
    if let Some(decision) = held.history.state().open_tick() {
        let events = held.history.size();
        return Err(usage(&format!(
            "--at: event {events} is within the tick of decision {decision}; name an event that ends a tick"
        )));
    }
    Ok(held)
}

/// A few labelled rows.
fn rows(receipt: &Receipt) -> String {
    let shown = |Fact { name, value, .. }| format!("{name:<18}{value}");
    receipt.facts().into_iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// The facts that a kept receipt is compared by, in this order.
const COMPARED: [&str; 7] =
    ["events", "bytes", "treeSize", "rootHash", "memoryDigest", "ledgerDigest", "lifecyclesDigest"];

/// Compares the log with a kept receipt or checkpoint of this size or an earlier one.
fn compare(config: &Config, file: &Path, trust: &TrustArguments) -> Result<ExitCode, Failure> {
    let fault = |problem: &str| usage(&format!("--expect {}: {problem}", trust::shown(file)));
    let bytes = trust::read_file(file)?;
    let trust = trust::read(trust)?;
    let kept = match (parse_receipt(&bytes), trust) {
        (Some(receipt), None) => receipt,
        (Some(_), Some(_)) => return Err(fault("this is a receipt, which no key signs")),
        (None, trust) => facts_of(&trust::read_checkpoint(file, &bytes, trust.as_ref())?),
    };
    let size = kept.get("treeSize").or_else(|| kept.get("events"));
    let size: u64 =
        size.and_then(|size| size.parse().ok()).ok_or_else(|| fault("it has no treeSize and no events"))?;
    if !kept.contains_key("rootHash") {
        return Err(fault("it has no rootHash, so nothing could be compared"));
    }
    let stores = Stores::open_to_read(&config.directories)?;
    let (held, mut replayed) = hold(&stores, Point::Event(size), &mut Progress::new("replay"), |_| {})?;
    let found = match held {
        Some(mut held) => held.receipt(&stores)?,
        None => Receipt::of(&mut replayed),
    };
    let found: BTreeMap<&str, String> =
        found.facts().into_iter().map(|fact| (fact.name, fact.value.to_string())).collect();
    for name in COMPARED {
        let Some(kept) = kept.get(name) else { continue };
        let found = found.get(name).map_or("none", String::as_str);
        if kept != found {
            let printed = print_line(&format!(
                "the log does not extend the kept receipt: {name} is {found}, expected {kept}"
            ));
            return output::result(printed, ExitCode::VerificationFailed);
        }
    }
    let events = replayed.history.size();
    print_line(&format!("the log extends the kept receipt: {size} of its {events} events are the same"))?;
    Ok(ExitCode::Done)
}

/// The facts of a receipt in JSON or in text; none for another file.
fn parse_receipt(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let text = str::from_utf8(bytes).ok()?;
    if text.trim_start().starts_with('{') {
        let object: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).ok()?;
        let fact = |(name, value): (String, serde_json::Value)| match value {
            serde_json::Value::String(text) => Some((name, text)),
            serde_json::Value::Number(number) => Some((name, number.to_string())),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        };
        return Some(object.into_iter().filter_map(fact).collect());
    }
    let fact = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.contains("rootHash=").then(|| text.split_whitespace().filter_map(fact).collect())
}

/// The facts of a checkpoint, by the names of a receipt.
fn facts_of(checkpoint: &Checkpoint) -> BTreeMap<String, String> {
    [("treeSize", checkpoint.size().to_string()), ("rootHash", checkpoint.root().to_string())]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
