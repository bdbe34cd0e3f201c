//! Runs the programs of a job in turn, several rounds, and takes medians.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use wait4::Wait4;

/// One run of one program.
pub(crate) struct Sample {
    /// Wall time.
    pub(crate) seconds: f64,
    /// Ticks that became durable in that time; 0 for jobs that only read.
    pub(crate) ticks: u64,
    /// Time of one commit that half of all, and 99 of 100, stay below, in microseconds.
    pub(crate) latency: Option<[f64; 2]>,
    /// Peak resident memory in bytes, where it is that of the whole program.
    pub(crate) peak: Option<u64>,
}

/// Unit of the figures of a job.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    /// Seconds of a run.
    Seconds,
    /// Ticks per second.
    TicksPerSecond,
}

/// A program that does a job.
pub(crate) struct Contender<'a> {
    /// Name in the table.
    pub(crate) name: String,
    /// The goal, for dreichor.
    pub(crate) goal: Option<String>,
    /// Runs it once, or the reason why it is left out.
    pub(crate) run: Result<Run<'a>, String>,
}

/// Runs a program once.
pub(crate) type Run<'a> = Box<dyn FnMut() -> Result<Sample> + 'a>;

/// A job that several programs do.
pub(crate) struct Job<'a> {
    /// Name in the table.
    pub(crate) title: String,
    /// Unit of its figures.
    pub(crate) unit: Unit,
    /// The programs. The first one is the reference of all others; the first one with a goal is dreichor.
    pub(crate) contenders: Vec<Contender<'a>>,
}

/// Figures of a job.
pub(crate) struct Figures {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) rows: Vec<Row>,
}

/// Figures of one program.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) goal: Option<String>,
    pub(crate) result: Result<Medians, String>,
}

/// Medians over the rounds.
pub(crate) struct Medians {
    pub(crate) value: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    pub(crate) latency: Option<[f64; 2]>,
    pub(crate) peak: Option<u64>,
}

/// Runs all contenders in turn, `rounds` times. A peer that fails is left out; dreichor must not fail.
pub(crate) fn measure(mut job: Job<'_>, rounds: u32) -> Result<Figures> {
    let mut samples: Vec<Vec<Sample>> = job.contenders.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        eprintln!("{}: round {round} of {rounds}", job.title);
        for (contender, samples) in job.contenders.iter_mut().zip(&mut samples) {
            let Ok(run) = &mut contender.run else { continue };
            match run() {
                Ok(sample) => samples.push(sample),
                Err(error) if contender.goal.is_some() => {
                    bail!(error.context(contender.name.clone()));
                }
                Err(error) => {
                    eprintln!("{}: {error:#}", contender.name);
                    contender.run = Err(format!("{error:#}"));
                }
            }
        }
    }
    let unit = job.unit;
    let row = |(contender, samples): (Contender<'_>, Vec<Sample>)| Row {
        name: contender.name,
        goal: contender.goal,
        result: contender.run.map(|_| Medians::of(&samples, unit)),
    };
    Ok(Figures { title: job.title, unit, rows: job.contenders.into_iter().zip(samples).map(row).collect() })
}

impl Medians {
    fn of(samples: &[Sample], unit: Unit) -> Self {
        let value = |sample: &Sample| match unit {
            Unit::Seconds => sample.seconds,
            Unit::TicksPerSecond => sample.ticks as f64 / sample.seconds,
        };
        let values: Vec<f64> = samples.iter().map(value).collect();
        let latency = |at: usize| {
            samples.iter().map(|sample| sample.latency.map(|pair| pair[at])).collect::<Option<Vec<_>>>()
        };
        Self {
            value: median(values.clone()),
            lowest: values.iter().copied().fold(f64::INFINITY, f64::min),
            highest: values.iter().copied().fold(0.0, f64::max),
            latency: latency(0).zip(latency(1)).map(|(half, most)| [median(half), median(most)]),
            // The highest, not the median: a bound holds in every run.
            peak: samples.iter().map(|sample| sample.peak).max().flatten(),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    if values.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.wrapping_sub(1)), at(middle)) }
}

/// File name of a program.
pub(crate) fn name(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Runs a program from start to exit; what it prints is discarded.
pub(crate) fn timed(command: &mut Command) -> Result<Sample> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let used = command.spawn().with_context(|| format!("cannot start {}", name(command)))?.wait4()?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(used.status.success(), "{} ended with {}", name(command), used.status);
    Ok(Sample { seconds, ticks: 0, latency: None, peak: Some(used.rusage.maxrss) })
}

/// Runs a program to its end, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", name(command)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} ended with {}: {}", name(command), output.status, said.trim());
    Ok(output.stdout)
}

/// Runs a program whose last line is a JSON value about its run. Returns the value, and the program's peak memory.
pub(crate) fn reported<T: DeserializeOwned>(command: &mut Command) -> Result<(T, u64)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", name(command)))?;
    let output = child.stdout.take().context("no standard output")?;
    let text = std::io::read_to_string(output)?;
    let used = child.wait4()?;
    ensure!(used.status.success(), "{} ended with {}", name(command), used.status);
    let last = text.lines().next_back().unwrap_or_default();
    Ok((serde_json::from_str(last)?, used.rusage.maxrss))
}
