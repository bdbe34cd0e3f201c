//! `dreichor salvage` as an operator meets it: the facts of its report, its exit codes, what it refuses, and that DIR is
//! either a whole result or plainly none.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value, json};
use support::{Bench, DREICHOR, Outcome, clean, edited, lines, place, rule, run, vector, with_line};

/// Runs `salvage --out OUT` with these arguments; the originals must stay as they were.
#[track_caller]
fn salvage(bench: &Bench, out: &Path, arguments: &[&str]) -> Outcome {
    let before = bench.inventory();
    let outcome = bench.run(&[&["salvage", "--out", out.to_str().unwrap()], arguments].concat());
    assert!(bench.inventory() == before, "the originals were changed");
    outcome
}

/// A command on the stores in `out`.
fn on(out: &Path, arguments: &[&str], inputs: &[u8]) -> Outcome {
    run(clean(DREICHOR).arg("--data-dir").arg(out).args(arguments), inputs)
}

/// A writer starts on `out`, and with all inputs sent again its stores are the vectors'.
#[track_caller]
fn check_start(out: &Path) {
    on(out, &["ingest"], b"").expect(0);
    on(out, &["ingest"], &vector("inputs.ndjson")).expect(0);
    for (file, expected) in [
        ("audit-events/audit_events.ndjson", "audit_events.ndjson"),
        ("snapshots/snapshots.ndjson", "snapshots.ndjson"),
    ] {
        assert!(fs::read(out.join(file)).unwrap() == vector(expected), "{file}");
    }
}

/// The vectors' stores with this text of line 121 of the log, and of line 3 of the snapshots, changed.
fn corrupted() -> Bench {
    let bench = Bench::filled();
    let [log, snapshots] = bench.stores();
    let log = with_line(&log, 121, |line| edited(line, "\"type\"", "\"tyqe\"")).0;
    bench.put(&bench.log_path(), &[&log[..], b"torn"].concat());
    bench.put(&bench.snapshots_path(), &with_line(&snapshots, 3, |line| edited(line, "PAPER", "LIVER")).0);
    bench
}

#[test]
fn sound_stores_are_copied_and_nothing_is_left_out() {
    for torn in [&b""[..], b"torn"] {
        let bench = Bench::filled();
        bench.put(&bench.log_path(), &[&vector("audit_events.ndjson"), torn].concat());
        let out = bench.path("out");
        let told = salvage(&bench, &out, &["--json"]).expect(0).json().pop().unwrap();
        let copied = &told["auditEvents"];
        assert_eq!((&told["isWhole"], &copied["leftOut"]), (&json!(true), &Value::Null));
        assert_eq!((&copied["lines"], &copied["bytes"]), (&json!(254), &json!(86_530)));
        assert_eq!(copied["unterminatedBytes"], json!(torn.len()));
        let receipt = on(&out, &["replay", "--json"], b"").expect(0).json().pop().unwrap();
        assert_eq!(told["receipt"], receipt);
        check_start(&out);
    }
    // Nothing at all is sound too.
    let bench = Bench::new();
    let json = salvage(&bench, &bench.path("out"), &["--json"]).expect(0).json().pop().unwrap();
    assert_eq!((&json["auditEvents"]["lines"], &json["lastLogicalTime"]), (&json!(0), &Value::Null));
    check_start(&bench.path("out"));
}

#[test]
fn the_report_names_all_that_is_left_out() {
    let bench = corrupted();
    let (out, other) = (bench.path("out"), bench.path("other"));
    let told = salvage(&bench, &out, &[]).expect(3).text();
    let [log, snapshots] = bench.stores();
    let log_offset = lines(&log)[..120].concat().len();
    let snapshot_offset = lines(&snapshots)[..2].concat().len();
    let [_, in_log] = place("", 121, log_offset);
    let [_, in_snapshots] = place("", 3, snapshot_offset);
    let [_, in_last] = place("", 8, 3_358);
    let [members, plane] = [rule("members", "type"), rule("value", "plane")];
    let commands = format!("`dreichor --data-dir {} ingest`", out.display());
    for fact in [
        &*bench.fill_in("{log}: "),
        "line 121 ",
        &in_log,
        &members,
        " 4 ",
        &bench.fill_in("{snapshots}: "),
        &in_snapshots,
        &plane,
        "lines 8 to 17",
        &in_last,
        &rule("snapshot-ahead", ""),
        &commands,
        "logicalTime 45",
    ] {
        assert!(told.contains(fact), "no {fact:?} in {told}");
    }

    let json = salvage(&bench, &other, &["--json"]).expect(3).json().pop().unwrap();
    assert_eq!(json["out"], json!(other.to_str().unwrap()));
    assert_eq!(json["isWhole"], json!(false));
    let left_out = &json["auditEvents"]["leftOut"];
    assert_eq!(
        [&left_out["line"], &left_out["offset"], &left_out["lines"], &left_out["reasons"][0]["rule"]],
        [&json!(121), &json!(log_offset), &json!(134), &json!("members")]
    );
    assert_eq!(json["auditEvents"]["unterminatedBytes"], json!(4));
    let snapshots: Vec<_> = json["snapshots"]["leftOut"].as_array().unwrap().iter().collect();
    let run = |run: &Value| [run["line"].clone(), run["lines"].clone(), run["rule"].clone()];
    let runs = [json!([3, 1, "value"]), json!([8, 10, "snapshot-ahead"])];
    assert_eq!(snapshots.into_iter().map(|found| json!(run(found))).collect::<Vec<_>>(), runs);
    let receipt = on(&other, &["replay", "--json"], b"").expect(0).json().pop().unwrap();
    assert_eq!(json["receipt"], receipt);
    assert_eq!(json["receipt"]["events"], json!(120));

    // The snapshot of line 3 precedes one that was kept, so it is not written again; the log is whole.
    on(&out, &["ingest"], b"").expect(0);
    on(&out, &["ingest"], &vector("inputs.ndjson")).expect(0);
    assert!(fs::read(out.join("audit-events/audit_events.ndjson")).unwrap() == vector("audit_events.ndjson"));
}

#[test]
fn the_new_stores_are_a_writers_own() {
    let bench = corrupted();
    let out = bench.path("out");
    salvage(&bench, &out, &[]).expect(3);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    for mount in ["audit-events", "snapshots"] {
        assert_eq!(mode(&out.join(mount)) & !0o750, 0);
        for file in fs::read_dir(out.join(mount)).unwrap() {
            let path = file.unwrap().path();
            assert_eq!((mode(&path) & !0o640, path.metadata().unwrap().nlink()), (0, 1));
        }
    }
    // Once more is no more: the result of a salvage is sound.
    on(&out, &["salvage", "--out", bench.path("again").to_str().unwrap()], b"").expect(0);
    for file in ["audit-events/audit_events.ndjson", "snapshots/snapshots.ndjson"] {
        assert!(fs::read(out.join(file)).unwrap() == fs::read(bench.path("again").join(file)).unwrap());
    }
}

#[test]
fn the_refusal_of_a_malformed_log_names_salvage() {
    corrupted().refuses(&["ingest"], 12, &["`dreichor salvage --out DIR`"]);
}

#[test]
fn an_out_that_will_not_do() {
    let bench = corrupted();
    bench.run(&["salvage"]).expect(2);
    let next = ["--out"];

    let taken = bench.path("taken");
    fs::create_dir_all(taken.join("incomplete")).unwrap();
    salvage(&bench, &taken, &[]).expect(10).says(&next);
    assert!(fs::read_dir(taken.join("incomplete")).unwrap().next().is_none());

    fs::write(bench.path("file"), "mine").unwrap();
    salvage(&bench, &bench.path("file"), &[]).expect(10).says(&next);
    assert_eq!(fs::read(bench.path("file")).unwrap(), b"mine");

    salvage(&bench, &bench.path("no/where"), &[]).expect(10);
    symlink(bench.path("nowhere"), bench.path("link")).unwrap();
    salvage(&bench, &bench.path("link"), &[]).expect(10);

    // Not a name is added to the originals' mounts, whatever way leads there.
    symlink(bench.path("data/snapshots"), bench.path("way")).unwrap();
    for inside in ["data/audit-events/out", "data/snapshots", "way/out", "data/snapshots/../audit-events/out"]
    {
        salvage(&bench, &bench.path(inside), &[]).expect(10).says(&next);
    }
    salvage(&bench, &bench.path("data"), &[]).expect(10);

    // Beside them there is room, and in an empty directory.
    fs::create_dir(bench.path("empty")).unwrap();
    salvage(&bench, &bench.path("empty"), &[]).expect(3);
}

#[test]
fn originals_that_cannot_be_read() {
    let bench = corrupted();
    let out = bench.path("out");
    fs::hard_link(bench.log_path(), bench.path("data/other-name")).unwrap();
    salvage(&bench, &out, &[]).expect(10).says(&[bench.fill_in("{log}: ")]);
    assert!(!out.exists());
    fs::remove_file(bench.path("data/other-name")).unwrap();
    fs::rename(bench.path("data/snapshots"), bench.path("aside")).unwrap();
    salvage(&bench, &bench.path("other"), &[]).expect(10);
}

#[test]
fn originals_on_media_that_nobody_may_write_to() {
    let bench = corrupted();
    let set = |mode| {
        for path in [bench.log_path(), bench.snapshots_path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o440);
    salvage(&bench, &bench.path("out"), &[]).expect(3);
    set(0o666);
    salvage(&bench, &bench.path("other"), &[]).expect(3);
}

#[test]
fn beside_a_writer_it_takes_no_lock_and_what_it_sees_is_sound() {
    let bench = Bench::new();
    let inputs = vector("inputs.ndjson");
    let mut writer = bench.start(&["ingest"]);
    writer.send(&inputs);
    writer.take_lines(lines(&inputs).len());
    bench.run(&["salvage", "--out", bench.path("out").to_str().unwrap()]).expect(0);
    check_start(&bench.path("out"));
    writer.finish().expect(0);
}

#[test]
fn a_copy_that_cannot_be_written_is_no_result() {
    let bench = Bench::filled();
    let before = bench.inventory();
    for blocks in [5, 20] {
        let out = bench.path(&format!("out-{blocks}"));
        let script = format!("ulimit -f {blocks}; exec \"$@\"");
        let outcome = run(
            clean("sh")
                .args(["-c", &script, "sh", DREICHOR, "--data-dir"])
                .arg(bench.path("data"))
                .args(["salvage", "--out"])
                .arg(&out),
            b"",
        );
        assert!(outcome.expect(13).stdout.is_empty());
        // Neither mount is there, so no command takes it for stores.
        for command in ["replay", "ingest", "run"] {
            on(&out, &[command], b"").expect(10);
        }
        salvage(&bench, &out, &[]).expect(10);
    }
    assert!(bench.inventory() == before, "the originals were changed");
}

#[test]
fn a_copy_of_which_one_mount_has_its_name_is_no_result() {
    let bench = corrupted();
    let out = bench.path("out");
    salvage(&bench, &out, &[]).expect(3);
    fs::create_dir(out.join("incomplete")).unwrap();
    fs::rename(out.join("snapshots"), out.join("incomplete/snapshots")).unwrap();
    for command in ["replay", "ingest", "run", "snapshot"] {
        on(&out, &[command], b"").expect(10);
    }
    // With an empty directory it is a log without snapshots, which is a sound history.
    on(&out, &["init"], b"").expect(0);
    check_start(&out);
}
