//! After any corruption of the stores, salvage copies the longest valid prefix, reports the rest with reasons, does not
//! change the originals, and creates stores from which a writer continues normally.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../runtime/tests/support/mod.rs"]
mod support;

use std::borrow::Cow;
use std::fs;
use std::os::unix::fs::MetadataExt;

use dreichor_audit::salvage::{Broken, LeftOut, Report, salvage_to};
use dreichor_core::event::{Body, Event, OrderIntentSkipped};
use dreichor_core::id::DecisionId;
use dreichor_core::value::{Decimal, Form, SkipReason, Spelled};
use dreichor_core::{Hash, Snapshot};
use proptest::prelude::*;
use proptest::sample::Index;
use support::config::config;
use support::{Bench, Bytes, inputs, join, strategies, vector, vector_stores};

/// Both files as lines, each with its LF.
struct Files {
    log: Vec<Vec<u8>>,
    snapshots: Vec<Vec<u8>>,
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn line(text: impl AsRef<[u8]>) -> Vec<u8> {
    [text.as_ref(), b"\n"].concat()
}

/// A name with its bytes, inode, times of change and mode.
type Entry = (String, Vec<u8>, u64, [i64; 4], u32);

/// All that is in the mounts, and the mounts.
fn survey(bench: &Bench) -> Vec<Entry> {
    let mut found = Vec::new();
    for mount in ["", "audit-events", "snapshots"] {
        for entry in fs::read_dir(bench.dir.path().join(mount)).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.metadata().unwrap();
            let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
            found.push((path.display().to_string(), content, metadata.ino(), times, metadata.mode()));
        }
    }
    found.sort();
    found
}

/// Salvages these bytes, of which nothing may change; the report and what the copy holds.
fn salvage(corrupted: &Bytes) -> (Report, Bytes) {
    let bench = Bench::holding(corrupted);
    let before = survey(&bench);
    let target = tempfile::TempDir::new().unwrap();
    let out = target.path().join("out");
    let report = salvage_to(&bench.stores(), &out, &mut ()).unwrap();
    assert!(survey(&bench) == before, "the originals were changed");
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["audit-events", "snapshots"]);
    let read = |file: &str| {
        let path = out.join(file);
        assert_eq!(path.metadata().unwrap().mode() & 0o7777 & !0o640, 0);
        fs::read(path).unwrap()
    };
    let copy = Bytes {
        events: read("audit-events/audit_events.ndjson"),
        snapshots: read("snapshots/snapshots.ndjson"),
    };
    assert_eq!((report.events.bytes, report.snapshots.bytes), (len(&copy.events), len(&copy.snapshots)));
    assert_eq!(report.receipt, Bench::holding(&copy).receipt());
    (report, copy)
}

fn len(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

/// The report in short: `9 events, torn 4 [10 event-id]; 17 snapshots [3 value, 8-17 snapshot-ahead]`.
fn summary(report: &Report) -> String {
    let torn = |tail: Option<dreichor_log::Tail>| {
        tail.map_or_else(String::new, |tail| format!(", torn {}", tail.length))
    };
    let rest = report.events_left_out.as_ref();
    format!(
        "{} events{}{}; {} snapshots{}{}",
        report.events.lines,
        torn(report.events_tail),
        list(rest.map_or(&[][..], |rest| &rest.reasons).iter().map(|broken| (broken, 1))),
        report.snapshots.lines,
        torn(report.snapshots_tail),
        list(report.snapshots_left_out.runs.iter().map(|run| (&run.first, run.lines)))
    )
}

fn list<'r>(left_out: impl Iterator<Item = (&'r Broken, u64)>) -> String {
    let mut runs: Vec<(u64, u64, &str)> = Vec::new();
    for (Broken { line, fault, .. }, lines) in left_out {
        let end = line + lines - 1;
        match runs.last_mut() {
            Some((_, last, rule)) if *last + 1 == *line && *rule == fault.rule.as_str() => *last = end,
            _ => runs.push((*line, end, fault.rule.as_str())),
        }
    }
    let runs: Vec<_> = runs
        .iter()
        .map(
            |(first, last, rule)| {
                if first == last { format!("{first} {rule}") } else { format!("{first}-{last} {rule}") }
            },
        )
        .collect();
    if runs.is_empty() { String::new() } else { format!(" [{}]", runs.join(", ")) }
}

/// Each reported line and offset is where the corrupted file has it, and the sums are right.
fn check_places(report: &Report, corrupted: &Bytes) {
    let check = |broken: &Broken, bytes: &[u8]| {
        let before = lines(bytes)[..usize::try_from(broken.line).unwrap() - 1].concat();
        assert_eq!(broken.offset, len(&before));
    };
    report.snapshots_left_out.runs.iter().for_each(|run| check(&run.first, &corrupted.snapshots));
    let torn = report.events_tail.map_or(0, |tail| tail.length);
    let mut accounted = report.events.bytes + torn;
    if let Some(rest) = &report.events_left_out {
        rest.reasons.iter().for_each(|broken| check(broken, &corrupted.events));
        assert_eq!((rest.line, rest.offset), (report.events.lines + 1, report.events.bytes));
        let whole = lines(&corrupted.events).iter().filter(|line| line.ends_with(b"\n")).count() as u64;
        assert_eq!(rest.lines, whole - report.events.lines);
        accounted += rest.bytes;
    }
    assert_eq!(accounted, len(&corrupted.events));
}

/// A writer starts on the copy, and with all inputs sent again it has the log of a run without corruption, and
/// all snapshots but those that were lost before the last one that was kept.
fn check_start(copy: &Bytes, whole: &Bytes, all_inputs: &[u8], bench: &Bench) {
    let strategy = bench.strategy;
    let again = Bench { strategy, policy: bench.policy, ..Bench::holding(copy) };
    again.ingest(b"").unwrap();
    again.ingest(all_inputs).unwrap();
    assert!(again.bytes().events == whole.events);
    let latest = lines(&copy.snapshots).last().map_or(0, |line| size_of(line));
    let later = lines(&whole.snapshots).into_iter().filter(|line| size_of(line) > latest);
    assert!(again.bytes().snapshots == [copy.snapshots.clone(), later.collect::<Vec<_>>().concat()].concat());
}

fn size_of(line: &[u8]) -> u64 {
    Snapshot::read_line(line.strip_suffix(b"\n").unwrap()).unwrap().0.audit_tree_size
}

/// A corruption of the vectors' stores, and the expected result of salvage.
fn check(expected: &str, corruption: impl FnOnce(&mut Files)) {
    let whole = vector_stores();
    let mut files = Files { log: lines(&whole.events), snapshots: lines(&whole.snapshots) };
    corruption(&mut files);
    let corrupted = Bytes { events: files.log.concat(), snapshots: files.snapshots.concat() };
    let (report, copy) = salvage(&corrupted);
    assert_eq!(summary(&report), expected);
    assert_eq!(report.is_whole(), !expected.contains('['));
    assert!(whole.events.starts_with(&copy.events));
    check_places(&report, &corrupted);
    check_start(&copy, &whole, &vector("inputs.ndjson"), &Bench::new());
}

/// The snapshot with another content, and the id that this demands.
fn altered(line: &[u8], alter: impl FnOnce(&mut Snapshot<'static>)) -> Vec<u8> {
    let (mut snapshot, _) = Snapshot::read_line(line.strip_suffix(b"\n").unwrap()).unwrap();
    alter(&mut snapshot);
    let mut bytes = Vec::new();
    snapshot.write_line(&mut bytes);
    bytes
}

/// A skip that the grammar allows after this decision, but that the tick computed again does not have.
fn other_skip(decision: &[u8]) -> Vec<u8> {
    let (decision, _) = Event::read_line(decision.strip_suffix(b"\n").unwrap()).unwrap();
    let decision_id: DecisionId = decision.body.tick_decision_id().unwrap();
    let body =
        Body::OrderIntentSkipped(OrderIntentSkipped { decision_id, reason: SkipReason::CooldownActive });
    let mut bytes = Vec::new();
    Event { logical_time: decision.logical_time, body }.write_line(&mut bytes);
    bytes
}

#[test]
fn what_is_sound_is_copied_whole() {
    check("254 events; 17 snapshots", |_| {});
    check("254 events, torn 4; 17 snapshots, torn 3", |files| {
        files.log.push(b"torn".to_vec());
        files.snapshots.push(vec![0; 3]);
    });
    check("254 events, torn 200000; 17 snapshots", |files| files.log.push(vec![b'x'; 200_000]));
    check("253 events, torn 10; 17 snapshots", |files| files.log[253].truncate(10));
    check("76 events; 3 snapshots", |files| {
        files.log.truncate(76);
        files.snapshots.truncate(3);
    });
    check("0 events; 0 snapshots", |files| {
        files.log.clear();
        files.snapshots.clear();
    });
}

#[test]
fn the_log_ends_where_it_breaks_a_rule() {
    check("9 events [10 event-id]; 0 snapshots [1-17 snapshot-ahead]", |files| {
        let at = files.log[9].iter().position(|&byte| byte == b'0').unwrap();
        files.log[9][at] ^= 1;
    });
    check("120 events [121 tick-order]; 7 snapshots [8-17 snapshot-ahead]", |files| {
        files.log.remove(120);
    });
    check("11 events [12 tick-cut-short]; 0 snapshots [1-17 snapshot-ahead]", |files| {
        files.log.remove(11);
    });
    check("30 events [31 tick-order]; 1 snapshots [2-17 snapshot-ahead]", |files| {
        files.log.insert(30, files.log[29].clone());
    });
    check("52 events [53 feedback-once]; 3 snapshots [4-17 snapshot-ahead]", |files| {
        files.log.insert(52, files.log[51].clone());
    });
    check("59 events [60 canonical]; 3 snapshots [4-17 snapshot-ahead]", |files| {
        files.log[59] = line([0; 100]);
    });
    check("252 events [253 canonical]; 17 snapshots", |files| files.log[252] = line("\r"));
    check("0 events [1 canonical]; 0 snapshots [1-17 snapshot-ahead]", |files| files.log.insert(0, line("")));
    check("99 events [100 line-length]; 5 snapshots [6-17 snapshot-ahead]", |files| {
        files.log[99] = line(vec![b'x'; 3 << 20]);
    });
    check("232 events, torn 7 [233 time-order]; 17 snapshots", |files| {
        files.log.insert(232, files.log[0].clone());
        files.log.push(b"and so ".to_vec());
    });
    check("76 events; 3 snapshots [4-17 snapshot-ahead]", |files| files.log.truncate(76));
    check("0 events; 0 snapshots [1-17 snapshot-ahead]", |files| files.log.clear());
}

#[test]
fn a_tick_that_no_writer_could_complete_is_left_out_whole() {
    check("6 events [8 interrupted-tick]; 0 snapshots [1-17 snapshot-ahead]", |files| {
        files.log.truncate(7);
        files.log.push(other_skip(&files.log[6]));
    });
    check("232 events, torn 1 [234 interrupted-tick]; 17 snapshots", |files| {
        files.log.truncate(233);
        files.log.push(other_skip(&files.log[232]));
        files.log.push(b"{".to_vec());
    });
    // The line that breaks a rule follows the one that shows that the tick is none.
    check("232 events [234 interrupted-tick, 235 tick-cut-short]; 17 snapshots", |files| {
        files.log[233] = other_skip(&files.log[232]);
        files.log.remove(234);
    });
}

#[test]
fn each_snapshot_is_checked_alone() {
    check("254 events; 16 snapshots [5 snapshot-id]", |files| {
        let at = files.snapshots[4].iter().position(|&byte| byte == b'0').unwrap();
        files.snapshots[4][at] ^= 1;
    });
    check("254 events; 16 snapshots [17 members]", |files| files.snapshots[16] = line("{}"));
    check("254 events; 17 snapshots [1 canonical, 10 canonical]", |files| {
        files.snapshots.insert(0, line(""));
        files.snapshots.insert(9, line([0; 4096]));
    });
    for (number, size, rule) in
        [(5, 300, "ahead"), (5, (1 << 53) - 1, "ahead"), (17, 255, "ahead"), (9, 146, "boundary")]
    {
        check(&format!("254 events; 16 snapshots [{number} snapshot-{rule}]"), |files| {
            let snapshot = &mut files.snapshots[number - 1];
            *snapshot = altered(snapshot, |snapshot| snapshot.audit_tree_size = size);
        });
    }
    check("254 events; 16 snapshots [3 snapshot-root]", |files| {
        files.snapshots[2] = altered(&files.snapshots[2], |snapshot| {
            snapshot.audit_root_hash = Hash::parse(&[b'5'; 64]).unwrap();
        });
    });
    check("254 events; 16 snapshots [16 snapshot-time]", |files| {
        let time =
            Snapshot::read_line(files.snapshots[16].strip_suffix(b"\n").unwrap()).unwrap().0.logical_time;
        files.snapshots[15] = altered(&files.snapshots[15], |snapshot| snapshot.logical_time = time);
    });
    check("254 events; 15 snapshots [1 snapshot-positions, 17 snapshot-positions]", |files| {
        for index in [0, 16] {
            files.snapshots[index] = altered(&files.snapshots[index], |snapshot| {
                let mut positions = snapshot.positions.clone().into_owned();
                positions.first_entry().unwrap().get_mut().quantity = Decimal::parse(b"7").unwrap();
                snapshot.positions = Cow::Owned(positions);
            });
        }
    });
}

#[test]
fn snapshots_are_kept_in_increasing_order_only() {
    check("254 events; 17 snapshots [5 snapshot-sequence]", |files| {
        files.snapshots.insert(4, files.snapshots[3].clone());
    });
    check("254 events; 16 snapshots [5 snapshot-sequence]", |files| files.snapshots.swap(3, 4));
    // A bad one does not exclude a good one of the same size.
    check("254 events; 17 snapshots [4 snapshot-root]", |files| {
        let bad = altered(&files.snapshots[3], |snapshot| {
            snapshot.audit_root_hash = Hash::parse(&[b'0'; 64]).unwrap();
        });
        files.snapshots.insert(3, bad);
    });
    // A hole that is longer than any snapshot of this log could be is not even read.
    check("254 events; 16 snapshots [8 snapshot-ahead]", |files| files.snapshots[7] = line(vec![0; 3 << 20]));
}

/// Flips a bit of the vectors' log: all lines before it are kept, and nothing else.
fn check_flip(whole: &Bytes, at: usize, bit: u8) {
    let mut corrupted = whole.clone();
    corrupted.events[at] ^= 1 << bit;
    let (report, copy) = salvage(&corrupted);
    let before = whole.events[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |found| found + 1);
    assert!(copy.events == whole.events[..before], "bit {bit} of byte {at}: {}", summary(&report));
    // A change of the last LF makes the last line unterminated.
    assert_eq!(report.events_left_out.is_none(), at == whole.events.len() - 1);
    check_places(&report, &corrupted);
    let kept = lines(&whole.snapshots).into_iter().filter(|line| size_of(line) <= report.events.lines);
    assert!(copy.snapshots == kept.collect::<Vec<_>>().concat());
}

#[test]
fn a_flipped_bit_in_any_line_ends_the_log_before_it() {
    let whole = vector_stores();
    let mut start = 0;
    for (index, line) in lines(&whole.events).iter().enumerate() {
        // Another byte and another bit in each line; its LF is that of the last ones.
        check_flip(&whole, start + line.len() - 1 - index % line.len(), u8::try_from(index % 8).unwrap());
        start += line.len();
    }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn any_flipped_bit_of_the_log_ends_it_before_its_line(at: Index, bit in 0..8_u8) {
        let whole = vector_stores();
        check_flip(&whole, at.index(whole.events.len()), bit);
    }

    #[test]
    fn any_flipped_bit_of_the_snapshots_costs_its_line_only(at: Index, bit in 0..8_u8) {
        let whole = vector_stores();
        let at = at.index(whole.snapshots.len());
        let mut corrupted = whole.clone();
        corrupted.snapshots[at] ^= 1 << bit;
        let (report, copy) = salvage(&corrupted);
        prop_assert!(copy.events == whole.events);
        let mut start = 0;
        let mut kept = Vec::new();
        for line in lines(&whole.snapshots) {
            // A change of an LF joins two lines.
            let is_hit = (start..start + line.len()).contains(&at)
                || (start > 0 && at == start - 1);
            start += line.len();
            if !is_hit {
                kept.extend(line);
            }
        }
        prop_assert!(copy.snapshots == kept, "bit {} of byte {}: {}", bit, at, summary(&report));
        check_start(&copy, &whole, &vector("inputs.ndjson"), &Bench::new());
    }

    #[test]
    fn a_hole_anywhere_costs_nothing_before_it(
        seeds in support::seeds(40), strategy in strategies(), start: Index, end: Index, in_log: bool
    ) {
        let all_inputs = join(&inputs(&seeds));
        let bench = Bench { strategy, ..Bench::new() };
        bench.ingest(&all_inputs).unwrap();
        let whole = bench.bytes();
        let mut corrupted = whole.clone();
        let file = if in_log { &mut corrupted.events } else { &mut corrupted.snapshots };
        let (start, end) = (start.index(file.len() + 1), end.index(file.len() + 1));
        file[start.min(end)..start.max(end)].fill(0);
        let (report, copy) = salvage(&corrupted);
        check_places(&report, &corrupted);
        let intact = if in_log && start != end { start.min(end) } else { whole.events.len() };
        let intact = whole.events[..intact].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        prop_assert!(copy.events == whole.events[..intact], "{}", summary(&report));
        check_start(&copy, &whole, &all_inputs, &bench);
    }
}

/// A file of any length makes a report of bounded size: runs of lines, and no more than there may be.
#[test]
fn runs_of_bad_lines_are_counted_and_not_kept() {
    let Bytes { events, snapshots } = vector_stores();
    let sound = lines(&snapshots);
    let before = [sound[..3].concat(), b"\n".repeat(200_000), sound[3..].concat()].concat();
    let (report, copy) = salvage(&Bytes { events: events.clone(), snapshots: before });
    assert_eq!(summary(&report), "254 events; 17 snapshots [4-200003 canonical]");
    assert_eq!((report.snapshots_left_out.runs.len(), copy.snapshots.len()), (1, snapshots.len()));

    // No two lines that follow each other break the same rule.
    let pairs = 3 * LeftOut::RUNS_MAX as u64;
    let alternating = [&b"\n"[..], &line("{\"snapshotId\":\"x\"}")].concat().repeat(3 * LeftOut::RUNS_MAX);
    let both = [&sound[0][..], &alternating, &sound[1..].concat()].concat();
    let (report, copy) = salvage(&Bytes { events, snapshots: both });
    let left_out = &report.snapshots_left_out;
    assert_eq!((left_out.runs.len(), left_out.lines()), (LeftOut::RUNS_MAX, 2 * pairs));
    assert_eq!((report.snapshots.lines, copy.snapshots.len()), (17, snapshots.len()));
    assert!(!report.is_whole());
}
