//! The machine that the figures are of.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::dreichor::Dreichor;
use crate::peer::Available;
use crate::work::Work;

/// Restricts this process, and so all that it starts, to the first `count` of the cores that it may use. Returns them.
pub(crate) fn restrict_to(count: u32) -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    let cores: Vec<usize> =
        (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).take(count as usize).collect();
    ensure!(!cores.is_empty(), "the kernel names no core that this process may use");
    let mut set = CpuSet::new();
    for &core in &cores {
        set.set(core);
    }
    sched_setaffinity(None, &set)?;
    Ok(cores)
}

/// The first core that this process may use.
pub(crate) fn first_core() -> Result<usize> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).find(|&core| allowed.is_set(core)).unwrap_or(0))
}

/// Head of the table: the machine, the file system and the versions.
pub(crate) fn head(
    cores: &[usize],
    work: &Work,
    dreichor: &Dreichor,
    peers: &Available,
    rounds: u32,
) -> Result<String> {
    let cpu = member("/proc/cpuinfo", "model name");
    let family = member("/proc/cpuinfo", "cpu family");
    let model = member("/proc/cpuinfo", "model\t");
    let memory = member("/proc/meminfo", "MemTotal").replace(" kB", "").parse().unwrap_or(0u64) >> 20;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(format!(
        "{cpu} (family {family}, model {model}), {} of its cores, {memory} GiB; Linux {}; all files on {}; load \
         {} at the start. {}; {}. Medians of {rounds} interleaved rounds, files in the page cache.\n",
        cores.len(),
        kernel.trim(),
        file_system(&work.path("."))?,
        load.split(' ').next().unwrap_or("unknown"),
        dreichor.version()?,
        peers.versions(),
    ))
}

/// First value of `name` in a file of `name: value` lines.
fn member(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim()).to_owned()
}

/// Type of the file system that holds `path`, and its device.
fn file_system(path: &Path) -> Result<String> {
    let path = fs::canonicalize(path)?;
    let text = fs::read_to_string("/proc/self/mounts")?;
    // Later lines hide earlier ones of the same directory.
    let mut best = (0, "unknown".to_owned());
    for line in text.lines() {
        let mut fields = line.split(' ');
        let (Some(device), Some(at), Some(kind)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if path.starts_with(at) && at.len() >= best.0 {
            best = (at.len(), format!("{kind} ({device})"));
        }
    }
    let note = if best.1.starts_with("tmpfs") { ", WHERE A SYNC DOES NOTHING" } else { "" };
    Ok(best.1 + note)
}

/// First line that a program prints, or `None` if it can't be run.
pub(crate) fn first_line(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}
