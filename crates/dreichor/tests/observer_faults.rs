//! Stores that go wrong under the Observer: every answer that would be of what is wrong is a problem that names file,
//! line and offset; what is right is answered as before; and the process lives on.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;

use support::http::{Answer, Client};
use support::observed::Observed;
use support::{Bench, DREICHOR, Running, clean, identified, lines, vector, wait_until, with_line};

/// The paths that are computed from the whole log, and the latest snapshot.
const DERIVED: [&str; 10] = [
    "/v1/observe/persistence/audit-events/summary",
    "/v1/observe/persistence/tree-head",
    "/v1/observe/persistence/proof/inclusion?eventId=ac5ad41c-216f-8ffd-b05e-a84435f6b1d9",
    "/v1/observe/persistence/proof/consistency?from=100",
    "/v1/observe/persistence/audit-events?strategyInstanceId=27ac435a-1710-4110-a051-8ca566ceab36",
    "/v1/observe/derived/decision-memory",
    "/v1/observe/derived/decision-memory/4d6e8f90-da87-821b-9956-a9a0aa072eec",
    "/v1/observe/derived/decisions/4d6e8f90-da87-821b-9956-a9a0aa072eec",
    "/v1/observe/derived/shadow-ledger",
    "/v1/observe/derived/lifecycles",
];

/// The log's first lines, and its last.
const FIRST: &str = "/v1/observe/persistence/audit-events?after=0&limit=2";
const LAST: &str = "/v1/observe/persistence/audit-events?limit=2";
const SNAPSHOT: &str = "/v1/observe/persistence/snapshots/latest";
const PATHS: &str = "/v1/observe/persistence/paths";

/// Every path that answers of the stores.
fn of_stores() -> Vec<&'static str> {
    [DERIVED.as_slice(), &[FIRST, LAST, SNAPSHOT, PATHS]].concat()
}

/// The expected problem of an answer.
struct Wrong {
    file: &'static str,
    /// The line, and where it starts; none: it is not about a line.
    line: Option<(usize, usize)>,
}

impl Wrong {
    fn of(file: &'static str) -> Self {
        Self { file, line: None }
    }

    #[track_caller]
    fn check(&self, bench: &Bench, path: &str, answer: &Answer) {
        println!("{path}: {}", answer.text());
        let kind = if self.line.is_some() { "store-malformed" } else { "store-unavailable" };
        let problem = answer.is_problem(500, kind);
        assert_eq!(problem["file"], bench.fill_in(self.file), "{path}");
        let place = [&problem["line"], &problem["offset"]];
        match self.line {
            Some((line, offset)) => assert_eq!(place, [line, offset], "{path}"),
            None => assert!(place.iter().all(|part| part.is_null()), "{path}: {problem}"),
        }
        assert_eq!(self.line.is_some(), problem["rule"].is_string(), "{path}: {problem}");
    }
}

/// A runtime over the vectors' stores, and what it answered while all was well.
struct Watched {
    bench: Bench,
    observed: Observed,
    well: Vec<(&'static str, Answer)>,
}

impl Watched {
    fn start() -> Self {
        let bench = Bench::filled();
        let observed = bench.observe(&[]);
        let well = of_stores().into_iter().map(|path| (path, observed.get(path).expect(200))).collect();
        Self { bench, observed, well }
    }

    /// These paths answer with the problem, and the others as if nothing had happened; probes say no more than that
    /// it did.
    #[track_caller]
    fn check_wrong(&self, paths: &[&str], wrong: &Wrong) {
        for (path, before) in &self.well {
            let answer = self.observed.get(path);
            if paths.contains(path) {
                wrong.check(&self.bench, path, &answer);
            } else if *path == PATHS {
                answer.expect(200);
            } else {
                assert_eq!(answer.expect(200).body, before.body, "{path}");
            }
        }
        self.check_not_ready();
    }

    #[track_caller]
    fn check_not_ready(&self) {
        // Asked twice: a request must not change the answer.
        for _ in 0..2 {
            let answer = self.observed.get("/readyz");
            let problem = answer.is_problem(503, "not-ready");
            assert!(problem["file"].is_null() && problem["line"].is_null() && problem["offset"].is_null());
            for secret in ["{dir}", "ndjson", "/data"] {
                assert!(!answer.text().contains(&self.bench.fill_in(secret)), "{}", answer.text());
            }
            let metrics = self.observed.get("/metrics").expect(200);
            assert!(metrics.text().contains("dreichor_ready 0\n"), "{}", metrics.text());
        }
        assert_eq!(self.observed.get("/livez").expect(200).body, b"live\n");
        self.observed.get("/v1/observe/runtime/status").expect(200);
    }

    /// Probes tell what is known: of a fault that nobody has met yet, from some time on.
    #[track_caller]
    fn check_not_ready_in_the_end(&self) {
        wait_until("it is not ready", || self.observed.get("/readyz").status == 503);
        self.check_not_ready();
    }

    #[track_caller]
    fn check_well(&self) {
        for (path, before) in &self.well {
            assert_eq!(self.observed.get(path).expect(200).body, before.body, "{path}");
        }
        wait_until("it is ready", || self.observed.get("/readyz").status == 200);
        assert!(self.observed.get("/metrics").expect(200).text().contains("dreichor_ready 1\n"));
    }

    /// A client whose first request comes after READY gets the problem, too. `act` corrupts the stores.
    #[track_caller]
    fn check_first_question(act: impl Fn(&Bench), paths: &[&str], wrong: &Wrong) {
        for path in paths.iter().take(3).chain(paths.last()) {
            let bench = Bench::filled();
            let observed = bench.observe(&[]);
            act(&bench);
            wrong.check(&bench, path, &observed.get(path));
        }
        let bench = Bench::filled();
        let observed = bench.observe(&[]);
        act(&bench);
        wait_until("it is not ready", || observed.get("/readyz").status == 503);
    }
}

/// Writes over a file, which stays the same file.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn cut(path: &Path, size: usize) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(size as u64).unwrap();
}

/// The line with another digit at this place.
fn with_other_digit(line: &[u8], at: usize) -> Vec<u8> {
    let mut line = line.to_vec();
    line[at] = if line[at] == b'0' { b'1' } else { b'0' };
    line
}

#[test]
fn a_line_that_is_edited_in_place() {
    let log = vector("audit_events.ndjson");
    for line in [100, 254] {
        let (edit, offset) = with_line(&log, line, |line| with_other_digit(line, "{\"id\":\"".len()));
        let act = |bench: &Bench| overwrite(&bench.log_path(), &edit);
        let wrong = Wrong { file: "{log}", line: Some((line, offset)) };
        let watched = Watched::start();
        act(&watched.bench);
        let paths = if line == 254 { [DERIVED.as_slice(), &[LAST]].concat() } else { DERIVED.into() };
        watched.check_wrong(&paths, &wrong);
        let page = format!("/v1/observe/persistence/audit-events?after={offset}&limit=1");
        wrong.check(&watched.bench, &page, &watched.observed.get(&page));
        overwrite(&watched.bench.log_path(), &log);
        watched.check_well();
        Watched::check_first_question(act, &paths, &wrong);
    }
}

#[test]
fn a_bad_line_that_is_appended_and_what_follows_it() {
    let log = vector("audit_events.ndjson");
    let watched = Watched::start();
    append(&watched.bench.log_path(), b"{}\n");
    let wrong = Wrong { file: "{log}", line: Some((255, log.len())) };
    let paths = [DERIVED.as_slice(), &[LAST]].concat();
    watched.check_wrong(&paths, &wrong);
    // A good line after it changes nothing.
    append(&watched.bench.log_path(), lines(&log)[253]);
    watched.check_not_ready();
    for path in DERIVED {
        wrong.check(&watched.bench, path, &watched.observed.get(path));
    }
    watched.check_not_ready();
}

/// In every way that whole lines can be lost, all that is said of the stores is refused: what is left may be sound,
/// and still it is not what was there.
#[test]
fn a_store_that_is_cut_off() {
    let sizes = |file: &str| -> Vec<usize> {
        let bytes = vector(file);
        let last = bytes.len() - lines(&bytes).last().unwrap().len();
        vec![0, last, bytes.len() - 1]
    };
    for (file, name) in [("audit_events.ndjson", "{log}"), ("snapshots.ndjson", "{snapshots}")] {
        for size in sizes(file) {
            println!("{file} cut off at {size}");
            let act = |bench: &Bench| cut(Path::new(&bench.fill_in(name)), size);
            let watched = Watched::start();
            act(&watched.bench);
            let wrong = Wrong::of(name);
            watched.check_wrong(&of_stores(), &wrong);
            Watched::check_first_question(act, &of_stores(), &wrong);
            let path = watched.bench.fill_in(name);
            overwrite(Path::new(&path), &vector(file));
            watched.check_well();
        }
    }
}

#[test]
fn a_store_that_is_another_file_or_none() {
    type Act = fn(&Path, &Path);
    let acts: [(&str, Act); 5] = [
        ("replaced by its copy", |path, aside| {
            fs::copy(path, aside).unwrap();
            fs::rename(aside, path).unwrap();
        }),
        ("removed", |path, _| fs::remove_file(path).unwrap()),
        ("moved away with its mount", |path, aside| fs::rename(path.parent().unwrap(), aside).unwrap()),
        ("replaced by a link to itself", |path, aside| {
            fs::rename(path, aside).unwrap();
            std::os::unix::fs::symlink(aside, path).unwrap();
        }),
        ("replaced by a pipe", |path, aside| {
            fs::rename(path, aside).unwrap();
            let mode = rustix::fs::Mode::from(0o640);
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }),
    ];
    for name in ["{log}", "{snapshots}"] {
        for (story, act) in acts {
            println!("{name} {story}");
            let watched = Watched::start();
            let path = watched.bench.fill_in(name);
            let before = fs::read(&path).unwrap();
            act(Path::new(&path), &watched.bench.path("aside"));
            watched.check_wrong(&of_stores(), &Wrong::of(name));
            // The same bytes in another file are not the store: a writer may be at work on the one that is gone.
            if fs::symlink_metadata(Path::new(&path).parent().unwrap()).is_ok() {
                watched.bench.put(Path::new(&path), &before);
                watched.check_wrong(&of_stores(), &Wrong::of(name));
            }
        }
        let watched = Watched::start();
        let (path, link) = (watched.bench.fill_in(name), watched.bench.path("link"));
        fs::hard_link(&path, &link).unwrap();
        watched.check_wrong(&of_stores(), &Wrong::of(name));
        fs::remove_file(&link).unwrap();
        watched.check_well();
    }
}

#[test]
fn snapshots_that_go_wrong() {
    let snapshots = vector("snapshots.ndjson");
    let last = lines(&snapshots).len();
    let of_snapshots = [DERIVED.as_slice(), &[SNAPSHOT]].concat();
    let (edit, offset) =
        with_line(&snapshots, last, |line| with_other_digit(line, "{\"snapshotId\":\"".len()));
    let wrong = Wrong { file: "{snapshots}", line: Some((last, offset)) };
    let watched = Watched::start();
    overwrite(&watched.bench.snapshots_path(), &edit);
    watched.check_wrong(&of_snapshots, &wrong);
    overwrite(&watched.bench.snapshots_path(), &snapshots);
    watched.check_well();
    Watched::check_first_question(|bench| overwrite(&bench.snapshots_path(), &edit), &of_snapshots, &wrong);

    let watched = Watched::start();
    append(&watched.bench.snapshots_path(), b"{}\n");
    let appended = Wrong { file: "{snapshots}", line: Some((last + 1, snapshots.len())) };
    watched.check_wrong(&of_snapshots, &appended);

    let watched = Watched::start();
    append(&watched.bench.snapshots_path(), &[vec![b'x'; 1 << 20], b"\n".to_vec()].concat());
    watched.check_wrong(&of_snapshots, &appended);
    assert_eq!(watched.observed.get(SNAPSHOT).json()["rule"], "snapshot-ahead", "it was read");

    // One that is a snapshot, of another log.
    let (contradicts, _) = with_line(&snapshots, last, |line| {
        let name = b"\"auditRootHash\":\"";
        let at = line.windows(name.len()).position(|window| window == name).unwrap();
        identified(&with_other_digit(line, at + name.len()))
    });
    let watched = Watched::start();
    overwrite(&watched.bench.snapshots_path(), &contradicts);
    for path in DERIVED {
        wrong.check(&watched.bench, path, &watched.observed.get(path));
    }
    watched.check_not_ready();
}

/// Bytes after the last whole line are a write in progress, or one that was cut off: not an error. The next writer
/// cuts them off, while they are being read.
#[test]
fn an_unterminated_tail_is_no_error_and_may_go_at_any_time() {
    let watched = Watched::start();
    let tail = vec![b'x'; 1 << 20];
    append(&watched.bench.log_path(), &tail);
    append(&watched.bench.snapshots_path(), b"{\"snapshotId\":");
    let summary = DERIVED[0];
    for (path, before) in &watched.well {
        let answer = watched.observed.get(path).expect(200);
        if *path == summary {
            assert_eq!(answer.json()["unterminatedBytes"], tail.len());
        } else if *path != PATHS {
            assert_eq!(answer.body, before.body, "{path}");
        }
    }
    watched.observed.get("/readyz").expect(200);

    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for paths in [[LAST, summary], [SNAPSHOT, FIRST], [PATHS, "/readyz"]] {
            let (address, is_over) = (watched.observed.address, &is_over);
            scope.spawn(move || {
                let mut client = Client::new(address);
                while !is_over.load(Ordering::SeqCst) {
                    for path in paths {
                        client.get(path).expect(200);
                    }
                }
            });
        }
        let rounds = scope.spawn(|| {
            for _ in 0..12 {
                assert_eq!(watched.bench.ingest(b"").code, Some(0));
                append(&watched.bench.log_path(), &tail);
                append(&watched.bench.snapshots_path(), &tail);
            }
            watched.bench.ingest(b"").expect(0);
        });
        let result = rounds.join();
        is_over.store(true, Ordering::SeqCst);
        result.unwrap();
    });
    watched.check_well();
}

#[test]
fn stores_that_come_after_ready() {
    let bench = Bench::new();
    let observed = bench.observe(&[]);
    let asked: Vec<_> = of_stores()
        .into_iter()
        .filter(|path| {
            !path.contains("-a9a0aa072eec") && !path.contains("eventId=") && !path.contains("from=")
        })
        .collect();
    for path in &asked {
        observed.get(path).expect(200);
    }
    observed.get("/readyz").expect(200);
    bench.ingest(&vector("inputs.ndjson")).expect(0);
    let filled = Bench::filled();
    let other = filled.observe(&[]);
    for path in of_stores().into_iter().filter(|path| *path != PATHS) {
        assert_eq!(observed.get(path).expect(200).body, other.get(path).expect(200).body, "{path}");
    }
    observed.get("/readyz").expect(200);
    // From now on they are these files and no others.
    let watched = Watched { bench, observed, well: Vec::new() };
    let [log, _] = watched.bench.stores();
    watched.bench.put(&watched.bench.log_path(), &log);
    for path in of_stores() {
        Wrong::of("{log}").check(&watched.bench, path, &watched.observed.get(path));
    }
    watched.check_not_ready();
}

/// Someone who is not root, to whom permissions mean something.
const NOBODY: u32 = 65_534;

#[test]
fn stores_that_may_no_longer_be_read() {
    let is_root = rustix::process::geteuid().is_root();
    let may_start = Command::new(DREICHOR).arg("--version").uid(NOBODY).gid(NOBODY).output();
    assert!(
        !is_root || may_start.is_ok_and(|output| output.status.success()),
        "nobody may not start the program, which is in a directory of root's"
    );
    let bench = Bench::filled();
    let mut command = bench.command(&["run", "--log-format", "json"]);
    if is_root {
        let mount = |path: &Path| path.parent().unwrap().to_owned();
        for path in [bench.path(""), bench.path("data"), bench.log_path(), bench.snapshots_path()]
            .into_iter()
            .chain([mount(&bench.log_path()), mount(&bench.snapshots_path())])
        {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    let observed = Observed::when_ready(Running::start(&mut command));
    let well = of_stores().into_iter().map(|path| (path, observed.get(path).expect(200))).collect();
    let watched = Watched { bench, observed, well };
    for name in ["{log}", "{snapshots}"] {
        let path = watched.bench.fill_in(name);
        let mount = Path::new(&path).parent().unwrap();
        for (place, mode) in [(Path::new(&path), 0o640), (mount, 0o750)] {
            println!("{} may not be read", place.display());
            fs::set_permissions(place, fs::Permissions::from_mode(0o000)).unwrap();
            for path in of_stores() {
                Wrong::of(name).check(&watched.bench, path, &watched.observed.get(path));
            }
            watched.check_not_ready();
            fs::set_permissions(place, fs::Permissions::from_mode(mode)).unwrap();
            watched.check_well();
        }
    }
}

/// Errors that the system gives to the reading threads, as a disk that fails for a while does; injected by `strace`.
#[test]
#[ignore = "needs strace"]
fn reads_that_fail_for_a_while() {
    for (call, error, name) in [
        ("pread64", "EIO", "{log}"),
        ("pread64", "EIO", "{snapshots}"),
        ("?open,openat", "EACCES", "{log}"),
        ("?open,openat", "EMFILE", "{snapshots}"),
        ("?fstat,?newfstatat", "EIO", "{log}"),
    ] {
        println!("{error} of {call} on {name}");
        // One of which nothing was asked has kept nothing.
        let Watched { bench, observed: other, well } = Watched::start();
        let watched = Watched { observed: bench.observe(&[]), bench, well };
        drop(other);
        let pid = watched.observed.running.id().to_string();
        let mut strace = clean("strace");
        strace.args(["-f", "-o", "/dev/null", "-P", &watched.bench.fill_in(name), "-e"]);
        strace.arg(format!("inject={call}:error={error}")).args(["-p", &pid]);
        let mut strace = Running::start(&mut strace);
        strace.wait_until_it_says("attached");
        for path in of_stores() {
            let answer = watched.observed.get(path);
            if error == "EMFILE" {
                // That is no fault of the store.
                answer.is_problem(503, "no-descriptor");
            } else {
                Wrong::of(name).check(&watched.bench, path, &answer);
            }
        }
        if error != "EMFILE" {
            watched.check_not_ready();
        }
        strace.signal(Signal::INT);
        strace.finish();
        watched.check_well();
    }
}

/// A disk that hangs holds those that read it, and no probe: not beside 64 searches that wait for it either, nor beside
/// more clients than there are connections.
#[test]
#[ignore = "needs strace"]
fn probes_are_answered_while_the_disk_hangs() {
    const SEARCH: &str = "/v1/observe/persistence/audit-events?type=USER_FEEDBACK_RECORDED&limit=1";
    let watched = Watched::start();
    let mut strace = clean("strace");
    strace.args(["-f", "-o", "/dev/null", "-P", &watched.bench.fill_in("{log}"), "-e"]);
    // Longer than any patience: what is answered meanwhile was answered without the disk.
    strace.arg("inject=?fstat,?newfstatat,?statx:delay_enter=600000000");
    let mut strace = Running::start(strace.args(["-p", &watched.observed.running.id().to_string()]));
    strace.wait_until_it_says("attached");
    let asking = |_| {
        let mut stream = watched.observed.connect();
        stream.write_all(format!("GET {SEARCH} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        stream
    };
    let searches: Vec<TcpStream> = (0..64).map(asking).collect();
    let probe = || {
        for _ in 0..10 {
            assert_eq!(watched.observed.get("/livez").expect(200).body, b"live\n");
            watched.observed.get("/readyz").expect(200);
        }
    };
    probe();
    let crowd: Vec<TcpStream> = (0..200).map(asking).collect();
    probe();
    // The disk hung all the time: nobody's search was answered. Those for whom there was no place were closed, and those who
    // have waited for too long were told so.
    for mut stream in searches.iter().chain(&crowd) {
        stream.set_nonblocking(true).unwrap();
        let mut answer = [0; 12];
        let read = stream.read(&mut answer).unwrap_or_default();
        assert!(read == 0 || answer.ends_with(b"503"), "{}", String::from_utf8_lossy(&answer));
    }
    strace.signal(Signal::INT);
    strace.finish();
    drop((searches, crowd));
    watched.check_well();
}

/// Another sound history in the same file, longer than the one before: what was seen of it is no longer so.
#[test]
fn another_history_in_the_same_file() {
    let mut watched = Watched::start();
    let before = vector("audit_events.ndjson");
    let other = Bench::new();
    let inputs = String::from_utf8(vector("inputs.ndjson")).unwrap();
    let inputs: Vec<String> = inputs
        .lines()
        .filter(|line| !line.contains("FEEDBACK"))
        .map(|line| line.replace("BINANCE_SPOT:M", "BINANCE_SPOT:ANOTHER_MARKET_WITH_A_LONG_NAME_") + "\n")
        .collect();
    other.ingest(inputs.concat().as_bytes()).expect(0);
    let [log, _] = other.stores();
    assert!(log.len() > before.len(), "{} {}", log.len(), before.len());
    overwrite(&watched.bench.log_path(), &log);
    for path in [DERIVED[1], DERIVED[8], DERIVED[1]] {
        let problem = watched.observed.get(path).is_problem(500, "store-malformed");
        assert_eq!(problem["rule"], "history-changed", "{problem}");
    }
    // Pages are of the bytes on disk.
    watched.observed.get(FIRST).expect(200);
    watched.check_not_ready();
    // What is logged may come after the answer.
    wait_until("the fault is logged", || watched.observed.running.told().contains("history-changed"));
    let told = watched.observed.running.told();
    assert_eq!(told.matches("\"level\":\"ERROR\"").count(), 1, "{told}");
}

/// What is found wrong is logged once, and once that it is right again.
#[test]
fn the_log_tells_of_a_fault_and_of_its_end() {
    let mut watched = Watched::start();
    let log = vector("audit_events.ndjson");
    let (edit, _) = with_line(&log, 100, |line| with_other_digit(line, "{\"id\":\"".len()));
    overwrite(&watched.bench.log_path(), &edit);
    watched.check_not_ready_in_the_end();
    for path in DERIVED {
        watched.observed.get(path);
    }
    overwrite(&watched.bench.log_path(), &log);
    watched.check_well();
    // The line follows the first answer that the stores are sound.
    wait_until("the end of the fault is logged", || watched.observed.running.told().contains("sound again"));
    let told = watched.observed.running.told();
    assert_eq!(told.matches("\"level\":\"ERROR\"").count(), 1, "{told}");
    assert_eq!(told.matches("sound again").count(), 1, "{told}");
}
