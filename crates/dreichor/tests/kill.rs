//! `kill -9` anywhere, everything sent again: the stores are those of a run that was never interrupted.
//!
//! `RANDOM_KILLS` says how often a process is killed at a random time (default 20).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use dreichor_rotation::{Market, rotate, sample};
use rustix::process::Signal;
use support::{Bench, json_lines, lines};

const KILLS: usize = 20;

/// The ticks that the example strategy makes of these candle files.
fn ticks(files: impl IntoIterator<Item = (String, String)>) -> Vec<u8> {
    let markets: Vec<Market> =
        files.into_iter().map(|(name, text)| Market::read(&name, text.as_bytes()).unwrap()).collect();
    rotate(&markets)
        .flat_map(|tick| serde_json::to_string(&tick).unwrap().into_bytes().into_iter().chain([b'\n']))
        .collect()
}

/// The stores after these inputs without an interruption, and the time of the run.
fn undisturbed(inputs: &[u8]) -> (Bench, Duration) {
    let whole = Bench::new();
    let begun = Instant::now();
    assert_eq!(lines(&whole.ingest(inputs).expect(0).stdout).len(), lines(inputs).len());
    (whole, begun.elapsed())
}

/// One uninterrupted run; one that is killed at twenty places, everything sent again each time. Returns the
/// totals of Decision Memory.
fn check(inputs: &[u8]) -> serde_json::Value {
    let (whole, _) = undisturbed(inputs);
    let (killed, count) = (Bench::new(), lines(inputs).len());
    for place in 1..=KILLS {
        // By a pipe, which makes many batches of them.
        let mut running = killed.start(&["ingest"]);
        running.send_meanwhile(inputs.to_owned());
        // Within the first two thirds: the acknowledgements of the rest are more than a pipe holds, so it is at work.
        running.take_lines(place * (count * 2 / 3) / KILLS);
        running.signal(Signal::KILL);
        assert_eq!(running.wait().code, None, "it had ended before");
        // A reader finds sound stores after each kill, whatever the tail.
        killed.run(&["replay"]).expect(0);
    }
    killed.ingest(inputs).expect(0);
    assert!(whole.stores() == killed.stores(), "the stores differ");

    let receipt = whole.run(&["replay"]).expect(0).stdout;
    for _ in 0..10 {
        assert_eq!(killed.run(&["replay"]).expect(0).stdout, receipt);
    }
    let totals = whole.run(&["state", "memory", "--json"]).expect(0).json().remove(0)["totals"].take();
    assert_eq!(totals["decisions"], count);
    totals
}

#[test]
fn killed_at_random_times() {
    let kills = std::env::var("RANDOM_KILLS").map_or(20, |count| count.parse().unwrap());
    let inputs = ticks(sample::files(200));
    let (whole, elapsed) = undisturbed(&inputs);
    let micros = u64::try_from(elapsed.as_micros()).unwrap();
    // The times would not come again by a seed: what runs in them depends on the machine.
    let random = || std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
    for kill in 1..=kills {
        let killed = Bench::new();
        fs::write(killed.path("inputs"), &inputs).unwrap();
        let wait = Duration::from_micros(random() % micros);
        let running = killed.start(&["ingest", "{dir}/inputs"]);
        std::thread::sleep(wait);
        running.signal(Signal::KILL);
        let acknowledged = lines(&running.wait().stdout).iter().filter(|line| line.ends_with(b"\n")).count();
        let again = killed.ingest(&inputs).expect(0).stdout;
        assert!(
            json_lines(&again).iter().take(acknowledged).all(|line| line["status"] == "ALREADY_RECORDED"),
            "kill {kill}, after {wait:?}: an acknowledged input is lost"
        );
        assert!(whole.stores() == killed.stores(), "kill {kill}, after {wait:?}: the stores differ");
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
    assert!(totals["execution"]["filledCount"].as_u64().unwrap() >= 50, "{totals}");
}
