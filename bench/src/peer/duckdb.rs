//! DuckDB: counts by type, market, side and status, and quantities, by one query over the file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::measure::{Sample, reported, run};
use crate::work::Work;

/// Version of the Python package.
pub(super) const VERSION: &str = "2.0.1";

/// A Python with DuckDB, in a virtual environment of the benchmarks.
pub(crate) struct Python(PathBuf);

impl Python {
    /// Makes the virtual environment where it is missing.
    pub(crate) fn find(work: &Work) -> Result<Self> {
        let dir = work.path("python");
        let python = dir.join("bin/python");
        let import = format!("import duckdb; assert duckdb.__version__ == '{VERSION}'");
        if run(Command::new(&python).args(["-c", &import])).is_err() {
            eprintln!("installing DuckDB {VERSION}");
            run(Command::new("python3").args(["-m", "venv"]).arg(&dir)).context("no Python with venv")?;
            let package = format!("duckdb=={VERSION}");
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))
                .map_err(|_| anyhow::anyhow!("its package cannot be had"))?;
        }
        Ok(Self(python))
    }
}

/// Runs the query once. Its time is the query's own, without the start of Python.
pub(crate) fn run_query(python: &Python, events: &Path, event_count: u64) -> Result<Sample> {
    #[derive(Deserialize)]
    struct Answer {
        seconds: f64,
        events: u64,
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/peer/aggregate.py");
    let (answer, peak): (Answer, u64) = reported(Command::new(&python.0).arg(script).arg(events))?;
    ensure!(answer.events == event_count, "DuckDB counted {} events of {event_count}", answer.events);
    Ok(Sample { seconds: answer.seconds, ticks: 0, latency: None, peak: Some(peak) })
}
