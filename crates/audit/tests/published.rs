//! A published tree is valid at every moment, whatever happens to its publisher, and gives the log back byte for byte; a
//! tree, log or copy that was changed is refused by name.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod site;
#[path = "../../runtime/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use dreichor_audit::clone::{CloneError, Cloned, clone_to, verify_published};
use dreichor_audit::publish::{PublishError, Published, publish};
use dreichor_audit::site::{PublicDirectory, Site};
use dreichor_audit::source::Place;
use dreichor_audit::tree::TreeError;
use dreichor_audit::witness::{Answer, Post};
use dreichor_proof::tile::WIDTH;
use dreichor_proof::{CheckpointError, KeyName, Problem, SignerKey, TEXT_BYTES_MAX, Trust};
use dreichor_replay::{Durable, Error};
use site::{Image, Names, SimulatedSite};
use support::{Bench, Bytes, Seed, inputs, join};

/// The sizes of the published trees: about one bundle, two levels, and more.
const TICKS: [usize; 4] = [0, 60, 150, 420];

fn key() -> SignerKey {
    SignerKey::new(KeyName::parse("example.org/log").unwrap(), &[7; 32])
}

fn trust() -> Trust {
    Trust::in_log_of(&key())
}

/// Inputs of so many ticks, some of them traded, some with feedback.
fn ticks(count: usize) -> Vec<String> {
    let tick = |at: usize| {
        let small = |modulus: usize| u8::try_from(at % modulus).unwrap();
        if at % 17 == 16 {
            return Seed::Feedback { back: small(5), category: small(3), window: at.is_multiple_of(2) };
        }
        Seed::Tick {
            instance: small(4),
            step: small(3),
            better: !at.is_multiple_of(5),
            pool: small(3),
            market: Some(small(3)),
            gates: if at.is_multiple_of(11) { 4 } else { 0 },
        }
    };
    inputs(&(0..count).map(tick).collect::<Vec<_>>())
}

/// Stores with the events of the first ticks.
fn bench(count: usize) -> Bench {
    let bench = Bench::new();
    bench.ingest(&join(&ticks(count))).unwrap();
    bench
}

/// No witness is asked.
struct Nobody;

impl Post for Nobody {
    fn post(&self, url: &str, _: &str) -> Result<Answer, String> {
        Err(format!("{url} was asked"))
    }
}

fn publish_to(bench: &Bench, site: &impl Site) -> Result<Published, PublishError> {
    let stores = bench.stores();
    let durable = Durable::read(&stores, &mut ())?;
    publish(&stores, &durable, site, &key(), None, &Nobody, &mut ())
}

fn public(path: &Path) -> PublicDirectory {
    PublicDirectory::lock(path).unwrap().unwrap()
}

fn clone(from: &Path, to: &Path) -> Result<Cloned, CloneError> {
    clone_to(&Place::of(from), &trust(), to, &mut ())
}

fn log_of(out: &Path) -> Vec<u8> {
    fs::read(out.join("audit-events/audit_events.ndjson")).unwrap()
}

#[test]
fn a_log_comes_back_byte_for_byte_and_a_clone_grows_with_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let (tree, grown) = (dir.path().join("tree"), dir.path().join("grown"));
    for count in TICKS {
        let bench = bench(count);
        let Bytes { events, snapshots } = bench.bytes();
        let published = publish_to(&bench, &public(&tree)).unwrap();
        let size = events.split_inclusive(|byte| *byte == b'\n').count() as u64;
        assert_eq!(published.checkpoint.checkpoint().size(), size);
        let fresh = dir.path().join(format!("fresh-{count}"));
        for out in [&fresh, &grown] {
            let cloned = clone(&tree, out).unwrap();
            assert_eq!((cloned.checkpoint.size(), cloned.bytes), (size, events.len() as u64));
            assert!(log_of(out) == events, "{count} ticks: another log");
            assert_eq!(fs::read(out.join("checkpoint")).unwrap(), fs::read(tree.join("checkpoint")).unwrap());
        }
        // A writer goes on with the clone as with the log itself.
        let bytes = Bytes { events: log_of(&fresh), snapshots: Vec::new() };
        let heir = Bench::holding(&bytes);
        heir.ingest(b"").unwrap();
        assert!(heir.bytes() == Bytes { events, snapshots }, "{count} ticks: other snapshots");
        assert_eq!(verify_published(&Place::of(&tree), &trust(), &mut ()).unwrap().checkpoint.size(), size);
        // Once more: there is nothing to do.
        assert_eq!(publish_to(&bench, &public(&tree)).unwrap().files_written, 0);
    }
}

#[test]
fn a_second_publisher_is_refused() {
    let dir = tempfile::TempDir::new().unwrap();
    let first = public(dir.path());
    assert!(PublicDirectory::lock(dir.path()).unwrap().is_none());
    drop(first);
    assert!(PublicDirectory::lock(dir.path()).unwrap().is_some());
}

/// What a full publish of these ticks leaves.
fn published_names(count: usize, before: Names) -> Names {
    let site = SimulatedSite::holding(before);
    publish_to(&bench(count), &site).unwrap();
    site.names()
}

/// Checks what readers of an image find: nothing yet, or one of the two trees, whole and sound. Returns its size.
fn check_image(names: &Names, sizes: [u64; 2], story: &str) {
    let size = match verify_published(&Image(names), &trust(), &mut ()) {
        Ok(found) => found.checkpoint.size(),
        Err(CloneError::Tree(TreeError::NoCheckpoint)) => 0,
        Err(error) => panic!("{story}: {error}"),
    };
    assert!(sizes.contains(&size), "{story}: a tree of {size} events");
}

#[test]
fn a_publisher_may_stop_at_any_call() {
    let mut images = 0;
    for (before, after) in [(None, 60), (None, 150), (Some(60), 150), (Some(150), 420)] {
        let bench = bench(after);
        let start = before.map_or_else(Names::new, |before| published_names(before, Names::new()));
        let end = published_names(after, start.clone());
        let sizes =
            [before, Some(after)].map(|count| count.map_or(0, |count| self::bench(count).receipt().events));
        let calls = {
            let site = SimulatedSite::holding(start.clone());
            publish_to(&bench, &site).unwrap();
            site.calls()
        };
        for call in 0..calls {
            let site = SimulatedSite::holding(start.clone()).crash_at(call);
            assert!(publish_to(&bench, &site).is_err());
            let story = format!("{before:?} to {after}, stopped before call {call}");
            // Killed, the page cache stays; at a power cut, what is not synced may go.
            check_image(&site.names(), sizes, &story);
            for names in site.images(3) {
                images += 1;
                check_image(&names, sizes, &story);
                let again = SimulatedSite::holding(names);
                publish_to(&bench, &again).unwrap_or_else(|error| panic!("{story}, then again: {error}"));
                let mut found = again.names();
                // Partial files of the smaller tree may stay.
                found.retain(|path, _| end.contains_key(path) || !path.contains(".p"));
                assert!(found == end, "{story}, then again: other files");
            }
        }
    }
    println!("{images} images");
}

#[test]
fn an_error_at_any_call_ends_the_round_and_the_next_one_goes_on() {
    let (start, bench) = (published_names(60, Names::new()), bench(150));
    let sizes = [60, 150].map(|count| self::bench(count).receipt().events);
    let calls = {
        let site = SimulatedSite::holding(start.clone());
        publish_to(&bench, &site).unwrap();
        site.calls()
    };
    let mut unfinished = 0;
    for call in 0..calls {
        for works in [false, true] {
            let site = SimulatedSite::holding(start.clone()).fail_at(call, works);
            let story = format!("call {call} fails, works: {works}");
            let error = publish_to(&bench, &site).unwrap_err();
            if matches!(error, PublishError::Unfinished { .. }) {
                unfinished += 1;
            } else {
                assert!(matches!(error, PublishError::Site { .. }), "{story}: {error}");
                assert!(site.names()["checkpoint"] == start["checkpoint"], "{story}: another checkpoint");
            }
            for names in site.images(3) {
                check_image(&names, sizes, &story);
                let again = SimulatedSite::holding(names);
                publish_to(&bench, &again).unwrap_or_else(|error| panic!("{story}, then again: {error}"));
            }
        }
    }
    assert!(unfinished > 0);
}

#[test]
fn a_log_that_does_not_extend_the_published_one_is_refused_with_the_line() {
    let names = published_names(150, Names::new());
    let whole = bench(150).bytes();
    let lines: Vec<&[u8]> = whole.events.split_inclusive(|byte| *byte == b'\n').collect();
    let shorter = bench(60);
    let shorter_size = shorter.receipt().events;
    // Another history: the same ticks, but the tenth instance's facts differ from a place on.
    let mut other = ticks(150);
    other.remove(40);
    let changed = Bench::new();
    changed.ingest(&join(&other)).unwrap();
    let changed_lines = changed.bytes().events;
    let differs = lines
        .iter()
        .zip(changed_lines.split_inclusive(|byte| *byte == b'\n'))
        .position(|(ours, theirs)| *ours != theirs)
        .unwrap();
    // The history diverged, whatever happened to the published bundle of the first line that differs.
    let bundle = format!("tile/entries/{:03}", differs / WIDTH);
    let first_of_bundle = (differs / WIDTH * WIDTH) as u64 + 1;
    let mut missing = names.clone();
    missing.remove(&bundle).unwrap();
    let mut cut_off = names.clone();
    cut_off.get_mut(&bundle).unwrap().as_mut().unwrap().pop();
    for (name, names, bench, expected) in [
        ("rolled back", &names, &shorter, shorter_size + 1),
        ("another history", &names, &changed, differs as u64 + 1),
        ("another history, a bundle is missing", &missing, &changed, first_of_bundle),
        ("another history, a bundle is cut off", &cut_off, &changed, first_of_bundle),
        ("empty", &names, &Bench::new(), 1),
    ] {
        let site = SimulatedSite::holding(names.clone());
        match publish_to(bench, &site) {
            Err(PublishError::Diverged { line, published_root, log_root, .. }) => {
                assert_eq!(line, expected, "{name}");
                assert_ne!(published_root, log_root, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert!(site.names() == *names, "{name}: something was written");
    }
}

#[test]
fn a_published_file_that_is_not_the_logs_is_never_written_over() {
    let names = published_names(150, Names::new());
    let bench = bench(420);
    for path in ["tile/0/000", "tile/entries/000"] {
        let mut changed = names.clone();
        changed.get_mut(path).unwrap().as_mut().unwrap()[7] ^= 1;
        let site = SimulatedSite::holding(changed.clone());
        match publish_to(&bench, &site) {
            Err(PublishError::OtherBytes { path: found }) => assert_eq!(found, path),
            other => panic!("{path}: {other:?}"),
        }
        assert!(site.names()["checkpoint"] == changed["checkpoint"], "{path}: another checkpoint");
    }
}

/// The name of the error of a changed tree.
fn refusal(names: &Names) -> &'static str {
    match verify_published(&Image(names), &trust(), &mut ()) {
        Ok(_) => "accepted",
        Err(CloneError::Tree(error)) => match error {
            TreeError::Source(_) => "source",
            TreeError::NoCheckpoint => "no checkpoint",
            TreeError::Checkpoint(_) => "checkpoint",
            TreeError::Missing(_) => "missing",
            TreeError::Malformed { .. } => "malformed",
            TreeError::Changed { .. } => "changed",
            TreeError::Edge { .. } => "edge",
            TreeError::Entry { .. } => "entry",
            TreeError::NotAnEvent { .. } => "not an event",
        },
        Err(CloneError::Malformed { .. }) => "contract",
        Err(_) => "other",
    }
}

#[test]
fn a_changed_tree_is_refused_by_name() {
    let names = published_names(420, Names::new());
    let paths: Vec<&String> = names.iter().filter(|(_, file)| file.is_some()).map(|(path, _)| path).collect();
    assert!(paths.len() > 10 && refusal(&names) == "accepted");
    for path in &paths {
        let with = |file: Option<Vec<u8>>| {
            let mut names = names.clone();
            match file {
                Some(file) => names.insert((*path).clone(), Some(file)),
                None => names.remove(*path),
            };
            refusal(&names)
        };
        let bytes = names[*path].clone().unwrap();
        let is_checkpoint = path.as_str() == "checkpoint";
        assert_eq!(with(None), if is_checkpoint { "no checkpoint" } else { "missing" }, "{path} removed");
        let step = (bytes.len() / 97).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert_ne!(with(Some(changed)), "accepted", "{path}, bit of byte {at}");
            assert_ne!(with(Some(bytes[..at].to_vec())), "accepted", "{path} cut at {at}");
        }
        assert_ne!(with(Some([&bytes[..], b"\n"].concat())), "accepted", "{path} with a byte more");
        for other in &paths {
            if names[*other].as_ref() != Some(&bytes) {
                assert_ne!(with(names[*other].clone()), "accepted", "{path} replaced by {other}");
            }
        }
    }
    // Each kind of change has its own name.
    let swapped = |one: &str, two: &str| {
        let mut swapped = names.clone();
        swapped.insert(one.into(), names[two].clone());
        swapped.insert(two.into(), names[one].clone());
        refusal(&swapped)
    };
    assert_eq!(swapped("tile/0/000", "tile/0/001"), "changed");
    assert_eq!(swapped("tile/entries/000", "tile/entries/001"), "entry");
    let edge = (*paths.iter().find(|path| path.starts_with("tile/1/")).unwrap()).clone();
    let mut changed = names.clone();
    changed.get_mut(&edge).unwrap().as_mut().unwrap()[0] ^= 1;
    assert_eq!(refusal(&changed), "edge");
}

#[test]
fn a_copy_is_not_led_astray() {
    let dir = tempfile::TempDir::new().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    publish_to(&bench(60), &public(&old)).unwrap();
    publish_to(&bench(150), &public(&new)).unwrap();
    let out = dir.path().join("out");
    clone(&new, &out).unwrap();
    let before = log_of(&out);
    // An older checkpoint than the kept one.
    assert!(matches!(clone(&old, &out), Err(CloneError::Older { .. })));
    // Another history.
    let mut other = ticks(420);
    other.remove(40);
    let changed = Bench::new();
    changed.ingest(&join(&other)).unwrap();
    let astray = dir.path().join("astray");
    publish_to(&changed, &public(&astray)).unwrap();
    assert!(matches!(clone(&astray, &out), Err(CloneError::Diverged { .. })));
    assert!(log_of(&out) == before);
    // A kept checkpoint that cannot be read, or is longer than one can be.
    let kept = out.join("checkpoint");
    let signed = fs::read(&kept).unwrap();
    fs::write(&kept, vec![b'o'; TEXT_BYTES_MAX + 1]).unwrap();
    match clone(&new, &out) {
        Err(CloneError::Kept { error: CheckpointError::Malformed(error), .. }) => {
            assert_eq!(error.problem, Problem::TooLong);
        }
        other => panic!("{other:?}"),
    }
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    assert!(matches!(clone(&new, &out), Err(CloneError::Stores(Error::Unavailable { .. }))));
    fs::remove_dir(&kept).unwrap();
    fs::write(&kept, signed).unwrap();
    // A directory that is no clone's.
    let foreign = dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("precious"), "").unwrap();
    assert!(matches!(clone(&new, &foreign), Err(CloneError::NotAClone(_))));
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);
    // A copy that a killed clone left at any byte.
    for length in (0..before.len()).step_by(before.len() / 40) {
        fs::remove_file(out.join("checkpoint")).ok();
        fs::write(out.join("audit-events/audit_events.ndjson"), &before[..length]).unwrap();
        clone(&new, &out).unwrap_or_else(|error| panic!("cut at byte {length}: {error}"));
        assert!(log_of(&out) == before, "cut at byte {length}");
    }
}
