//! The files against the records: what is applied, what is pending, and what contradicts.

use std::fmt;

use crate::folder::Migration;
use crate::records::Record;

/// A migration that the directory or the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub number: i64,
    /// Its name: that of the file, or as recorded if there is no file.
    pub name: String,
    /// How file and record stand to each other.
    pub state: State,
}

/// How the file and the record of a migration stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Recorded, and the file is what was recorded.
    Applied,
    /// Not recorded, and all that is recorded comes before it.
    Pending,
    /// Recorded, and the file is another than then.
    Edited,
    /// Recorded, and there is no file.
    Missing,
    /// The file was recorded under the number `was`.
    Renumbered {
        /// That number.
        was: i64,
    },
    /// Not recorded, and `behind` it is one that is.
    Inserted {
        /// The last number that is recorded.
        behind: i64,
    },
}

impl State {
    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Edited => "edited",
            Self::Missing => "missing",
            Self::Renumbered { .. } => "renumbered",
            Self::Inserted { .. } => "inserted",
        }
    }

    /// What is wrong and what to do about it, if anything is.
    fn contradiction(self) -> Option<String> {
        match self {
            Self::Applied | Self::Pending => None,
            Self::Edited => Some(
                "was edited after it was applied: put back the file as it was applied (line ends count), and write the change as a new migration"
                    .into(),
            ),
            Self::Missing => Some(
                "was applied, and has no file: put the file back, or name the right directory or database"
                    .into(),
            ),
            Self::Renumbered { was } => Some(format!(
                "was applied as number {was:03}: give it that number back; the order of applied migrations is past"
            )),
            Self::Inserted { behind } => Some(format!(
                "was never applied, but {behind:03}, which comes after it, was: give it a number above {behind:03}"
            )),
        }
    }
}

impl Entry {
    /// The migration, what is wrong with it and what to do about it, if anything is.
    pub fn contradiction(&self) -> Option<String> {
        self.state.contradiction().map(|what| format!("{self} {what}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {}", self.number, self.name)
    }
}

/// All migrations that files or records know, in the order of their numbers.
pub fn compare(files: &[Migration], records: &[Record]) -> Vec<Entry> {
    let last = records.iter().map(|record| record.number).max();
    let of_file = |file: &Migration| {
        let number = file.number();
        let is_of = |record: &&Record| *record.checksum == *file.inner.checksum;
        let recorded = records.iter().find(|record| record.number == number);
        let elsewhere = || records.iter().find(is_of).map(|record| State::Renumbered { was: record.number });
        let state = match (recorded, last) {
            (Some(record), _) if is_of(&record) => State::Applied,
            (Some(_), _) => elsewhere().unwrap_or(State::Edited),
            (None, Some(behind)) if number < behind => elsewhere().unwrap_or(State::Inserted { behind }),
            (None, _) => State::Pending,
        };
        Entry { number, name: file.name().to_owned(), state }
    };
    let without_file = |record: &&Record| files.iter().all(|file| file.number() != record.number);
    let missing = records.iter().filter(without_file).map(|record| Entry {
        number: record.number,
        name: record.name.clone(),
        state: State::Missing,
    });
    let mut entries: Vec<Entry> = files.iter().map(of_file).chain(missing).collect();
    entries.sort_by_key(|entry| entry.number);
    entries
}
