//! The parts of a replay, each by itself on one thread: what all of them take together, half of it on two cores at best.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use dreichor_core::fault::Fault;
use dreichor_core::{Event, State, Tree};
use serde::{Deserialize, Serialize};

use crate::measure::{Sample, reported};
use crate::peer::{blocks, command};

/// As of replay.
const BLOCK_BYTES: usize = 256 << 10;

/// A part of a replay.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// The file is copied from the page cache.
    Read,
    /// Each line is hashed.
    Leaves,
    /// The leaves are added to the tree.
    Tree,
    /// Each line is parsed, and its id compared.
    Parse,
    /// Each event is applied to the state.
    Fold,
    /// The text of the state is written and hashed.
    Digests,
}

#[derive(Serialize, Deserialize)]
struct Spent {
    seconds: f64,
}

impl Part {
    /// All of them, in the order of replay.
    pub(crate) const ALL: [Self; 6] =
        [Self::Read, Self::Leaves, Self::Tree, Self::Parse, Self::Fold, Self::Digests];

    /// Name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read the file from the page cache",
            Self::Leaves => "find the lines and hash each",
            Self::Tree => "add the hashes to the tree",
            Self::Parse => "parse each line and compare its id",
            Self::Fold => "apply each event to the state",
            Self::Digests => "write the text of the state and hash it (`replay` only)",
        }
    }

    /// Does all parts, and prints the time of this one.
    pub(crate) fn run(self, events: &Path) -> Result<()> {
        let mut spent = Duration::ZERO;
        let mut file = File::open(events)?;
        let (mut buffer, mut used) = (vec![0; 2 * BLOCK_BYTES], 0);
        let (mut leaves, mut tree, mut state) = (Vec::new(), Tree::new(), State::new());
        loop {
            let room = buffer.get_mut(used..used + BLOCK_BYTES).context("a line is longer than a block")?;
            let read = self.time(Self::Read, &mut spent, || file.read(room))?;
            if read == 0 {
                break;
            }
            used += read;
            let end = memchr::memrchr(b'\n', &buffer[..used]).map_or(0, |last| last + 1);
            let lines = self.time(Self::Leaves, &mut spent, || {
                let lines: Vec<&[u8]> = blocks::lines(&buffer[..end]).collect();
                leaves.clear();
                Event::leaves(lines.iter().copied(), &mut leaves);
                lines
            });
            self.time(Self::Tree, &mut spent, || tree.extend(&leaves));
            let parsed = self.time(Self::Parse, &mut spent, || -> Result<Vec<Event<'_>>> {
                let pairs = lines.iter().zip(&leaves);
                pairs.map(|(line, leaf)| Event::read_hashed(line, *leaf).map_err(failed)).collect()
            })?;
            self.time(Self::Fold, &mut spent, || {
                parsed.iter().try_for_each(|event| state.apply(event).map_err(failed))
            })?;
            buffer.copy_within(end..used, 0);
            used -= end;
        }
        self.time(Self::Digests, &mut spent, || state.digests());
        println!("{}", serde_json::to_string(&Spent { seconds: spent.as_secs_f64() })?);
        Ok(())
    }

    fn time<T>(self, part: Self, spent: &mut Duration, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        if self == part {
            *spent += start.elapsed();
        }
        done
    }

    /// Measures it once.
    pub(crate) fn measure(self, events: &Path) -> Result<Sample> {
        let word = self.to_possible_value().context("each part has a word")?;
        let (spent, peak): (Spent, _) = reported(command()?.args(["part", word.get_name()]).arg(events))?;
        Ok(Sample { seconds: spent.seconds, ticks: 0, latency: None, peak: Some(peak) })
    }
}

fn failed(fault: Box<Fault>) -> anyhow::Error {
    anyhow!("{fault}")
}
