//! The operations that a confined process can and cannot do. Each test that confines runs in a process of its own,
//! which is this test binary once more.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

#[path = "support/harness.rs"]
mod harness;
mod support;

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dreichor_log::{WriteFile as _, WriteMedium};
use dreichor_runtime::batch::Batcher;
use dreichor_runtime::ingest::Session;
use dreichor_runtime::sandbox::trial::{Trials, Verdict};
use dreichor_runtime::sandbox::{Outcome, Role};
use dreichor_runtime::writing::WriteStores;
use dreichor_runtime::{Config, Setting, gate};
use harness::Test;
use support::kind::{Kind, kind};
use support::{Bench, Bytes, Whole, vector, vector_stores};

/// Names the directory of a child process.
const CHILD: &str = "SANDBOX_TEST_CHILD";

/// The kernel's feature that every promise needs.
const LANDLOCK: &str = "a complete Landlock, Linux 6.12";

const TESTS: [Test; 6] = [
    ("a_writer_can_append_and_nothing_else", LANDLOCK, a_writer_can_append_and_nothing_else),
    ("a_reader_can_read_and_nothing_else", LANDLOCK, a_reader_can_read_and_nothing_else),
    (
        "only_the_two_files_that_are_locked_can_be_written",
        LANDLOCK,
        only_the_two_files_that_are_locked_can_be_written,
    ),
    ("the_trials_do_no_harm_where_nothing_is_refused", "", the_trials_do_no_harm_where_nothing_is_refused),
    (
        "a_process_of_several_threads_is_not_taken_for_confined",
        LANDLOCK,
        a_process_of_several_threads_is_not_taken_for_confined,
    ),
    ("off_confines_nothing", "", off_confines_nothing),
];

fn main() {
    harness::main(&TESTS);
}

/// Runs `act` in a process of its own, on its only thread; it is given the directory of `bench`.
#[track_caller]
fn in_child(name: &str, bench: impl FnOnce() -> Bench, act: impl FnOnce(&Path)) -> Option<Bench> {
    if let Some(dir) = std::env::var_os(CHILD) {
        act(Path::new(&dir));
        return None;
    }
    let bench = bench();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args([name, "--include-ignored"]).env(CHILD, bench.dir.path()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success() && said.contains(&format!("test {name}\n")), "{said}");
    println!("{said}");
    Some(bench)
}

fn config(dir: &Path, sandbox: &str) -> Config {
    let value_of = |setting: &Setting| match setting.flag {
        "data-dir" => Some(dir.as_os_str().to_owned()),
        "sandbox" => Some(sandbox.into()),
        _ => None,
    };
    Config::new(&value_of, []).unwrap()
}

/// The kernel enforces every promise.
#[track_caller]
fn check_complete(outcome: &Outcome) {
    println!("{outcome:?}");
    assert!(outcome.abi.is_some_and(|abi| abi >= 6) && outcome.not_enforced.is_empty());
}

#[track_caller]
fn refused<T: Debug>(result: io::Result<T>) {
    // EACCES, EPERM, and EXDEV for a name in another directory.
    let error = result.unwrap_err();
    assert!(matches!(error.raw_os_error(), Some(13 | 1 | 18)), "{error}");
}

fn write() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

fn events_of(dir: &Path) -> PathBuf {
    dir.join("audit-events/audit_events.ndjson")
}

/// Operations that neither a writer nor a reader may do. `outside` is a file outside the stores' directories.
fn check_forbidden(dir: &Path, outside: &Path) {
    let (mount, events) = (dir.join("audit-events"), events_of(dir));
    let (new, copy) = (mount.join("new"), mount.join("audit_events.ndjson.torn-0"));
    // Promise::NoFileOutside.
    for path in [outside, Path::new("/"), dir, Path::new("/etc/passwd"), Path::new("/proc/self/maps")] {
        refused(File::open(path));
    }
    refused(fs::read_dir(dir));
    refused(fs::write(outside, "written"));
    refused(fs::write(dir.join("new"), "written"));
    refused(Command::new("/bin/true").spawn());
    // Promise::NoCreate.
    refused(File::create_new(&new));
    refused(fs::create_dir(&new));
    refused(fs::hard_link(&events, &new));
    refused(fs::hard_link(&events, dir.join("snapshots/new")));
    refused(fs::hard_link(&events, dir.join("new")));
    refused(fs::hard_link(outside, &new));
    refused(std::os::unix::fs::symlink(&events, &new));
    refused(std::os::unix::fs::symlink(outside, dir.join("new")));
    refused(UnixListener::bind(&new));
    // Promise::NoRemove.
    for path in [&events, &copy, outside] {
        refused(fs::remove_file(path));
    }
    refused(fs::remove_dir_all(&mount));
    refused(fs::remove_dir(dir.join("empty")));
    let handle = dreichor_log::Directory::open(&mount).unwrap();
    let flags = rustix::fs::AtFlags::empty();
    refused(rustix::fs::unlinkat(&handle, "audit_events.ndjson", flags).map_err(io::Error::from));
    refused(handle.remove("audit_events.ndjson"));
    // Promise::NoRename.
    refused(fs::rename(&events, &new));
    refused(fs::rename(&events, dir.join("new")));
    refused(fs::rename(&events, dir.join("snapshots/new")));
    refused(fs::rename(&copy, &events));
    refused(fs::rename(outside, &events));
    refused(fs::rename(&mount, dir.join("moved")));
    // Promise::NoTruncate.
    refused(write().truncate(true).open(&events));
    // Linux truncates a file also if it is opened for reading only.
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::TRUNC;
    for path in [&events, &copy] {
        refused(rustix::fs::open(path, flags, rustix::fs::Mode::empty()).map(drop).map_err(io::Error::from));
    }
    refused(write().open(&copy));
    assert_eq!(fs::read(&copy).unwrap(), b"torn");
    // Promise::NoSignal.
    let parent = rustix::process::getppid().unwrap();
    refused(rustix::process::test_kill_process(parent).map_err(io::Error::from));
}

/// Sockets that are there before the process is confined.
struct Sockets {
    tcp: TcpListener,
    _listener: UnixListener,
    address: SocketAddr,
}

impl Sockets {
    fn open() -> Self {
        let name = format!("dreichor-sandbox-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { tcp, _listener: UnixListener::bind_addr(&address).unwrap(), address }
    }

    fn check_forbidden(&self) {
        // Promise::NoTcp.
        refused(TcpStream::connect(self.tcp.local_addr().unwrap()));
        refused(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        // Promise::NoAbstractSocket.
        refused(UnixStream::connect_addr(&self.address));
    }
}

/// Stores of the vectors, a torn copy, an empty directory, and a file outside the mounts.
fn furnished(stores: &Bytes) -> Bench {
    let bench = Bench::holding(stores);
    fs::write(bench.dir.path().join("audit-events/audit_events.ndjson.torn-0"), "torn").unwrap();
    fs::write(bench.dir.path().join("outside"), "outside").unwrap();
    fs::create_dir(bench.dir.path().join("empty")).unwrap();
    for path in [bench.events_path(), bench.snapshots_path()] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    bench
}

fn a_writer_can_append_and_nothing_else() {
    let empty = Bytes { events: Vec::new(), snapshots: Vec::new() };
    let child = |dir: &Path| {
        let outside = dir.join("outside");
        let mut opened_before = File::open(&outside).unwrap();
        let sockets = Sockets::open();
        let config = config(dir, "auto");
        let admitted = gate::admit_writer(&config, || Ok(()), &mut ()).unwrap();
        check_complete(&admitted.sandbox);

        // The needed operations: to append to both stores, and to read open files.
        let strategy = config.settings.snapshot_strategy;
        let mut session =
            Session::new(&admitted.stores, admitted.recovered, config.policy(), strategy).unwrap();
        let inputs = vector_inputs(dir);
        let mut batcher = Batcher::new(Whole(&inputs));
        let mut acknowledgements = Vec::new();
        let mut deliver = |bytes: &[u8]| {
            acknowledgements.extend_from_slice(bytes);
            Ok(())
        };
        session.run(&mut batcher, &mut deliver, &mut ()).unwrap();
        assert!(!acknowledgements.is_empty());
        let mut text = String::new();
        opened_before.read_to_string(&mut text).unwrap();
        assert_eq!(text, "outside");
        assert!(!fs::read(events_of(dir)).unwrap().is_empty());
        assert_eq!(fs::read_dir(dir.join("audit-events")).unwrap().count(), 3);

        check_forbidden(dir, &outside);
        sockets.check_forbidden();
        // Promise::NoTruncate.
        // By the descriptor that appends are made by, by any other, and by those of the locks.
        let events = admitted.stores.events.medium();
        refused(events.open_to_append("audit_events.ndjson").unwrap().truncate(0));
        refused(write().open(events_of(dir)).unwrap().set_len(0));
        refused(write().open(dir.join("snapshots/snapshots.ndjson")).unwrap().set_len(1));
        for lock in &admitted.locks {
            use std::os::fd::AsFd;
            let path = format!("/proc/self/fd/{}", lock.as_fd().as_raw_fd());
            refused(write().truncate(true).open(path));
            rustix::fs::ftruncate(lock, 0).unwrap_err();
        }
    };
    let furnish = || {
        let bench = furnished(&empty);
        // In a mount, where a confined process may read.
        fs::write(bench.dir.path().join("audit-events/inputs"), vector("inputs.ndjson")).unwrap();
        bench
    };
    if let Some(bench) = in_child("a_writer_can_append_and_nothing_else", furnish, child) {
        assert_eq!(bench.bytes(), vector_stores());
        assert_eq!(bench.listing().len(), 4);
        assert_eq!(fs::read(bench.dir.path().join("outside")).unwrap(), b"outside");
    }
}

fn vector_inputs(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("audit-events/inputs")).unwrap()
}

fn a_reader_can_read_and_nothing_else() {
    let child = |dir: &Path| {
        let sockets = Sockets::open();
        let admitted = gate::admit_runtime(&config(dir, "auto"), &mut ()).unwrap();
        check_complete(&admitted.sandbox);
        check_forbidden(dir, &dir.join("outside"));
        sockets.check_forbidden();
        // Promise::NoWrite.
        refused(write().open(events_of(dir)));
        refused(OpenOptions::new().append(true).open(dir.join("snapshots/snapshots.ndjson")));
        assert!(!fs::read(events_of(dir)).unwrap().is_empty());
    };
    let furnish = || furnished(&vector_stores());
    if let Some(bench) = in_child("a_reader_can_read_and_nothing_else", furnish, child) {
        assert_eq!(bench.bytes(), vector_stores());
        assert_eq!(bench.listing().len(), 3);
    }
}

fn only_the_two_files_that_are_locked_can_be_written() {
    let child = |dir: &Path| {
        // Another process, which replaces the log's file as soon as this process is confined.
        let mut other = Command::new("sh")
            .args(["-c", "read -r go && cp -p audit_events.ndjson copy && mv copy audit_events.ndjson"])
            .current_dir(dir.join("audit-events"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let config = config(dir, "auto");
        let admitted = gate::admit_writer(&config, || Ok(()), &mut ()).unwrap();
        other.stdin.take().unwrap().write_all(b"go\n").unwrap();
        assert!(other.wait().unwrap().success());
        check_complete(&admitted.sandbox);
        let (policy, strategy) = (config.policy(), config.settings.snapshot_strategy);
        let opened = Session::new(&admitted.stores, admitted.recovered, policy, strategy);
        let error = opened.err().unwrap();
        assert_eq!(kind(&error), Kind::Unavailable, "{error}");
        println!("{error}");
    };
    let furnish = || furnished(&vector_stores());
    in_child("only_the_two_files_that_are_locked_can_be_written", furnish, child);
}

fn the_trials_do_no_harm_where_nothing_is_refused() {
    let bench = furnished(&vector_stores());
    let stores = bench.stores();
    let _locks = stores.lock().unwrap();
    let before = bench.listing();
    for role in [Role::Writer, Role::Reader] {
        let trials = Trials::prepare(role, &stores);
        for promise in role.promises() {
            let verdict = trials.attempt(promise);
            println!("{verdict:?}");
            assert!(matches!(verdict, Verdict::NotRefused(_)), "{promise}: {verdict:?}");
        }
        trials.check_needed().unwrap();
    }
    assert_eq!(bench.listing(), before);
    assert_eq!(bench.bytes(), vector_stores());
}

fn a_process_of_several_threads_is_not_taken_for_confined() {
    let child = |dir: &Path| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || stopped.recv().is_err());
        let error = gate::admit_writer(&config(dir, "require"), || Ok(()), &mut ()).err().unwrap();
        assert_eq!(kind(&error), Kind::Unavailable, "{error}");
        let message = error.to_string();
        assert!(message.contains("--sandbox auto"), "{message}");
        for promise in Role::Writer.promises() {
            assert!(message.contains(&promise.to_string()), "{promise}: {message}");
        }
        drop(stop);
        assert!(thread.join().unwrap());
    };
    let furnish = || furnished(&vector_stores());
    in_child("a_process_of_several_threads_is_not_taken_for_confined", furnish, child);
}

fn off_confines_nothing() {
    let child = |dir: &Path| {
        let admitted = gate::admit_writer(&config(dir, "off"), || Ok(()), &mut ()).unwrap();
        assert!(admitted.sandbox.enforced.is_empty() && admitted.sandbox.abi.is_none());
        assert_eq!(admitted.sandbox.not_enforced.len(), Role::Writer.promises().len());
        fs::write(dir.join("audit-events/new"), "").unwrap();
        fs::remove_file(dir.join("audit-events/new")).unwrap();
        File::open("/").unwrap();
    };
    in_child("off_confines_nothing", || furnished(&vector_stores()), child);
}
