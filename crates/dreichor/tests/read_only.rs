//! The process that serves the Observer cannot write: the calls that it makes are those of a reader, and each
//! forbidden act, tried inside it while it serves, is refused by the kernel.
//!
//! That the code has no word for writing is held by the readers' `clippy.toml`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

#[path = "../../runtime/tests/support/harness.rs"]
mod harness;
mod support;

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use dreichor_observer::{About, Limits, Observer, SandboxReport};
use dreichor_replay::Receipt;
use dreichor_runtime::{Config, Setting, gate};
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;

use harness::Test;
use support::http::{Answer, ask};
use support::observed::Observed;
use support::{Bench, DREICHOR, Running, clean};

/// Names the directory of a child process.
const CHILD: &str = "READ_ONLY_TEST_CHILD";

const TESTS: [Test; 2] = [
    ("no_call_from_ready_on_changes_anything", "strace", no_call_from_ready_on_changes_anything),
    (
        "each_forbidden_act_is_refused_in_the_process_that_serves",
        "a complete Landlock, Linux 6.12",
        each_forbidden_act_is_refused_in_the_process_that_serves,
    ),
];

fn main() {
    if let Some(dir) = std::env::var_os(CHILD) {
        serve_and_obey(Path::new(&dir));
    } else {
        harness::main(&TESTS);
    }
}

/// Every path of the API's own description, with something of the vectors' log in the place of each parameter.
fn paths(observed: &Observed) -> Vec<String> {
    let document = observed.get("/openapi.json").expect(200).json();
    let described = document["paths"].as_object().unwrap();
    let paths: Vec<String> = described
        .iter()
        .map(|(path, operations)| {
            let mut path = path
                .replace("{id}", "ac5ad41c-216f-8ffd-b05e-a84435f6b1d9")
                .replace("{decisionId}", "4d6e8f90-da87-821b-9956-a9a0aa072eec");
            let parameters = operations["get"]["parameters"].as_array().into_iter().flatten();
            let queries = parameters.filter(|parameter| parameter["in"] == "query");
            for (number, name) in queries.map(|parameter| parameter["name"].as_str().unwrap()).enumerate() {
                let value = match name {
                    "eventId" => "ac5ad41c-216f-8ffd-b05e-a84435f6b1d9",
                    "decisionId" => "4d6e8f90-da87-821b-9956-a9a0aa072eec",
                    "strategyInstanceId" => "27ac435a-1710-4110-a051-8ca566ceab36",
                    "marketId" => "BINANCE_SPOT:M01-USDT",
                    "parameterPoolId" => "assertive@v1",
                    "type" => "LEDGER_UPDATED",
                    "outcome" => "FILLED",
                    "reason" => "FORCE_SELL_ACTIVE",
                    "by" => "market",
                    "treeSize" | "to" => "254",
                    "limit" | "from" => "7",
                    // Pages by instance and by market have the last key as their cursor.
                    "after" if path.contains("/lifecycles") || path.contains("/timeline") => {
                        "00000000-0000-0000-0000-000000000000"
                    }
                    "after" if path.contains("/shadow-ledger") => "A",
                    "after" => "0",
                    // It and `after` exclude each other.
                    "before" => continue,
                    other => panic!("no value for {other} of {path}"),
                };
                let mark = if number == 0 { '?' } else { '&' };
                write!(path, "{mark}{name}={value}").unwrap();
            }
            path
        })
        .collect();
    assert!(paths.len() >= 19, "{paths:?}");
    paths
}

/// Calls that change a file, a name, another process or anything beyond it.
const CHANGES: [&str; 48] = [
    "creat",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "truncate",
    "ftruncate",
    "mkdir",
    "mkdirat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "fallocate",
    "copy_file_range",
    "mount",
    "umount2",
    "swapon",
    "connect",
    "bind",
    "execve",
    "execveat",
    "fork",
    "vfork",
    "kill",
    "ptrace",
];

/// Calls that write to a descriptor, which may be a pipe or a socket, and never a file.
const WRITES: [&str; 8] =
    ["write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "splice", "vmsplice"];

/// Why a line of the trace is not one of a reader; none if it is.
fn objection(line: &str) -> Option<String> {
    // Process, space, then the call, or its second half.
    let call = line.split_once(' ')?.1.trim_start();
    let (name, arguments) = call.split_once('(')?;
    let is_file = |arguments: &str| {
        arguments.split_once('<').is_some_and(|(number, name)| {
            number.bytes().all(|byte| byte.is_ascii_digit()) && name.starts_with('/')
        })
    };
    if CHANGES.contains(&name) {
        return Some(format!("{name} changes something: {line}"));
    }
    if WRITES.contains(&name) && is_file(arguments) {
        return Some(format!("{name} to a file: {line}"));
    }
    let opens = ["open", "openat", "openat2"].contains(&name);
    let flags = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
    (opens && flags.iter().any(|flag| arguments.contains(flag))).then(|| format!("opened to write: {line}"))
}

fn no_call_from_ready_on_changes_anything() {
    // Without the sandbox too: it is the program that makes no such call.
    for sandbox in ["auto", "off"] {
        let bench = Bench::filled();
        let before = bench.inventory();
        let trace = bench.path("trace");
        let mut command = clean("strace");
        command.env("DREICHOR_OBSERVER_ADDR", "127.0.0.1:0");
        command.args(["-f", "-y", "-qq", "-s", "300", "-o"]).arg(&trace).arg(DREICHOR);
        command.arg("--data-dir").arg(bench.path("data"));
        command.args(["--sandbox", sandbox, "run", "--log-format", "json"]);
        let observed = Observed::when_ready(Running::start(&mut command));
        for path in paths(&observed) {
            for method in ["GET", "HEAD"] {
                observed.ask(method, &path, &[]).expect(200);
            }
            observed.ask("POST", &path, &[]).expect(405);
            observed.ask("DELETE", &path, &["Content-Length: 0"]).expect(405);
        }
        observed.get("/none").expect(404);
        observed.send(b"PUT /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
        observed.send(b"\0\r\n\r\n");
        let Observed { running, .. } = observed;
        // A tracer keeps signals for itself: the traced process is its child.
        let pid = child_of(running.id());
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        running.finish().expect(0);
        let trace = fs::read_to_string(&trace).unwrap();
        let ready = trace.find("READY").unwrap();
        let lines: Vec<&str> = trace[ready..].lines().skip(1).collect();
        let objections: Vec<String> = lines.iter().filter_map(|line| objection(line)).collect();
        assert!(objections.is_empty(), "{sandbox}: {objections:#?}");
        // The same eyes see what is done before READY, and what is only read after it.
        let earlier = trace[..ready].lines().filter_map(objection).count();
        assert!(earlier > 0, "nothing is objected to at all");
        assert!(lines.iter().any(|line| line.contains(" open") && line.contains("audit_events.ndjson")));
        println!("{sandbox}: {} calls from READY on, all of a reader; {earlier} others before", lines.len());
        assert!(bench.inventory() == before, "something was changed");
    }
}

/// The one process that this one has started.
fn child_of(pid: u32) -> rustix::process::Pid {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    rustix::process::Pid::from_raw(children.trim().parse().unwrap()).unwrap()
}

/// Operations that a process that only reads must not do, by name. The paths are those of a bench: `data`, and next to
/// it `outside`.
type Act = (&'static str, fn(&Place<'_>) -> io::Result<()>);

/// The place where operations are tried.
struct Place<'p> {
    dir: &'p Path,
    /// A file of another user.
    tcp: std::net::SocketAddr,
    abstract_socket: SocketAddr,
}

impl Place<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("data/audit-events/audit_events.ndjson")
    }

    fn snapshots(&self) -> PathBuf {
        self.path("data/snapshots/snapshots.ndjson")
    }

    /// A name that nothing has.
    fn free(&self) -> PathBuf {
        self.path("data/audit-events/new")
    }
}

fn open(path: &Path, flags: OFlags) -> io::Result<()> {
    Ok(rustix::fs::open(path, flags, Mode::from(0o640)).map(drop)?)
}

fn append_to(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).open(path)?.write_all(b"{}\n")
}

const ACTS: [Act; 33] = [
    ("create in a mount", |place| File::create_new(place.free()).map(drop)),
    ("create beside the mounts", |place| File::create_new(place.path("data/new")).map(drop)),
    ("create outside", |place| File::create_new(place.path("new")).map(drop)),
    ("create without a name", |place| open(place.log().parent().unwrap(), OFlags::TMPFILE | OFlags::WRONLY)),
    ("append to the log", |place| append_to(&place.log())),
    ("append to the snapshots", |place| append_to(&place.snapshots())),
    ("open the log to write", |place| open(&place.log(), OFlags::WRONLY)),
    ("open the log to read and write", |place| open(&place.log(), OFlags::RDWR)),
    ("open the snapshots to read and write", |place| open(&place.snapshots(), OFlags::RDWR)),
    ("write to the log by a descriptor of one's own", |place| {
        let read = File::open(place.log())?;
        open(Path::new(&format!("/proc/self/fd/{}", read.as_raw_fd())), OFlags::WRONLY)
    }),
    ("write outside", |place| append_to(&place.path("outside"))),
    ("write to a device", |_| open(Path::new("/dev/null"), OFlags::WRONLY)),
    ("truncate the log", |place| open(&place.log(), OFlags::WRONLY | OFlags::TRUNC)),
    ("truncate the log, opened to read", |place| open(&place.log(), OFlags::RDONLY | OFlags::TRUNC)),
    ("truncate the snapshots, opened to read", |place| {
        open(&place.snapshots(), OFlags::RDONLY | OFlags::TRUNC)
    }),
    ("rename the log", |place| fs::rename(place.log(), place.free())),
    ("rename onto the log", |place| fs::rename(place.path("data/audit-events/other"), place.log())),
    ("rename the snapshots", |place| fs::rename(place.snapshots(), place.path("data/snapshots/new"))),
    ("rename a mount", |place| fs::rename(place.path("data/snapshots"), place.path("data/moved"))),
    ("unlink the log", |place| fs::remove_file(place.log())),
    ("unlink the snapshots", |place| fs::remove_file(place.snapshots())),
    ("unlink outside", |place| fs::remove_file(place.path("outside"))),
    ("remove a directory", |place| fs::remove_dir(place.path("data/audit-events/empty"))),
    ("make a directory", |place| fs::create_dir(place.free())),
    ("link the log", |place| fs::hard_link(place.log(), place.free())),
    ("link symbolically", |place| symlink(place.log(), place.free())),
    ("make a socket's file", |place| UnixListener::bind(place.free()).map(drop)),
    ("open a file outside", |place| File::open(place.path("outside")).map(drop)),
    ("list a directory outside", |_| fs::read_dir("/").map(drop)),
    ("start a program", |_| Command::new("/bin/true").spawn().map(drop)),
    ("connect by TCP", |place| TcpStream::connect(place.tcp).map(drop)),
    ("listen by TCP", |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(drop)),
    ("connect to an abstract socket", |place| UnixStream::connect_addr(&place.abstract_socket).map(drop)),
];

/// Signals to others are refused too, by another promise: the parent's process is asked whether it could be sent one.
const SIGNAL: &str = "signal another process";

/// The child: what `run` does, and then, on a thread of its own, each act that it is told, with the error's number
/// or 0 for its answer.
fn serve_and_obey(dir: &Path) {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let name = format!("dreichor-read-only-test-{}", std::process::id());
    let abstract_socket = SocketAddr::from_abstract_name(name).unwrap();
    let _listener = UnixListener::bind_addr(&abstract_socket).unwrap();
    let value_of = |setting: &Setting| match setting.flag {
        "data-dir" => Some(dir.join("data").into_os_string()),
        "observer-addr" => Some("127.0.0.1:0".into()),
        _ => None,
    };
    let config = Config::new(&value_of, []).unwrap();
    let mut admitted = gate::admit_runtime(&config, &mut ()).unwrap();
    let about = About {
        safety_mode: Some("normal"),
        snapshot_strategy: Some(config.settings.snapshot_strategy.to_string()),
        database: false,
        sandbox: SandboxReport { mode: "auto", abi: None, enforced: Vec::new(), not_enforced: Vec::new() },
        started_with: Receipt::of(&mut admitted.replayed),
    };
    let observer = Observer::new(admitted.stores, about, None, Limits::default()).unwrap();
    let serving = observer.start(admitted.listener.unwrap()).unwrap();
    println!("{}", serving.address());
    let is_complete = admitted.sandbox.abi.is_some_and(|abi| abi >= 6);
    assert!(!is_complete || admitted.sandbox.not_enforced.is_empty(), "{:?}", admitted.sandbox);
    println!("{is_complete}");
    let place = Place { dir, tcp: tcp.local_addr().unwrap(), abstract_socket };
    for line in io::stdin().lock().lines() {
        let asked = line.unwrap();
        let act = |place: &Place<'_>| match ACTS.iter().find(|(name, _)| *name == asked) {
            Some((_, act)) => act(place),
            None => {
                assert_eq!(asked, SIGNAL);
                let parent = rustix::process::getppid().unwrap();
                Ok(rustix::process::test_kill_process(parent)?)
            }
        };
        // The kernel's word binds every thread: the first one, and those that came after it.
        let results = [act(&place), thread::scope(|scope| scope.spawn(|| act(&place)).join().unwrap())];
        let numbers =
            results.map(|result| result.err().map_or(0, |error| error.raw_os_error().unwrap_or(-1)));
        println!("{} {}", numbers[0], numbers[1]);
    }
    serving.stop();
}

fn each_forbidden_act_is_refused_in_the_process_that_serves() {
    let bench = Bench::filled();
    fs::write(bench.path("outside"), "outside").unwrap();
    fs::write(bench.path("data/audit-events/other"), "other").unwrap();
    fs::create_dir(bench.path("data/audit-events/empty")).unwrap();
    let mut command = clean(std::env::current_exe().unwrap().to_str().unwrap());
    command.env(CHILD, bench.path(""));
    let mut child = Running::start(&mut command);
    let mut line = || String::from_utf8(child.line()).unwrap().trim_end().to_owned();
    let address = line().parse().unwrap();
    assert_eq!(line(), "true", "this kernel has no complete Landlock");
    let observed = Observed { running: child, address };
    let all = paths(&observed);
    let answers =
        || -> Vec<Answer> { all.iter().map(|path| ask(address, "GET", path, &[]).expect(200)).collect() };
    let (before, files) = (answers(), bench.inventory());
    let Observed { running: mut child, .. } = observed;
    for act in ACTS.iter().map(|(name, _)| *name).chain([SIGNAL]) {
        child.send(format!("{act}\n").as_bytes());
        let numbers = String::from_utf8(child.line()).unwrap();
        println!("{act}: {}", numbers.trim_end());
        for number in numbers.split_whitespace() {
            // EACCES, EPERM.
            assert!(["13", "1"].contains(&number), "{act}: not refused, but {number}");
        }
    }
    assert!(bench.inventory() == files, "something was changed");
    assert_eq!(fs::read(bench.path("outside")).unwrap(), b"outside");
    // It serves as before, and sees what a writer does.
    for ((path, before), after) in all.iter().zip(before).zip(answers()) {
        assert!(path.starts_with("/metrics") || after.body == before.body, "{path}");
    }
    bench.ingest(support::tick(1, 10_000).as_bytes()).expect(0);
    let head = ask(address, "GET", "/v1/observe/persistence/tree-head", &[]).expect(200).json();
    assert!(head["treeSize"].as_u64().unwrap() > 254, "{head}");
    child.finish().expect(0);
    println!("{} acts refused, each on two threads", ACTS.len() + 1);
}
