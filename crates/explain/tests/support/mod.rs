//! Logs in a temporary directory, and the stories that they tell.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test makes the files that are read")]

#[path = "../../../core/tests/support/config.rs"]
pub(crate) mod config;
pub(crate) mod generated;

use std::fs;
use std::path::{Path, PathBuf};

use dreichor_core::value::{Form, Uuid};
use dreichor_explain::{Explained, Story, explain};
use dreichor_replay::Directory;
use dreichor_replay::Stores;
use dreichor_replay::reference::Reference;
use tempfile::TempDir;

/// A file or folder of the project's tests.
pub(crate) fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name)
}

/// The log of the published vectors.
pub(crate) fn vectors_log() -> Vec<u8> {
    fs::read(shared("vectors/audit_events.ndjson")).unwrap()
}

/// The lines of a log, each with its LF.
pub(crate) fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split_inclusive(|&byte| byte == b'\n').collect()
}

/// The text is that of the golden file. With `UPDATE_GOLDEN=1` the file is rewritten, if `is_first`.
#[track_caller]
pub(crate) fn check_golden(path: &Path, told: &str, is_first: bool) {
    if is_first && std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, told).unwrap();
    }
    assert_eq!(told, fs::read_to_string(path).unwrap(), "{}", path.display());
}

/// The start of the sentence at the first event that does not follow the rules.
pub(crate) const STRAY: &str = "From here on, the log does not follow the tick's rules";

/// One line as JSON.
pub(crate) fn json(line: &[u8]) -> serde_json::Value {
    serde_json::from_slice(line).unwrap()
}

/// A log in mounts of its own.
pub(crate) struct Bench {
    _dir: TempDir,
    stores: Stores<Directory>,
}

impl Bench {
    pub(crate) fn holding(log: &[u8]) -> Self {
        let dir = TempDir::new().unwrap();
        let [events, snapshots] = ["audit-events", "snapshots"].map(|mount| dir.path().join(mount));
        fs::create_dir(&events).unwrap();
        fs::create_dir(&snapshots).unwrap();
        fs::write(events.join("audit_events.ndjson"), log).unwrap();
        let open = |mount: &Path| Directory::open(mount).unwrap();
        let stores = Stores::new(open(&events), open(&snapshots));
        Self { _dir: dir, stores }
    }

    pub(crate) fn stores(&self) -> &Stores<Directory> {
        &self.stores
    }

    /// The story that `explain` finds for an id.
    pub(crate) fn explain(&self, id: &str) -> Option<Story> {
        match explain(&self.stores, &Reference::from(uuid(id)), &mut ()).unwrap() {
            Explained::Story(story, _) => Some(story),
            Explained::Nothing(_) => None,
            Explained::Ambiguous(named) => unreachable!("one id is of several stories: {named:?}"),
        }
    }
}

pub(crate) fn uuid(text: &str) -> Uuid {
    Uuid::parse(text.as_bytes()).unwrap()
}
