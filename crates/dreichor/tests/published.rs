//! `publish`, `clone` and `verify SOURCE` as processes, with a real web server and a real witness.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{Bench, DREICHOR, Outcome, clean, lines, run, vector, wait_until};

/// Runs a command, with the bench's stores if it reads any.
fn tool(bench: &Bench, arguments: &[&str]) -> Outcome {
    if !matches!(arguments[0], "key" | "clone" | "check") {
        return bench.run(arguments);
    }
    run(clean(DREICHOR).args(arguments.iter().map(|argument| bench.fill_in(argument))), b"")
}

/// A bench with the vectors' stores, a key, and its verifier key.
fn bench() -> Bench {
    let bench = Bench::filled();
    let key = tool(&bench, &["key", "generate", "--origin", "example.org/log", "--out", "{dir}/key"]);
    fs::write(bench.path("key.pub"), key.expect(0).stdout).unwrap();
    bench
}

/// `publish` of the bench's stores to `tree`.
const PUBLISH: [&str; 4] = ["publish", "{dir}/tree", "--key", "{dir}/key"];

fn clone<'a>(source: &'a str, out: &'a str) -> [&'a str; 6] {
    ["clone", source, "--public-key", "{dir}/key.pub", "--out", out]
}

fn log_of(bench: &Bench, out: &str) -> Vec<u8> {
    fs::read(bench.path(out).join("audit-events/audit_events.ndjson")).unwrap()
}

/// Ends the process when the test does.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(command: &mut Command, port: u16) -> Server {
    let server =
        Server(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_until("the server accepts", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

/// Python's own web server, which serves any directory.
fn serve(directory: &Path) -> (Server, String) {
    let port = free_port();
    let mut command = Command::new("python3");
    command
        .args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string(), "--directory"])
        .arg(directory);
    (start(&mut command, port), format!("http://127.0.0.1:{port}"))
}

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
    bench.ingest(support::tick(1, 10_000).as_bytes()).expect(0);
    let after = status(&bench);
    assert_eq!(after["treeSize"], 254);
    assert_eq!(after["lagEvents"], after["logEvents"].as_u64().unwrap() - 254);
    assert!(after["checkpointAgeSeconds"].as_u64().is_some());
}

#[test]
#[ignore = "needs python3"]
fn a_log_is_cloned_from_a_web_server_and_grows_with_it() {
    let bench = bench();
    bench.run(&PUBLISH).expect(0);
    let (_server, url) = serve(&bench.path("tree"));
    bench.run(&["verify", &url, "--public-key", "{dir}/key.pub"]).expect(0);
    tool(&bench, &clone(&url, "{dir}/copy")).expect(0);
    assert!(log_of(&bench, "copy") == bench.stores()[0]);
    let mut time = 10_000;
    for _ in 0..3 {
        let ticks: Vec<String> = (0..120)
            .map(|_| {
                time += 1;
                support::tick(1, time)
            })
            .collect();
        bench.ingest(ticks.concat().as_bytes()).expect(0);
        bench.run(&PUBLISH).expect(0);
        tool(&bench, &clone(&url, "{dir}/copy")).expect(0);
        assert!(log_of(&bench, "copy") == bench.stores()[0]);
    }
    // A changed entry is found, and nothing of it is copied.
    let entries = bench.path("tree/tile/entries/000");
    let mut bytes = fs::read(&entries).unwrap();
    bytes[1_000] ^= 1;
    fs::write(&entries, bytes).unwrap();
    tool(&bench, &clone(&url, "{dir}/fresh")).expect(21).says(&["tile/entries/000"]);
    assert!(log_of(&bench, "fresh").is_empty());
}

/// A witness from PyPI that knows the bench's log; its URL and its verifier key.
fn witness(bench: &Bench) -> (Server, String, String) {
    let tools = bench.path("tools");
    let program = |name: &str| tools.join("bin").join(name);
    let run = |command: &mut Command| -> String {
        let outcome = run(command.current_dir(bench.path("")), b"").expect(0);
        outcome.text().trim().to_owned()
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&tools));
    // Its metadata asks for a newer Python than it needs.
    let pip = [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--ignore-requires-python",
        "aics-witness==0.1.0",
    ];
    run(Command::new(program("pip")).args(pip));
    let config = bench.path("witness.json");
    let witness = |arguments: &[&str]| {
        run(Command::new(program("aics-witness")).args(arguments).arg("--config").arg(&config))
    };
    let told = witness(&["init", "--name", "witness.example.org/w1"]);
    let key =
        told.split_whitespace().find(|word| word.starts_with("witness.example.org/w1+")).unwrap().to_owned();
    let log_key = fs::read_to_string(bench.path("key.pub")).unwrap();
    witness(&["add-log", "--origin", "example.org/log", "--vkey", log_key.trim()]);
    let port = free_port();
    let mut serve = Command::new(program("aics-witness"));
    serve.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--config"]).arg(&config);
    (start(serve.current_dir(bench.path("")), port), format!("http://127.0.0.1:{port}"), key)
}

fn put_policy(bench: &Bench, key: &str, url: &str) -> PathBuf {
    let log_key = fs::read_to_string(bench.path("key.pub")).unwrap();
    let policy = bench.path("policy");
    let text = format!("log {}\nwitness w1 {key} {url}\nquorum w1\n", log_key.trim());
    fs::write(&policy, text).unwrap();
    policy
}

#[test]
#[ignore = "needs python3, pip and PyPI"]
fn a_witness_cosigns_a_history_and_refuses_another() {
    let bench = bench();
    let (server, url, key) = witness(&bench);
    put_policy(&bench, &key, &url);
    let published = [&PUBLISH[..], &["--policy", "{dir}/policy"]].concat();
    let check = ["check", "{dir}/tree/checkpoint", "--policy", "{dir}/policy"];
    bench.run(&published).expect(0);
    tool(&bench, &check).expect(0);
    bench.ingest(support::tick(1, 10_000).as_bytes()).expect(0);
    bench.run(&published).expect(0);
    tool(&bench, &check).expect(0);
    tool(&bench, &["clone", "{dir}/tree", "--policy", "{dir}/policy", "--out", "{dir}/copy"]).expect(0);
    // The same key signs another history, in a new directory, which the witness has not seen.
    let other = Bench::new();
    let inputs = vector("inputs.ndjson");
    let more: Vec<String> = (0..10).map(|at| support::tick(2, 20_000 + at)).collect();
    other.ingest(&[&lines(&inputs)[1..].concat(), more.concat().as_bytes()].concat()).expect(0);
    let [key, policy] = ["key", "policy"].map(|name| bench.path(name).display().to_string());
    let outcome = other.run(&["publish", "{dir}/tree", "--key", &key, "--policy", &policy]);
    outcome.expect(31).says(&["w1", "422"]);
    assert!(!other.path("tree/checkpoint").exists(), "an unwitnessed checkpoint was published");
    // It cannot be reached: what was published stays.
    drop(server);
    let before = fs::read(bench.path("tree/checkpoint")).unwrap();
    bench.ingest(support::tick(1, 10_001).as_bytes()).expect(0);
    bench.run(&published).expect(31).says(&["w1"]);
    assert_eq!(fs::read(bench.path("tree/checkpoint")).unwrap(), before);
}
