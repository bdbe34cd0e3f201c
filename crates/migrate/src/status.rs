//! The files compared with the records: what is applied, what is pending, and what contradicts.

use std::fmt;

use serde::Serialize;
use sqlx::migrate::{AppliedMigration, Migration};
use strum::IntoStaticStr;

/// A migration that the directory or the database knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number, the version of sqlx.
    pub number: i64,
    /// The name in its file's name; none for a record without a file.
    pub name: Option<String>,
    /// The result of the comparison of its file and record.
    pub state: State,
}

/// The result of the comparison of a migration's file and record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, Serialize)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Recorded, and the file has the recorded checksum.
    Applied,
    /// Not recorded, and its number is above all recorded ones.
    Pending,
    /// Recorded, and the file has another checksum.
    Edited,
    /// Recorded, and there is no file.
    Missing,
    /// Not recorded, and a higher number is recorded.
    Inserted,
    /// Another file has the same number.
    Repeated,
}

impl State {
    /// One word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The next step after a contradiction; none if there is none.
    const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Applied | Self::Pending => None,
            Self::Edited => Some(
                "was edited after it was applied: restore the file (line ends count), and write the change as a new migration",
            ),
            Self::Missing => {
                Some("was applied, and has no file: restore it, or name the right directory or database")
            }
            Self::Inserted => {
                Some("was never applied, but a higher number was: give it a number above all applied ones")
            }
            Self::Repeated => Some("has the number of another file: give each file a number of its own"),
        }
    }
}

impl Entry {
    /// The contradiction and what to do about it; none if file and record agree.
    pub fn contradiction(&self) -> Option<String> {
        self.state.advice().map(|advice| format!("{self} {advice}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.number)?;
        self.name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

/// Compares all migrations that files or records know, in the order of their numbers.
///
/// `files` must be sorted by number, as sqlx sorts them.
pub fn compare(files: &[&Migration], records: &[AppliedMigration]) -> Vec<Entry> {
    let last = records.iter().map(|record| record.version).max();
    let state_of = |index: usize, file: &Migration| {
        if index > 0 && files[index - 1].version == file.version {
            return State::Repeated;
        }
        match records.iter().find(|record| record.version == file.version) {
            Some(record) if record.checksum == file.checksum => State::Applied,
            Some(_) => State::Edited,
            None if Some(file.version) < last => State::Inserted,
            None => State::Pending,
        }
    };
    let of_files = files.iter().enumerate().map(|(index, file)| Entry {
        number: file.version,
        name: Some(file.description.to_string()),
        state: state_of(index, file),
    });
    let without_file = records
        .iter()
        .filter(|record| files.iter().all(|file| file.version != record.version))
        .map(|record| Entry { number: record.version, name: None, state: State::Missing });
    let mut entries: Vec<Entry> = of_files.chain(without_file).collect();
    entries.sort_by_key(|entry| entry.number);
    entries
}
