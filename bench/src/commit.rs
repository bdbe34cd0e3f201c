//! The ticks of a log, grouped into the commits that a writer makes of them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

/// The bytes of some ticks.
#[derive(Default)]
pub(crate) struct Commit {
    /// Event lines, each with its LF.
    pub(crate) bytes: Vec<u8>,
    /// End of each line in `bytes`, LF included.
    ends: Vec<usize>,
    /// Lines of the snapshots that are taken after these events.
    pub(crate) snapshots: Vec<u8>,
    /// Number of ticks.
    pub(crate) ticks: u64,
}

impl Commit {
    /// The event lines, without LF.
    pub(crate) fn lines(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let line = self.bytes.get(start..end.saturating_sub(1)).unwrap_or_default();
            start = end;
            line
        })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.snapshots.clear();
        self.ticks = 0;
    }
}

/// Reads commits from the files of a log.
pub(crate) struct Commits {
    events: BufReader<File>,
    snapshots: Option<Snapshots>,
    /// Events read so far.
    count: u64,
    /// First line of the next tick, read already.
    ahead: Vec<u8>,
}

impl Commits {
    /// Opens the events, and the snapshots where the commits shall hold them.
    pub(crate) fn open(events: &Path, snapshots: Option<&Path>) -> Result<Self> {
        let mut events = BufReader::with_capacity(1 << 20, File::open(events)?);
        let mut ahead = Vec::new();
        events.read_until(b'\n', &mut ahead)?;
        Ok(Self { events, snapshots: snapshots.map(Snapshots::open).transpose()?, count: 0, ahead })
    }

    /// Fills `commit` with the next ticks, at most `ticks` of them. False if none is left.
    pub(crate) fn next(&mut self, ticks: u64, commit: &mut Commit) -> Result<bool> {
        commit.clear();
        while !self.ahead.is_empty() {
            if starts_tick(&self.ahead) {
                if commit.ticks == ticks {
                    break;
                }
                commit.ticks += 1;
            }
            commit.bytes.extend_from_slice(&self.ahead);
            commit.ends.push(commit.bytes.len());
            self.count += 1;
            self.ahead.clear();
            self.events.read_until(b'\n', &mut self.ahead)?;
        }
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.take_until(self.count, &mut commit.snapshots)?;
        }
        Ok(commit.ticks > 0)
    }
}

/// True for a tick's first event. Its type follows an id of fixed length.
fn starts_tick(line: &[u8]) -> bool {
    const AT: usize = r#"{"id":"00000000-0000-0000-0000-000000000000","type":""#.len();
    line.get(AT..).is_some_and(|rest| rest.starts_with(b"DECISION_EVALUATED\""))
}

struct Snapshots {
    lines: BufReader<File>,
    ahead: Vec<u8>,
}

impl Snapshots {
    fn open(path: &Path) -> Result<Self> {
        let mut lines = BufReader::with_capacity(1 << 20, File::open(path)?);
        let mut ahead = Vec::new();
        lines.read_until(b'\n', &mut ahead)?;
        Ok(Self { lines, ahead })
    }

    /// Appends the lines of snapshots of at most `events` events to `out`.
    fn take_until(&mut self, events: u64, out: &mut Vec<u8>) -> Result<()> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            audit_tree_size: u64,
        }
        while !self.ahead.is_empty() {
            if serde_json::from_slice::<Head>(&self.ahead)?.audit_tree_size > events {
                break;
            }
            out.extend_from_slice(&self.ahead);
            self.ahead.clear();
            self.lines.read_until(b'\n', &mut self.ahead)?;
        }
        Ok(())
    }
}
