//! Logs to measure with: inputs that are the same on every machine, ingested by dreichor, and kept for later runs.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, ensure};

use crate::dreichor::{Dreichor, Snapshots};
use crate::work::Work;

/// Changes whenever the inputs change, so that no older log is taken for one of these.
const EDITION: &str = "v1";
/// Events that a thousand of these ticks become, measured.
const EVENTS_PER_THOUSAND_TICKS: u64 = 3_180;

/// A number of events, about which a log shall have.
#[derive(Clone, Copy)]
pub(crate) struct Size(u64);

impl FromStr for Size {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (digits, unit) = match text.as_bytes().last() {
            Some(b'k') => (&text[..text.len() - 1], 1_000),
            Some(b'M') => (&text[..text.len() - 1], 1_000_000),
            _ => (text, 1),
        };
        let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        let size = size.filter(|&size| (100..=1_000_000_000).contains(&size));
        size.map(Self).ok_or_else(|| anyhow!("a size is a number of events from 100 to 1000M, as 10k or 1M"))
    }
}

impl Size {
    /// Ticks that become about that many events.
    pub(crate) fn ticks(self) -> u64 {
        self.0 * 1_000 / EVENTS_PER_THOUSAND_TICKS
    }
}

/// The files of one log.
pub(crate) struct Log {
    /// The ticks that it is made of.
    pub(crate) inputs: PathBuf,
    /// Data directory of dreichor.
    pub(crate) data: PathBuf,
    /// Number of events.
    pub(crate) event_count: u64,
    /// Number of ticks.
    pub(crate) tick_count: u64,
}

impl Log {
    /// The log of `tick_count` ticks: that of an earlier run, or a new one.
    pub(crate) fn make(tick_count: u64, work: &Work, dreichor: &Dreichor) -> Result<Self> {
        let dir = work.path(&format!("log-{EDITION}-{tick_count}-ticks"));
        let inputs = dir.join("inputs.ndjson");
        let data = dir.join("data");
        if !dir.exists() {
            eprintln!("making a log of {tick_count} ticks");
            let part = work.empty("log-part")?;
            write_inputs(&part.join("inputs.ndjson"), tick_count)?;
            dreichor.init(&part.join("data"))?;
            dreichor.ingest(&part.join("data"), &part.join("inputs.ndjson"), Snapshots::OnLedgerUpdate)?;
            fs::rename(&part, &dir)?;
        }
        let event_count = count_lines(&events_file(&data))?;
        ensure!(event_count > 0, "{} holds no log: remove it", dir.display());
        Ok(Self { inputs, data, event_count, tick_count })
    }

    /// File of the events.
    pub(crate) fn events(&self) -> PathBuf {
        events_file(&self.data)
    }

    /// File of the snapshots.
    pub(crate) fn snapshots(&self) -> PathBuf {
        self.data.join("snapshots/snapshots.ndjson")
    }
}

/// File of the events in a data directory.
pub(crate) fn events_file(data: &Path) -> PathBuf {
    data.join("audit-events/audit_events.ndjson")
}

/// Counts the lines of a file, which is in the page cache afterwards.
fn count_lines(path: &Path) -> Result<u64> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut count = 0;
    loop {
        let block = reader.fill_buf()?;
        if block.is_empty() {
            return Ok(count);
        }
        count += block.iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>();
        let length = block.len();
        reader.consume(length);
    }
}

/// Writes ticks of three instances in turn, in ten markets. About 12 of 100 have all five attention facts true, and a
/// few have a gate in force.
fn write_inputs(path: &Path, tick_count: u64) -> Result<()> {
    const FACTS: [&str; 5] = [
        "attentionMeaningfullyHigher",
        "stabilityMeetsMinimum",
        "confidenceSufficient",
        "differencePersistsOverTime",
        "switchingCostsJustified",
    ];
    const POOLS: [&str; 3] = ["cautious@v1", "balanced@v1", "assertive@v1"];
    let mut out = BufWriter::new(File::create(path)?);
    let mut draw = Draw(1);
    for index in 0..tick_count {
        let instance = index % 3;
        let all = draw.below(100) < 12;
        let absent = draw.below(5);
        let facts: Vec<String> = (0..)
            .zip(FACTS)
            .map(|(fact, name)| format!("\"{name}\":{}", all || (fact != absent && draw.below(2) == 0)))
            .collect();
        writeln!(
            out,
            "{{\"version\":1,\"kind\":\"TICK\",\"logicalTime\":{},\"strategyInstanceId\":\
             \"00000000-0000-4000-8000-{:012}\",\"decisionClass\":\"attention.enter.rotation@v1\",\"reasonCodes\":\
             [\"{}\"],\"attention\":{{{}}},\"parameterPoolId\":\"{}\",\"targetMarketId\":\"MARKET{}\",\
             \"safetyGates\":{{\"haltAll\":{},\"blockBuy\":{},\"forceSell\":{}}}}}",
            1 + index / 3,
            1 + instance,
            if all { "ATTENTION_SUPERIOR" } else { "ATTENTION_INSUFFICIENT" },
            facts.join(","),
            POOLS.get(usize::try_from(instance)?).unwrap_or(&"balanced@v1"),
            draw.below(10),
            draw.below(100) == 0,
            draw.below(50) == 0,
            draw.below(50) == 0,
        )?;
    }
    out.flush()?;
    Ok(())
}

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
