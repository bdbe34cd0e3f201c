//! Several upstreams at one socket, each of which hands over one tick at a time and waits for its acknowledgement.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use wait4::Wait4;

use crate::measure::{Sample, name};
use crate::report::Report;

/// Starts a server that listens on `socket`; `upstreams` threads hand it `ticks` ticks in all, each of an instance of its
/// own at the same time. Then the server is stopped.
///
/// The clock starts when every upstream has an acknowledgement: the server's own start doesn't count.
pub(crate) fn drive(command: &mut Command, socket: &Path, upstreams: u32, ticks: u32) -> Result<Sample> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().with_context(|| format!("cannot start {}", name(command)))?;
    let connections: Result<Vec<_>> = (0..upstreams).map(|_| connect(socket)).collect();
    let (connections, each) = (connections?, ticks / upstreams);
    let barrier = Barrier::new(connections.len() + 1);
    let (times, elapsed) = thread::scope(|scope| {
        let start = |(number, connection)| {
            let barrier = &barrier;
            scope.spawn(move || converse(connection, number, each, barrier))
        };
        let threads: Vec<_> = (0..).zip(connections).map(start).collect();
        barrier.wait();
        let start = Instant::now();
        let times: Result<Vec<_>> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        (times, start.elapsed())
    });
    kill_process(Pid::from_child(&child), Signal::TERM)?;
    let used = child.wait4()?;
    let times: Vec<Duration> = times?.concat();
    let report = Report::new(times.len() as u64, times);
    Ok(Sample { seconds: elapsed.as_secs_f64(), peak: Some(used.rusage.maxrss), ..Sample::from(report) })
}

fn connect(socket: &Path) -> Result<UnixStream> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match UnixStream::connect(socket) {
            Ok(connection) => return Ok(connection),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn converse(connection: UnixStream, number: u32, ticks: u32, barrier: &Barrier) -> Result<Vec<Duration>> {
    let mut from = BufReader::new(connection);
    let (mut answer, mut times) = (Vec::new(), Vec::new());
    for index in 0..=ticks {
        let line = tick(number, index);
        answer.clear();
        let start = Instant::now();
        from.get_mut().write_all(line.as_bytes())?;
        from.read_until(b'\n', &mut answer)?;
        ensure!(answer.ends_with(b"\n"), "the server closed a connection");
        if index == 0 {
            barrier.wait();
        } else {
            times.push(start.elapsed());
        }
    }
    Ok(times)
}

/// A tick that finds another market better. At most one of them holds, so most are refused.
fn tick(number: u32, index: u32) -> String {
    format!(
        "{{\"version\":1,\"kind\":\"TICK\",\"logicalTime\":1,\"strategyInstanceId\":\"{number:08x}-0000-4000-8000-{index:012x}\",\"decisionClass\":\"attention.enter.rotation@v1\",\"reasonCodes\":[\"ATTENTION_SUPERIOR\"],\"attention\":{{\"attentionMeaningfullyHigher\":true,\"stabilityMeetsMinimum\":true,\"confidenceSufficient\":true,\"differencePersistsOverTime\":true,\"switchingCostsJustified\":true}},\"parameterPoolId\":\"balanced@v1\",\"targetMarketId\":\"M1\",\"safetyGates\":{{\"haltAll\":false,\"blockBuy\":false,\"forceSell\":false}}}}\n"
    )
}
