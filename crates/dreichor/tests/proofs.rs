//! Checkpoints and proofs of the real binary: what it makes, it accepts; it makes them of what is durable and whole; and
//! the private key never leaves its file.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::tracer::call_name;
use support::{Bench, DREICHOR, Outcome, clean, lines, run, vector, vector_stores};

const ORIGIN: &str = "example.org/log";

/// Stores with these lines of the published log and no snapshots, beside a key in `key`; and the verifier key.
struct Signing {
    bench: Bench,
    public: String,
}

impl Signing {
    fn of(log: &[u8]) -> Self {
        let bench = Bench::new();
        bench.put(&bench.log_path(), log);
        let public = run(&mut generate(&bench.path("key")), b"").expect(0);
        Self { public: public.text().trim_end().to_owned(), bench }
    }

    /// The log as it was after `events` of its events.
    fn shorten(&self, events: usize) {
        let log = vector("audit_events.ndjson");
        self.bench.put(&self.bench.log_path(), &lines(&log)[..events].concat());
    }

    /// Makes a checkpoint, in a file of this name.
    fn checkpoint(&self, name: &str) -> Vec<u8> {
        self.keep(name, &["checkpoint", "--key", "{dir}/key"])
    }

    /// Keeps what a command prints in a file of this name.
    #[track_caller]
    fn keep(&self, name: &str, arguments: &[&str]) -> Vec<u8> {
        let printed = self.bench.run(arguments).expect(0).stdout;
        fs::write(self.bench.path(name), &printed).unwrap();
        printed
    }

    /// Checks a file with the log's key, away from the stores.
    fn check(&self, name: &str, more: &[&str]) -> Outcome {
        let mut command = clean(DREICHOR);
        let more = more.iter().map(|argument| self.bench.fill_in(argument));
        command.args(["check", "--json", "--public-key", &self.public]).arg(self.bench.path(name)).args(more);
        run(&mut command, b"")
    }
}

/// Makes a key in a file of this path.
fn generate(path: &Path) -> Command {
    let mut command = clean(DREICHOR);
    command.args(["key", "generate", "--origin", ORIGIN, "--out"]).arg(path);
    command
}

/// The sizes of the published log at which a tick or feedback ends.
fn whole_sizes() -> Vec<usize> {
    let log = vector("audit_events.ndjson");
    let lines = lines(&log);
    let begins = |line: &[u8]| {
        let event: Value = serde_json::from_slice(line).unwrap();
        ["DECISION_EVALUATED", "USER_FEEDBACK_RECORDED"].contains(&event["type"].as_str().unwrap())
    };
    (0..=lines.len()).filter(|at| lines.get(*at).is_none_or(|line| begins(line))).collect()
}

/// The Base64 of a private key, which may hold plus signs itself: PRIVATE+KEY+NAME+ID+BASE64.
fn secret_of(key: &str) -> &str {
    key.trim_end().splitn(5, '+').nth(4).unwrap()
}

#[test]
fn a_key_is_written_once_for_its_owner_only_and_never_printed() {
    let bench = Bench::bare();
    let mut command = generate(&bench.path("key"));
    let outcome = run(&mut command, b"").expect(0);
    let key = fs::read_to_string(bench.path("key")).unwrap();
    assert_eq!(fs::metadata(bench.path("key")).unwrap().mode() & 0o7777, 0o600);
    let secret = secret_of(&key);
    assert!(key.starts_with(&format!("PRIVATE+KEY+{ORIGIN}+")));
    assert!(!outcome.text().contains(secret) && !outcome.stderr.contains(secret));

    let again = run(&mut command, b"").expect(2);
    assert!(again.stderr.contains("never written over"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(bench.path("key")).unwrap(), key);
    // Two keys are never the same.
    assert_ne!(run(&mut generate(&bench.path("other")), b"").expect(0).text(), outcome.text());
}

#[test]
fn a_corrupted_or_readable_key_signs_nothing_and_is_not_shown() {
    let signing = Signing::of(b"");
    let path = signing.bench.path("key");
    let key = fs::read(&path).unwrap();
    let secret = String::from_utf8(key.clone()).unwrap();
    let secret = secret_of(&secret);
    let refused = || {
        let outcome = signing.bench.run(&["checkpoint", "--key", "{dir}/key"]).expect(2);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.contains(&secret[8..]), "{}", outcome.stderr);
    };
    for changed in [
        &b""[..],
        b"\n",
        &key[1..],
        &key[..key.len() - 3],
        &[&key[..], b"x"].concat(),
        &[&key[..], &key[..]].concat(),
    ] {
        fs::write(&path, changed).unwrap();
        refused();
    }
    fs::write(&path, &key).unwrap();
    for mode in [0o604, 0o620, 0o601, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        refused();
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    signing.checkpoint("checkpoint");
}

#[test]
fn a_checkpoint_has_the_root_of_replay() {
    for size in whole_sizes() {
        if size % 7 > 1 {
            continue;
        }
        let signing = Signing::of(b"");
        signing.shorten(size);
        let receipt = signing.bench.run(&["replay", "--json"]).expect(0).json().pop().unwrap();
        signing.checkpoint("checkpoint");
        let checked = signing.check("checkpoint", &[]).expect(0).json().pop().unwrap();
        for name in ["treeSize", "rootHash"] {
            assert_eq!(checked[name], receipt[name]);
        }
        let unsigned = signing.keep("unsigned", &["checkpoint", "--origin", ORIGIN]);
        assert!(signing.checkpoint("checkpoint").starts_with(&unsigned));
        signing.bench.run(&["replay", "--expect", "{dir}/unsigned"]).expect(0);
        signing.bench.run(&["replay", "--expect", "{dir}/checkpoint"]).expect(2);
        let with_key = ["replay", "--expect", "{dir}/checkpoint", "--public-key", &signing.public];
        signing.bench.run(&with_key).expect(0);
        // No exit code 0 where nothing was compared, or no signature checked.
        signing.bench.run(&["replay", "--public-key", &signing.public]).expect(2);
        let without_root = format!("{{\"treeSize\":{size}}}\n");
        fs::write(signing.bench.path("rootless"), without_root).unwrap();
        signing.bench.run(&["replay", "--expect", "{dir}/rootless"]).expect(2);
    }
}

#[test]
fn a_checkpoint_ends_with_the_last_whole_tick() {
    let log = vector("audit_events.ndjson");
    let signing = Signing::of(&log);
    let whole = whole_sizes();
    for size in 0..60 {
        let expected = *whole.iter().rfind(|whole| **whole <= size).unwrap();
        signing.shorten(expected);
        let checkpoint = signing.checkpoint("checkpoint");
        for tail in [&b""[..], b"{\"id\":", b"\0\0\0"] {
            let cut = [&lines(&log)[..size].concat(), tail].concat();
            signing.bench.put(&signing.bench.log_path(), &cut);
            assert_eq!(signing.checkpoint("checkpoint"), checkpoint, "{size}");
        }
    }
}

#[test]
fn every_event_is_proven_by_each_of_its_names() {
    let signing = Signing::of(&vector("audit_events.ndjson"));
    let checkpoint = signing.checkpoint("checkpoint");
    let log = vector("audit_events.ndjson");
    for (index, line) in lines(&log).into_iter().enumerate().filter(|(index, _)| index % 11 == 0) {
        let event: Value = serde_json::from_slice(line).unwrap();
        let (id, number) = (event["id"].as_str().unwrap(), format!(":{}", index + 1));
        let prove = |name: &str| {
            signing.keep("proof", &["prove", "inclusion", name, "--checkpoint", "{dir}/checkpoint"])
        };
        let proof = prove(id);
        assert_eq!(prove(&number), proof);
        assert!(proof.ends_with(&checkpoint));
        for demanded in [id, &id[..13], &number] {
            let checked = signing.check("proof", &["--event", demanded]).expect(0).json().pop().unwrap();
            assert_eq!((&checked["index"], &checked["eventId"]), (&json!(index), &json!(id)));
            assert_eq!(checked["event"], event);
        }
        signing.check("proof", &["--event", ":9999"]).expect(21);
        // For people, the line is printed as it is.
        let mut command = clean(DREICHOR);
        command.args(["check", "--public-key", &signing.public]).arg(signing.bench.path("proof"));
        assert!(run(&mut command, b"").expect(0).stdout.ends_with(line));
    }
}

#[test]
fn a_decision_is_proven_by_its_first_event() {
    let signing = Signing::of(&vector("audit_events.ndjson"));
    signing.checkpoint("checkpoint");
    let decided = signing.bench.run(&["decisions", "--json", "-n", "3"]).expect(0).json();
    for decision in decided {
        let at = format!("{}@{}", decision["strategyInstanceId"].as_str().unwrap(), decision["logicalTime"]);
        let id = decision["decisionId"].as_str().unwrap();
        let prove = |name: &str| {
            signing.keep("proof", &["prove", "inclusion", name, "--checkpoint", "{dir}/checkpoint"])
        };
        assert_eq!(prove(&at), prove(id));
        let checked = signing.check("proof", &["--event", &at]).expect(0).json().pop().unwrap();
        assert_eq!(checked["event"]["type"], "DECISION_EVALUATED");
        assert_eq!(checked["event"]["decisionId"], decision["decisionId"]);
    }
}

#[test]
fn every_older_checkpoint_is_proven_to_be_extended() {
    let signing = Signing::of(b"");
    let sizes: Vec<usize> = whole_sizes().into_iter().filter(|size| size % 5 < 2).collect();
    for size in &sizes {
        signing.shorten(*size);
        signing.checkpoint(&format!("old-{size}"));
    }
    for new in [254, sizes[sizes.len() / 2]] {
        signing.shorten(new);
        signing.checkpoint("new");
        // What is recorded since does not matter.
        signing.shorten(254);
        for old in &sizes {
            let path = format!("{{dir}}/old-{old}");
            let arguments = ["prove", "consistency", "--from", &path, "--checkpoint", "{dir}/new"];
            if *old > new {
                signing.bench.run(&arguments).expect(2);
                continue;
            }
            signing.keep("proof", &arguments);
            let checked = signing.check("proof", &["--from", &path]).expect(0).json().pop().unwrap();
            assert_eq!((&checked["fromTreeSize"], &checked["treeSize"]), (&json!(old), &json!(new)));
            if *old != sizes[1] {
                signing.check("proof", &["--from", &format!("{{dir}}/old-{}", sizes[1])]).expect(21);
            }
        }
    }
}

#[test]
fn proofs_of_another_history_are_refused() {
    let signing = Signing::of(&vector("audit_events.ndjson"));
    signing.checkpoint("checkpoint");
    // The log is cut off, or is another one.
    signing.shorten(whole_sizes()[20]);
    let prove = ["prove", "inclusion", ":1", "--checkpoint", "{dir}/checkpoint"];
    signing.bench.run(&prove).expect(21);
    let consistency =
        ["prove", "consistency", "--from", "{dir}/checkpoint", "--checkpoint", "{dir}/checkpoint"];
    signing.bench.run(&consistency).expect(21);
    fs::remove_file(signing.bench.log_path()).unwrap();
    signing.bench.ingest(support::tick(7, 3).as_bytes()).expect(0);
    signing.checkpoint("other");
    let other = ["prove", "consistency", "--from", "{dir}/other", "--checkpoint", "{dir}/checkpoint"];
    signing.bench.run(&other).expect(21);
}

#[test]
fn stores_that_replay_refuses_get_no_checkpoint() {
    let signing = Signing::of(b"");
    let [log, snapshots] = vector_stores();
    signing.bench.put(&signing.bench.snapshots_path(), &snapshots);
    // The log was put back to an older state.
    signing.shorten(whole_sizes()[20]);
    signing.bench.run(&["checkpoint", "--key", "{dir}/key"]).expect(12);
    let mut changed = log.clone();
    changed[500] ^= 1;
    signing.bench.put(&signing.bench.log_path(), &changed);
    signing.bench.run(&["checkpoint", "--key", "{dir}/key"]).expect(12);
    signing.bench.put(&signing.bench.log_path(), &log);
    signing.checkpoint("checkpoint");
}

/// The traced calls on the log, and how the command ended, when a call of `inject` is made to fail.
fn traced(signing: &Signing, inject: Option<&str>) -> (Vec<String>, Outcome) {
    let (trace, log) = (signing.bench.path("trace"), signing.bench.log_path());
    let mut command = clean("strace");
    command.args(["-qq", "-y", "-f", "-e", "trace=pread64,fdatasync,fadvise64,write,ftruncate"]);
    command.args(inject.map(|inject| format!("--inject={inject}")));
    command.arg("-P").arg(&log).arg("-o").arg(&trace).arg(DREICHOR).arg("--data-dir");
    command.arg(signing.bench.path("data")).args(["checkpoint", "--key"]).arg(signing.bench.path("key"));
    let outcome = run(&mut command, b"");
    let call = |line: &str| {
        let line = line.trim_start_matches(|char: char| char.is_ascii_digit() || char == ' ');
        call_name(line).map(str::to_owned)
    };
    (fs::read_to_string(trace).unwrap().lines().filter_map(call).collect(), outcome)
}

#[test]
#[ignore = "needs strace"]
fn the_log_is_synced_and_dropped_from_the_cache_before_it_is_read() {
    let signing = Signing::of(&vector("audit_events.ndjson"));
    let (calls, outcome) = traced(&signing, None);
    let checkpoint = outcome.expect(0).stdout;
    assert_eq!(calls[..3], ["fdatasync", "fadvise64", "pread64"], "{calls:?}");
    assert!(!calls.iter().any(|call| ["write", "ftruncate"].contains(&call.as_str())), "{calls:?}");
    // A medium that is read-only cannot be synced, and is accepted.
    for error in ["EROFS", "EINVAL", "EOPNOTSUPP"] {
        let outcome = traced(&signing, Some(&format!("fdatasync:error={error}"))).1.expect(0);
        assert_eq!(outcome.stdout, checkpoint);
        assert!(outcome.stderr.contains("cannot be synced"), "{error}: {}", outcome.stderr);
    }
    // After any other error it is not known what is durable.
    for error in ["EIO", "ENOSPC", "EDQUOT"] {
        let outcome = traced(&signing, Some(&format!("fdatasync:error={error}"))).1.expect(10);
        assert!(outcome.stdout.is_empty());
    }
}

#[test]
#[ignore = "needs python3 with tlog-scales"]
fn a_client_of_others_accepts_checkpoints_and_proofs() {
    let signing = Signing::of(b"");
    for (old, new) in [(6, 254), (12, 254), (254, 254)] {
        signing.shorten(old);
        signing.checkpoint("old");
        signing.shorten(new);
        signing.checkpoint("new");
        signing.keep("inclusion", &["prove", "inclusion", ":5", "--checkpoint", "{dir}/new"]);
        let consistency = ["prove", "consistency", "--from", "{dir}/old", "--checkpoint", "{dir}/new"];
        signing.keep("consistency", &consistency);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tlog_scales_client.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(&signing.public).arg(signing.bench.path(""));
        run(&mut command, b"").expect(0);
    }
}
