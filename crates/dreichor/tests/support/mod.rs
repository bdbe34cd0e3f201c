//! Shared parts of the tests of the real binary: stores in a temporary directory, processes that use them, and the state of
//! both before and after.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper's failure is the test's"
)]

#[path = "../../../observer/tests/support/http.rs"]
pub(crate) mod http;
pub(crate) mod namespace;
pub(crate) mod observed;
pub(crate) mod page;
pub(crate) mod published;
pub(crate) mod server;
pub(crate) mod tracer;
pub(crate) mod upstream;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dreichor_core::canonical::Sink;
use dreichor_core::id::content_id;
use dreichor_core::tree::Hasher;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) const DREICHOR: &str = env!("CARGO_BIN_EXE_dreichor");

/// Nothing here takes so long, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a condition that another process or thread brings about.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn vector_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)
}

/// A file of the published vectors.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    fs::read(vector_path(name)).unwrap()
}

/// Log and snapshots of the published vectors.
pub(crate) fn vector_stores() -> [Vec<u8>; 2] {
    ["audit_events.ndjson", "snapshots.ndjson"].map(vector)
}

/// The lines of a file, each with its LF.
pub(crate) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|&byte| byte == b'\n').collect()
}

/// The lines of a file as JSON values.
pub(crate) fn json_lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    lines(bytes).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// The file without the line of this number (from 1), which is given to `change`, and its offset.
pub(crate) fn with_line(
    file: &[u8],
    number: usize,
    change: impl FnOnce(&[u8]) -> Vec<u8>,
) -> (Vec<u8>, usize) {
    let all = lines(file);
    let (before, rest) = all.split_at(number - 1);
    let before = before.concat();
    let offset = before.len();
    (before.into_iter().chain(change(rest[0])).chain(rest[1..].concat()).collect(), offset)
}

/// The text with the first `from` made `to`.
pub(crate) fn edited(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = text.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("no {from} in {}", String::from_utf8_lossy(text)));
    [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
}

/// The snapshot's line (with its LF) with the id that its content demands.
pub(crate) fn identified(line: &[u8]) -> Vec<u8> {
    let opening = b"{\"snapshotId\":\"";
    let after_id = opening.len() + 36;
    let mut content = Hasher::leaf();
    content.put(b"{");
    content.put(line[after_id + 2..].strip_suffix(b"\n").unwrap());
    let id = content_id(content.finish()).to_string();
    [opening, id.as_bytes(), &line[after_id..]].concat()
}

/// Stores in a directory of their own.
pub(crate) struct Bench {
    dir: TempDir,
}

impl Bench {
    /// Two empty mounts.
    pub(crate) fn new() -> Self {
        let bench = Self::bare();
        for mount in ["audit-events", "snapshots"] {
            fs::DirBuilder::new().recursive(true).mode(0o750).create(bench.path("data").join(mount)).unwrap();
        }
        bench
    }

    /// No mounts.
    pub(crate) fn bare() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// The stores of the published vectors.
    pub(crate) fn filled() -> Self {
        let bench = Self::new();
        let [log, snapshots] = vector_stores();
        bench.put(&bench.log_path(), &log);
        bench.put(&bench.snapshots_path(), &snapshots);
        bench
    }

    /// A name in the bench's directory. `data` holds the mounts.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.path("data/audit-events/audit_events.ndjson")
    }

    pub(crate) fn snapshots_path(&self) -> PathBuf {
        self.path("data/snapshots/snapshots.ndjson")
    }

    /// Waits until a running writer has written so many snapshots: they follow the acknowledgements.
    #[track_caller]
    pub(crate) fn wait_for_snapshots(&self, count: usize) {
        wait_until("enough snapshots", || {
            fs::read(self.snapshots_path()).is_ok_and(|bytes| lines(&bytes).len() >= count)
        });
    }

    /// Log and snapshots are those of the published vectors.
    #[track_caller]
    pub(crate) fn check_whole(&self) {
        assert!(self.stores() == vector_stores(), "other stores than those of the vectors");
    }

    /// Log and snapshots.
    pub(crate) fn stores(&self) -> [Vec<u8>; 2] {
        [self.log_path(), self.snapshots_path()].map(|path| fs::read(path).unwrap())
    }

    /// Writes a file as a writer would have made it.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) {
        assert!(path.starts_with(self.dir.path()));
        let _ = fs::remove_file(path);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// A text of a test's table with the bench's paths in it.
    pub(crate) fn fill_in(&self, text: &str) -> String {
        text.replace("{log}", &self.log_path().display().to_string())
            .replace("{snapshots}", &self.snapshots_path().display().to_string())
            .replace("{dir}", &self.dir.path().display().to_string())
    }

    /// The binary, on these stores, without variables of the surroundings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(DREICHOR);
        // The default port can be had once only.
        command.env("DREICHOR_OBSERVER_ADDR", "127.0.0.1:0");
        command.arg("--data-dir").arg(self.path("data"));
        command.args(arguments.iter().map(|argument| self.fill_in(argument)));
        command
    }

    /// Runs a command to its end, with nothing to read.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, b"")
    }

    /// Runs a command to its end with these inputs.
    pub(crate) fn run_with(&self, arguments: &[&str], inputs: &[u8]) -> Outcome {
        run(&mut self.command(arguments), inputs)
    }

    /// Ingests from a pipe.
    pub(crate) fn ingest(&self, inputs: &[u8]) -> Outcome {
        self.run_with(&["ingest"], inputs)
    }

    /// Starts a command whose standard input stays open.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// Starts a writer that has recorded a purchase at this time, as the stores' nth, with its snapshot.
    #[track_caller]
    pub(crate) fn start_writer(&self, time: u64, nth: usize) -> Running {
        let mut writer = self.start(&["ingest"]);
        writer.send(tick(1, time).as_bytes());
        writer.line();
        // The snapshot follows the acknowledgement.
        self.wait_for_snapshots(nth);
        writer
    }

    /// The command ends with `code`, names these facts (see [`Outcome::says`]) and, on a line of its own, what to do; and
    /// leaves every file as it was. A writer may have created the two empty files.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32, facts: &[&str]) -> Outcome {
        self.refuses_command(&mut self.command(arguments), code, facts)
    }

    #[track_caller]
    pub(crate) fn refuses_command(&self, command: &mut Command, code: i32, facts: &[&str]) -> Outcome {
        println!("{:?}", command.get_args().skip(2).collect::<Vec<_>>());
        let before = self.inventory();
        // Inputs that would be recorded, did it go on.
        let outcome = run(command, tick(1, 10_000).as_bytes()).expect(code);
        let facts: Vec<String> = facts.iter().map(|fact| self.fill_in(fact)).collect();
        let outcome = outcome.says(&facts);
        assert!(outcome.stderr.trim_end().contains('\n'), "it does not say what to do: {}", outcome.stderr);
        // An operator copies the next command from there, and it must not look at other stores.
        let names_stores = outcome.stderr.contains("`dreichor --");
        assert_eq!(names_stores, (10..=13).contains(&code), "{}", outcome.stderr);
        let mut after = self.inventory();
        if code != 12 {
            after.retain(|path, entry| before.contains_key(path) || !entry.is_new_store());
        }
        assert!(after == before, "files were changed: {before:#?} {after:#?}");
        outcome
    }

    /// All that is in the mounts.
    pub(crate) fn inventory(&self) -> BTreeMap<PathBuf, Entry> {
        let mut entries = BTreeMap::new();
        survey(&self.path("data"), &mut entries);
        entries
    }
}

/// A command without the variables of the surroundings that would be ours.
pub(crate) fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DREICHOR_")) {
        command.env_remove(name);
    }
    command.env_remove("NO_COLOR").env("LC_ALL", "C");
    command
}

/// The state of one name in a mount. Directories have no times here: those of their files are enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    mode: u32,
    identity: (u64, u64),
    links: Option<u64>,
    /// Last change of the bytes and of the file.
    times: Option<[(i64, i64); 2]>,
    content: Vec<u8>,
}

impl Entry {
    /// A file as a writer creates it.
    pub(crate) fn is_new_store(&self) -> bool {
        self.mode & !0o640 == 0o100_000 && self.content.is_empty() && self.links == Some(1)
    }
}

fn survey(path: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let is_dir = metadata.is_dir();
    // A pipe is not opened: it would not answer.
    let content = if metadata.is_file() {
        fs::read(path).unwrap()
    } else if metadata.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else {
        Vec::new()
    };
    let times = [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())];
    entries.insert(
        path.to_owned(),
        Entry {
            mode: metadata.permissions().mode(),
            identity: (metadata.dev(), metadata.ino()),
            links: (!is_dir).then(|| metadata.nlink()),
            times: (!is_dir).then_some(times),
            content,
        },
    );
    if is_dir {
        for child in fs::read_dir(path).unwrap() {
            survey(&child.unwrap().path(), entries);
        }
    }
}

/// The result of a process.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// None: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// The lines of standard output as JSON values.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        json_lines(&self.stdout)
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code; standard error:\n{}", self.stderr);
        self
    }

    /// Standard error names each of these facts: paths, places, rules, flags, commands, numbers. How they are put into
    /// words is in `tests/texts`.
    #[track_caller]
    pub(crate) fn says<T: AsRef<str>>(self, facts: &[T]) -> Self {
        for fact in facts.iter().map(AsRef::as_ref) {
            assert!(self.stderr.contains(fact), "no {fact:?} in:\n{}", self.stderr);
        }
        self
    }
}

/// Runs a command to its end with these inputs.
pub(crate) fn run(command: &mut Command, inputs: &[u8]) -> Outcome {
    let mut running = Running::start(command);
    let mut stdin = running.stdin.take().unwrap();
    thread::scope(|scope| {
        // A process may end before it has read all; the test checks its result.
        scope.spawn(move || drop(stdin.write_all(inputs)));
        running.finish()
    })
}

/// Runs a command to its end that is sent the vectors' inputs one by one, each after the acknowledgement of the one
/// before.
pub(crate) fn converse(command: &mut Command) -> Outcome {
    let mut running = Running::start(command);
    let mut stdout = Vec::new();
    for input in lines(&vector("inputs.ndjson")) {
        if running.stdin.as_mut().unwrap().write_all(input).is_err() {
            break;
        }
        match running.stdout.recv_timeout(PATIENCE) {
            Ok(line) => stdout.extend(line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                panic!("no line of output; standard error:\n{}", running.told())
            }
        }
    }
    let outcome = running.finish();
    Outcome { stdout: [stdout, outcome.stdout].concat(), ..outcome }
}

/// A process at work.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The thread that sends inputs; it keeps standard input open.
    sender: Option<JoinHandle<ChildStdin>>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    told: Vec<u8>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with_output(command, Stdio::piped())
    }

    pub(crate) fn start_with_output(command: &mut Command, stdout: Stdio) -> Self {
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
        // A program that a test has just written is busy while the child of another test, not yet at its own program,
        // holds a copy of the descriptor.
        let mut child = loop {
            match command.spawn() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::yield_now(),
                child => break child.unwrap(),
            }
        };
        let stdin = child.stdin.take();
        // Without room: of a process that prints more than a pipe holds, no more is taken than is asked for.
        let stdout = child.stdout.take().map_or_else(|| mpsc::channel().1, |out| receive(out, Some(0)));
        let stderr = receive(child.stderr.take().unwrap(), None);
        Self { child, stdin, sender: None, stdout, stderr, told: Vec::new() }
    }

    pub(crate) fn send(&mut self, inputs: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(inputs).unwrap();
    }

    /// The same from a thread, so that what the process prints meanwhile can be taken.
    pub(crate) fn send_meanwhile(&mut self, inputs: Vec<u8>) {
        let mut stdin = self.stdin.take().unwrap();
        self.sender = Some(thread::spawn(move || {
            // The pipe breaks when the process ends before.
            let _ = stdin.write_all(&inputs);
            stdin
        }));
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
        self.sender = None;
    }

    /// The next line of standard output, with its LF.
    #[track_caller]
    pub(crate) fn line(&mut self) -> Vec<u8> {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => panic!("no line of output ({error}); standard error:\n{}", self.told()),
        }
    }

    /// This number of lines, as one text.
    #[track_caller]
    pub(crate) fn take_lines(&mut self, count: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        (0..count).for_each(|_| taken.extend(self.line()));
        taken
    }

    /// True if a further line was printed.
    pub(crate) fn has_line(&self) -> bool {
        !matches!(self.stdout.try_recv(), Err(TryRecvError::Empty | TryRecvError::Disconnected))
    }

    /// Waits until standard error holds `text`.
    #[track_caller]
    pub(crate) fn wait_until_it_says(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.told).contains(text) {
            match self.stderr.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.told.extend(line),
                Err(error) => panic!("it does not say {text:?} ({error}):\n{}", self.told()),
            }
        }
    }

    /// All of standard error so far.
    pub(crate) fn told(&mut self) -> String {
        self.told.extend(self.stderr.try_iter().flatten());
        String::from_utf8_lossy(&self.told).into_owned()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Closes standard input, if that is still open, and waits for the end. What is returned of standard
    /// output is what was not taken before.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Outcome {
        self.close_stdin();
        self.wait()
    }

    /// The same with standard input left open.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        let mut stdout = Vec::new();
        loop {
            match self.stdout.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => stdout.extend(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.told()),
            }
        }
        let mut status = None;
        wait_until("its end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        // The process is gone, so its end of the pipe is closed.
        self.told.extend(self.stderr.iter().flatten());
        Outcome {
            code: status.unwrap().code(),
            stdout,
            stderr: String::from_utf8_lossy(&self.told).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of `source`, from a thread that reads them; no more than `room` of them ahead.
fn receive(source: impl Read + Send + 'static, room: Option<usize>) -> Receiver<Vec<u8>> {
    fn pass_on(source: impl Read, mut send: impl FnMut(Vec<u8>) -> bool) {
        let mut source = BufReader::new(source);
        loop {
            let mut line = Vec::new();
            if source.read_until(b'\n', &mut line).unwrap_or_default() == 0 || !send(line) {
                return;
            }
        }
    }
    match room {
        Some(room) => {
            let (sender, receiver) = mpsc::sync_channel(room);
            thread::spawn(move || pass_on(source, |line| sender.send(line).is_ok()));
            receiver
        }
        None => {
            let (sender, receiver) = mpsc::channel();
            thread::spawn(move || pass_on(source, |line| sender.send(line).is_ok()));
            receiver
        }
    }
}

/// A tick that buys whenever the instance may: all members canonical, with its LF.
pub(crate) fn tick(instance: u8, time: u64) -> String {
    let attention = "{\"attentionMeaningfullyHigher\":true,\"stabilityMeetsMinimum\":true,\
                     \"confidenceSufficient\":true,\"differencePersistsOverTime\":true,\
                     \"switchingCostsJustified\":true}";
    format!(
        "{{\"version\":1,\"kind\":\"TICK\",\"logicalTime\":{time},\
         \"strategyInstanceId\":\"00000000-0000-4000-8000-0000000000{instance:02x}\",\
         \"decisionClass\":\"attention.enter.rotation@v1\",\"reasonCodes\":[\"ATTENTION_SUPERIOR\"],\
         \"attention\":{attention},\"parameterPoolId\":\"assertive@v1\",\"targetMarketId\":\"M1\",\
         \"safetyGates\":{{\"haltAll\":false,\"blockBuy\":false,\"forceSell\":false}}}}\n"
    )
}

/// The inputs that a writer that had to stop names as acknowledged; none: it names none.
pub(crate) fn acknowledged(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("input 1 ".to_owned()),
        last => Some(format!("inputs 1 to {last} ")),
    }
}

/// The facts by which a message names a line of a file: its number, and the byte at which it starts.
pub(crate) fn place(file: &str, line: usize, start: usize) -> [String; 2] {
    [format!("{file}: line {line} at byte "), format!("(the line starts at byte {start}) ")]
}

/// The fact by which a message names a rule and the member that breaks it; empty: any rule, no member.
pub(crate) fn rule(rule: &str, member: &str) -> String {
    let member = if member.is_empty() { String::new() } else { format!(", member {member}") };
    format!("rule {rule}{member}")
}
