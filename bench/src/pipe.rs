//! An upstream that hands over one tick at a time, and waits for its acknowledgement before the next.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use wait4::Wait4;

use crate::measure::{Sample, name};
use crate::report::Report;

/// Starts a program that reads ticks from its standard input, and hands it the first `ticks` lines of `inputs`.
///
/// The first tick starts the clock when it is acknowledged: the program's own start doesn't count.
pub(crate) fn drive(command: &mut Command, inputs: &Path, ticks: u32) -> Result<Sample> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", name(command)))?;
    let mut to = child.stdin.take().context("no standard input")?;
    let mut from = BufReader::new(child.stdout.take().context("no standard output")?);
    let mut lines = BufReader::new(File::open(inputs)?);
    let (mut line, mut answer) = (Vec::new(), Vec::new());
    let mut times = Vec::new();
    for tick in 0..ticks {
        line.clear();
        answer.clear();
        lines.read_until(b'\n', &mut line)?;
        ensure!(!line.is_empty(), "{} has fewer than {ticks} ticks", inputs.display());
        let start = Instant::now();
        to.write_all(&line)?;
        from.read_until(b'\n', &mut answer)?;
        ensure!(answer.ends_with(b"\n"), "{} ended after {tick} ticks", name(command));
        if tick > 0 {
            times.push(start.elapsed());
        }
    }
    drop(to);
    let used = child.wait4()?;
    ensure!(used.status.success(), "{} ended with {}", name(command), used.status);
    let report = Report::new(u64::from(ticks) - 1, times);
    Ok(Sample { peak: Some(used.rusage.maxrss), ..Sample::from(report) })
}

impl From<Report> for Sample {
    fn from(report: Report) -> Self {
        let latency = Some([report.latency_50, report.latency_99]);
        Self { seconds: report.seconds, ticks: report.ticks, latency, peak: None }
    }
}
