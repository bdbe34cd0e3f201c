//! `kill -9` anywhere, everything sent again: the stores are those of a run that was never interrupted.
//!
//! `RANDOM_KILLS` says how often a process is killed at a random time (default 20).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dreichor_rotation::{Market, rotate, sample};
use tempfile::TempDir;

const KILLS: usize = 20;

fn dreichor(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dreichor"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DREICHOR_")) {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(data_dir);
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn stores(data_dir: &Path) -> [Vec<u8>; 2] {
    ["audit-events/audit_events.ndjson", "snapshots/snapshots.ndjson"]
        .map(|file| fs::read(data_dir.join(file)).unwrap())
}

/// The ticks that the example strategy makes of these candle files.
fn ticks(files: impl IntoIterator<Item = (String, String)>) -> Vec<u8> {
    let markets: Vec<Market> =
        files.into_iter().map(|(name, text)| Market::read(&name, text.as_bytes()).unwrap()).collect();
    rotate(&markets)
        .flat_map(|tick| serde_json::to_string(&tick).unwrap().into_bytes().into_iter().chain([b'\n']))
        .collect()
}

/// Sends `inputs` over a pipe and kills the ingest as soon as so many of them are acknowledged.
fn ingest_and_kill(data_dir: &Path, inputs: &[u8], acknowledged: usize) {
    let mut child = dreichor(data_dir)
        .arg("ingest")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::scope(|scope| {
        // The pipe breaks when the child is killed.
        scope.spawn(move || drop(stdin.write_all(inputs)));
        for _ in 0..acknowledged {
            lines.next().unwrap().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

/// One uninterrupted run; one that is killed at twenty places, everything sent again each time. Returns the
/// totals of Decision Memory.
fn check(inputs: &[u8]) -> String {
    let dir = TempDir::new().unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let file = dir.path().join("ticks.ndjson");
    fs::write(&file, inputs).unwrap();
    for data_dir in [&whole, &killed] {
        output(dreichor(data_dir).arg("init"));
    }
    output(dreichor(&whole).arg("ingest").arg(&file));

    let count = String::from_utf8_lossy(inputs).matches('\n').count();
    for place in 1..=KILLS {
        ingest_and_kill(&killed, inputs, place * count / (KILLS + 1));
        // A reader finds sound stores after each kill, whatever the tail.
        output(dreichor(&killed).arg("replay"));
    }
    output(dreichor(&killed).arg("ingest").arg(&file));
    assert!(stores(&whole) == stores(&killed), "the stores differ");

    let receipt = output(dreichor(&whole).arg("replay"));
    for _ in 0..10 {
        assert_eq!(output(dreichor(&killed).arg("replay")), receipt);
    }
    let state = output(dreichor(&whole).args(["state", "memory", "--json"]));
    let totals = state.split(",\"decisions\":[").next().unwrap().to_owned();
    assert!(totals.contains(&format!("\"decisions\":{count},")), "{totals}");
    totals
}

/// Ingests the file and kills that after `wait`. The acknowledgements that came.
fn ingest_and_kill_after(data_dir: &Path, file: &Path, wait: Duration) -> String {
    let mut child = dreichor(data_dir)
        .arg("ingest")
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut acknowledged = String::new();
    std::thread::scope(|scope| {
        scope.spawn(|| stdout.read_to_string(&mut acknowledged).unwrap());
        std::thread::sleep(wait);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    acknowledged
}

#[test]
fn killed_at_random_times() {
    let kills = std::env::var("RANDOM_KILLS").map_or(20, |count| count.parse().unwrap());
    let inputs = ticks(sample::files(200));
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("ticks.ndjson");
    fs::write(&file, &inputs).unwrap();
    let fresh = |name: &str| {
        let data_dir = dir.path().join(name);
        output(dreichor(&data_dir).arg("init"));
        data_dir
    };
    let whole = fresh("whole");
    let begun = Instant::now();
    output(dreichor(&whole).arg("ingest").arg(&file));
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap();
    // The times would not come again by a seed: what runs in them depends on the machine.
    let random = || std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
    let mut killed = fresh("0");
    for kill in 1..=kills {
        let wait = Duration::from_micros(random() % micros);
        let acknowledged = ingest_and_kill_after(&killed, &file, wait).matches('\n').count();
        let again = output(dreichor(&killed).arg("ingest").arg(&file));
        assert!(
            again.lines().take(acknowledged).all(|line| line.contains("ALREADY_RECORDED")),
            "kill {kill}, after {wait:?}: an acknowledged input is lost"
        );
        assert!(stores(&whole) == stores(&killed), "kill {kill}, after {wait:?}: the stores differ");
        fs::remove_dir_all(&killed).unwrap();
        killed = fresh(&kill.to_string());
    }
}

#[test]
fn generated_candles_killed_at_twenty_places() {
    check(&ticks(sample::files(400)));
}

#[test]
#[ignore = "needs CANDLES_DIR, a directory of real candles"]
fn real_candles_killed_at_twenty_places() {
    let folder = std::env::var_os("CANDLES_DIR").expect("CANDLES_DIR names a directory of real candles");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    let inputs = ticks(files.iter().map(|path| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
    }));
    let count = String::from_utf8_lossy(&inputs).matches('\n').count();
    assert!(count > 15_000, "{count} ticks");
    let totals = check(&inputs);
    let filled: u64 =
        totals.split("\"filledCount\":").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    assert!(filled >= 50, "{totals}");
}
