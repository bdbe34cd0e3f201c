//! `publish`, `clone` and `verify SOURCE` as processes: refusals, the status, and what other programs that know the
//! formats say of what is published.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::published::{PUBLISH, bench, clone, tool, verified};
use support::server::{Server, free_port};
use support::{Bench, clean, json_lines, lines, run, tick, vector};

#[test]
fn each_refusal_has_its_code() {
    let bench = bench();
    bench.run(&PUBLISH).expect(0);
    tool(&bench, &["key", "generate", "--origin", "example.org/log", "--out", "{dir}/other"]).expect(0);
    let closed = format!("http://127.0.0.1:{}", free_port());
    let other = fs::read(bench.path("tree/checkpoint")).unwrap();
    for (arguments, code) in [
        (vec!["publish", "{dir}/tree", "--key", "{dir}/other"], 21),
        (vec!["publish", "{dir}/tree"], 2),
        (vec!["clone", "{dir}/tree", "--out", "{dir}/out"], 2),
        (clone("{dir}/nosuch", "{dir}/out").to_vec(), 31),
        (clone(&closed, "{dir}/out").to_vec(), 31),
        (clone("{dir}/data", "{dir}/out").to_vec(), 21),
        (clone("{dir}/tree", "{dir}/data").to_vec(), 2),
        (vec!["verify", "{dir}/tree"], 2),
        (vec!["verify", "{dir}/tree", "--public-key", "{dir}/key.pub"], 0),
    ] {
        let outcome = tool(&bench, &arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {}", outcome.stderr);
        assert!(!bench.path("out").exists(), "{arguments:?}: something was cloned");
    }
    assert_eq!(fs::read(bench.path("tree/checkpoint")).unwrap(), other);
    bench.check_whole();
    // A second publisher while the first one holds the lock.
    let lock = fs::File::open(bench.path("tree/.publish/lock")).unwrap();
    lock.lock().unwrap();
    bench.run(&PUBLISH).expect(11);
    drop(lock);
    // A file that is no longer what it was is found, and written again once it is removed.
    let entries = bench.path("tree/tile/entries/000.p/254");
    fs::write(&entries, "corrupted").unwrap();
    bench.run(&PUBLISH).expect(21).says(&["tile/entries/000.p/254"]);
    bench.run(&["verify", "{dir}/tree", "--public-key", "{dir}/key.pub"]).expect(21);
    fs::remove_file(&entries).unwrap();
    bench.run(&PUBLISH).expect(0);
    bench.run(&["verify", "{dir}/tree", "--public-key", "{dir}/key.pub"]).expect(0);
    // A file that is longer than it can be is not read.
    fs::create_dir(bench.path("endless")).unwrap();
    fs::write(bench.path("endless/checkpoint"), vec![b'x'; (1 << 20) + 1]).unwrap();
    let endless = bench.run(&["verify", "{dir}/endless", "--public-key", "{dir}/key.pub"]);
    endless.expect(21).says(&["endless/checkpoint", "1048576"]);
    // The log was restored from an older copy.
    let [log, _] = bench.stores();
    let shorter: Vec<u8> = lines(&log)[..3].concat();
    let rolled_back = Bench::new();
    rolled_back.put(&rolled_back.log_path(), &shorter);
    let (tree, key) = (bench.path("tree"), bench.path("key"));
    let arguments = ["publish", tree.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let outcome = rolled_back.run(&arguments).expect(21);
    outcome.says(&["history diverged", "254 events", "line 4"]);
}

#[test]
fn status_says_how_far_the_log_is_ahead() {
    let bench = bench();
    let status = |bench: &Bench| {
        bench.run(&["publish", "{dir}/tree", "--status", "--json"]).expect(0).json().remove(0)
    };
    let before = status(&bench);
    assert_eq!((&before["treeSize"], &before["lagEvents"]), (&0.into(), &254.into()));
    assert!(before["checkpointAgeSeconds"].is_null());
    bench.run(&PUBLISH).expect(0);
    bench.ingest(tick(1, 10_000).as_bytes()).expect(0);
    let after = status(&bench);
    assert_eq!(after["treeSize"], 254);
    assert_eq!(after["lagEvents"], after["logEvents"].as_u64().unwrap() - 254);
    assert!(after["checkpointAgeSeconds"].as_u64().is_some());
}

#[test]
fn round_after_round_it_says_what_failed_and_goes_on() {
    let bench = bench();
    fs::create_dir(bench.path("tree")).unwrap();
    fs::write(bench.path("tree/tile"), "in the way").unwrap();
    let mut publisher = bench.start(&[&PUBLISH[..], &["--every", "1", "--log-format", "json"]].concat());
    publisher.wait_until_it_says("\"failingForSeconds\":1");
    let told = json_lines(publisher.told().as_bytes());
    let failed: Vec<_> = told.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(failed.len() > 1 && failed[0]["failingForSeconds"] == 0, "{told:?}");
    assert!(failed.iter().all(|line| line["error"].as_str().unwrap().contains("tile")), "{told:?}");
    fs::remove_file(bench.path("tree/tile")).unwrap();
    publisher.wait_until_it_says("\"filesWritten\":2");
    assert_eq!(verified(&bench, "{dir}/tree"), 254);
    // The history diverges, which no further round changes.
    let [log, _] = bench.stores();
    fs::remove_file(bench.snapshots_path()).unwrap();
    bench.put(&bench.log_path(), &lines(&log)[..3].concat());
    publisher.finish().expect(21).says(&["history diverged"]);
}

/// The output of another program, which must end well.
#[track_caller]
fn told(command: &mut Command) -> String {
    run(command, b"").expect(0).text()
}

/// A witness that knows the bench's log; its verifier key.
fn witness(bench: &Bench) -> (Server, String) {
    let command = |action: &str| {
        let mut command = clean("aics-witness");
        command.current_dir(bench.path("")).arg(action).arg("--config").arg(bench.path("witness.json"));
        command
    };
    let created = told(command("init").args(["--name", "witness.example.org/w1"]));
    let key = created.split_whitespace().find(|word| word.starts_with("witness.example.org/w1+")).unwrap();
    let log_key = fs::read_to_string(bench.path("key.pub")).unwrap();
    told(command("add-log").args(["--origin", "example.org/log", "--vkey", log_key.trim()]));
    let server = Server::start(|port| {
        let mut serve = command("serve");
        serve.args(["--listen", &format!("127.0.0.1:{port}")]);
        serve
    });
    (server, key.to_owned())
}

fn put_policy(bench: &Bench, key: &str, url: &str) -> PathBuf {
    let log_key = fs::read_to_string(bench.path("key.pub")).unwrap();
    let policy = bench.path("policy");
    let text = format!("log {}\nwitness w1 {key} {url}\nquorum w1\n", log_key.trim());
    fs::write(&policy, text).unwrap();
    policy
}

#[test]
#[ignore = "needs aics-witness"]
fn a_witness_cosigns_a_history_and_refuses_another() {
    let bench = bench();
    let (server, key) = witness(&bench);
    put_policy(&bench, &key, &server.url);
    let published = [&PUBLISH[..], &["--policy", "{dir}/policy"]].concat();
    let check = ["check", "{dir}/tree/checkpoint", "--policy", "{dir}/policy"];
    bench.run(&published).expect(0);
    tool(&bench, &check).expect(0);
    bench.ingest(tick(1, 10_000).as_bytes()).expect(0);
    bench.run(&published).expect(0);
    tool(&bench, &check).expect(0);
    tool(&bench, &["clone", "{dir}/tree", "--policy", "{dir}/policy", "--out", "{dir}/copy"]).expect(0);
    // The same key signs another history, in a new directory, which the witness has not seen.
    let other = Bench::new();
    let inputs = vector("inputs.ndjson");
    let more: Vec<String> = (0..10).map(|at| tick(2, 20_000 + at)).collect();
    other.ingest(&[&lines(&inputs)[1..].concat(), more.concat().as_bytes()].concat()).expect(0);
    let [key, policy] = ["key", "policy"].map(|name| bench.path(name).display().to_string());
    let outcome = other.run(&["publish", "{dir}/tree", "--key", &key, "--policy", &policy]);
    outcome.expect(31).says(&["w1", "422"]);
    assert!(!other.path("tree/checkpoint").exists(), "an unwitnessed checkpoint was published");
    // It cannot be reached: what was published stays.
    drop(server);
    let before = fs::read(bench.path("tree/checkpoint")).unwrap();
    bench.ingest(tick(1, 10_001).as_bytes()).expect(0);
    bench.run(&published).expect(31).says(&["w1"]);
    assert_eq!(fs::read(bench.path("tree/checkpoint")).unwrap(), before);
}

#[test]
#[ignore = "needs aics-tlog"]
fn another_verifier_accepts_each_entry_and_the_growth() {
    let bench = bench();
    bench.run(&PUBLISH).expect(0);
    let log_key = fs::read_to_string(bench.path("key.pub")).unwrap();
    let verify = |question: &str, more: &[&str]| {
        let mut command = clean("aics-tlog");
        command.args([question, "--log-key", log_key.trim(), "--origin", "example.org/log", "--tiles"]);
        command.arg(bench.path("tree")).args(more.iter().map(|argument| bench.fill_in(argument)));
        run(&mut command, b"")
    };
    verify("verify-checkpoint", &["--save-checkpoint", "{dir}/old"]).expect(0);
    bench.ingest((0..60).map(|at| tick(1, 10_000 + at)).collect::<String>().as_bytes()).expect(0);
    bench.run(&PUBLISH).expect(0);
    verify("verify-consistency", &["--old-checkpoint", "{dir}/old"]).expect(0);
    let [log, _] = bench.stores();
    let lines = lines(&log);
    for index in [0, 1, 253, 254, 255, 256, lines.len() - 1] {
        let entry = ["--index", &index.to_string(), "--entry-out", "{dir}/entry"];
        verify("verify-inclusion", &entry).expect(0);
        assert!(fs::read(bench.path("entry")).unwrap() == content(lines[index]), "entry {index}");
    }
    // It does find what was changed.
    let entries = bench.path("tree/tile/entries/000");
    let mut bytes = fs::read(&entries).unwrap();
    bytes[100] ^= 1;
    fs::write(&entries, bytes).unwrap();
    assert_ne!(verify("verify-inclusion", &["--index", "0"]).code, Some(0));
}

/// The content of a line: what it is without its id.
fn content(line: &[u8]) -> Vec<u8> {
    let after_id = line.windows(2).position(|bytes| bytes == b"\",").unwrap() + 2;
    [b"{", line[after_id..].strip_suffix(b"\n").unwrap()].concat()
}

#[test]
#[ignore = "needs tlog-tiles of tlog-scales"]
fn another_reader_of_tiles_makes_proofs_that_check_accepts() {
    let bench = bench();
    bench.ingest((0..60).map(|at| tick(1, 10_000 + at)).collect::<String>().as_bytes()).expect(0);
    bench.run(&PUBLISH).expect(0);
    let [log, _] = bench.stores();
    let lines = lines(&log);
    let tree = bench.path("tree");
    for index in [0, 255, 256, lines.len() - 1] {
        let ask = |question: &[&str]| {
            let mut command = clean("tlog-tiles");
            run(command.args(question).arg(&tree).arg(index.to_string()), b"").expect(0)
        };
        assert!(ask(&["get-leaf", "--check"]).stdout == content(lines[index]), "entry {index}");
        // It knows no extra line, by which a proof carries the event.
        let proof = ask(&["gen-proof"]).text();
        let event = run(clean("base64").arg("-w0"), &content(lines[index])).expect(0).text();
        let proof = proof.replacen('\n', &format!("\nextra {event}\n"), 1);
        fs::write(bench.path("proof"), proof).unwrap();
        let checked = tool(&bench, &["check", "{dir}/proof", "--public-key", "{dir}/key.pub", "--json"]);
        assert_eq!(checked.expect(0).json()[0]["index"], index);
    }
}
