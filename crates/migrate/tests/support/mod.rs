//! A real PostgreSQL: a cluster on a free port in a temporary directory, stopped after the last test that uses it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper's failure is the test's"
)]

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) const MIGRATE: &str = env!("CARGO_BIN_EXE_dreichor-migrate");

/// The role that owns everything, and its password, which no output may show.
pub(crate) const OWNER: &str = "owner";
pub(crate) const PASSWORD: &str = "sesame-9";

/// Nothing here takes so long, unless it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// `initdb` and the server refuse to run as root: root gives them to this user, `nobody`.
const NOBODY: u32 = 65_534;

/// A running server.
pub(crate) struct Cluster {
    programs: PathBuf,
    dir: TempDir,
    port: u16,
}

/// The directory of the server's programs: on the PATH (perhaps by links), or where Debian keeps them, the
/// newest first.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let linked = |folder: PathBuf| fs::canonicalize(folder.join("initdb")).ok()?.parent().map(Path::to_owned);
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).filter_map(linked).collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut kept: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    kept.sort();
    let has_all = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "psql", "pg_dump"].iter().all(|program| folder.join(program).exists())
    };
    on_path.into_iter().chain(kept.into_iter().rev()).find(has_all)
}

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    /// The cluster of all tests that run now. It listens on both loopback addresses and on a Unix socket, and speaks
    /// TLS, which the role `tls` must use.
    pub(crate) fn get() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let cluster = shared.upgrade().unwrap_or_else(|| {
            let programs = programs().expect("initdb, pg_ctl, psql and pg_dump, in one directory");
            Arc::new(Self::start(programs))
        });
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    fn start(programs: PathBuf) -> Self {
        let dir = TempDir::new().unwrap();
        let mut cluster = Self { programs, dir, port: 0 };
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let files = [
            ("password", PASSWORD.to_owned()),
            ("server.crt", certified.cert.pem()),
            ("server.key", certified.signing_key.serialize_pem()),
        ];
        let owner = is_root(cluster.dir.path()).then_some(NOBODY);
        chown(cluster.dir.path(), owner, owner).unwrap();
        for (name, text) in files {
            let path = cluster.path(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, owner, owner).unwrap();
        }
        let data = cluster.path("data");
        let mut initdb = cluster.server_program("initdb");
        initdb.args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "-U", OWNER]);
        check(initdb.arg("--pwfile").arg(cluster.path("password")).arg("-D").arg(&data));
        let rules = data.join("pg_hba.conf");
        let all = fs::read_to_string(&rules).unwrap();
        fs::write(&rules, format!("hostnossl all tls all reject\n{all}")).unwrap();
        // Another process may take the port that was just found free: then the next one.
        for _ in 0..5 {
            cluster.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let path = |name: &str| cluster.path(name).display().to_string();
            let options = format!(
                "-c listen_addresses=127.0.0.1,::1 -c port={} -c unix_socket_directories={} -c fsync=off -c ssl=on -c ssl_cert_file={} -c ssl_key_file={}",
                cluster.port,
                cluster.socket_dir(),
                path("server.crt"),
                path("server.key")
            );
            let mut start = cluster.server_program("pg_ctl");
            start.args(["start", "-w", "-t", "60", "-o", &options, "-l"]).arg(cluster.path("log"));
            if start.arg("-D").arg(&data).status().unwrap().success() {
                return cluster;
            }
        }
        panic!("the server does not start: {}", fs::read_to_string(cluster.path("log")).unwrap_or_default());
    }

    /// The directory of the Unix socket.
    pub(crate) fn socket_dir(&self) -> String {
        self.dir.path().display().to_string()
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the server, which is its own root.
    pub(crate) fn certificate(&self) -> String {
        self.path("server.crt").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn server_program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        command.env("LC_ALL", "C");
        let owner = fs::metadata(self.dir.path()).unwrap().uid();
        if owner == NOBODY {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

fn is_root(own: &Path) -> bool {
    fs::metadata(own).unwrap().uid() == 0
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.server_program("pg_ctl");
        let _ = stop.args(["stop", "-w", "-m", "immediate", "-D"]).arg(self.path("data")).status();
    }
}

#[track_caller]
fn check(command: &mut Command) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A database of its own, and a directory of migrations.
pub(crate) struct Bench {
    cluster: Arc<Cluster>,
    database: String,
    folder: TempDir,
}

static DATABASES: AtomicUsize = AtomicUsize::new(0);

impl Bench {
    /// An empty database and these files.
    pub(crate) fn new(cluster: &Arc<Cluster>, files: &[(&str, &str)]) -> Self {
        let database = format!("d{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let bench = Self { cluster: Arc::clone(cluster), database, folder: TempDir::new().unwrap() };
        bench.ask_of("postgres", &format!("CREATE DATABASE {}", bench.database));
        for (name, script) in files {
            bench.put(name, script);
        }
        bench
    }

    pub(crate) fn put(&self, name: &str, script: &str) {
        fs::write(self.file(name), script).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.file(from), self.file(to)).unwrap();
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.cluster.port)
    }

    pub(crate) fn url(&self, user: &str, password: &str) -> String {
        format!("postgres://{user}:{password}@{}/{}", self.address(), self.database)
    }

    /// The runner, as the owner, on this database and directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_as(&self.url(OWNER, PASSWORD), arguments)
    }

    pub(crate) fn command_as(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(MIGRATE);
        command.env_clear().env("DREICHOR_DATABASE_URL", url);
        command.args(arguments).arg("--dir").arg(self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments))
    }

    /// The answer of psql, which is not our code.
    pub(crate) fn ask(&self, question: &str) -> String {
        self.ask_of(&self.database, question)
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn ask_of(&self, database: &str, question: &str) -> String {
        let output = self.client("psql", database).args(["-c", question]).output().unwrap();
        assert!(output.status.success(), "{question}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(self.cluster.programs.join(program));
        command.env("PGPASSWORD", PASSWORD).env("LC_ALL", "C").args(["-h", "127.0.0.1", "-U", OWNER]);
        command.args(["-p", &self.cluster.port.to_string(), "-d", database]);
        if program == "psql" {
            command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        }
        command
    }

    /// All that is in the database, but for times and for what one dump has and the next has not.
    pub(crate) fn dump(&self) -> String {
        let mut command = self.client("pg_dump", &self.database);
        let output = command.args(["--exclude-table-data=public._sqlx_migrations"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines =
            text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
        let mut dump: Vec<&str> = lines.collect();
        let records = if text.contains("CREATE TABLE public._sqlx_migrations") {
            self.ask(
                "SELECT version, description, encode(checksum, 'hex') FROM public._sqlx_migrations ORDER BY 1",
            )
        } else {
            "no records".into()
        };
        dump.push(&records);
        dump.join("\n")
    }

    /// The tables of the migrations, in byte order.
    pub(crate) fn tables(&self) -> String {
        self.ask(
            "SELECT coalesce(string_agg(schemaname || '.' || tablename, ' ' ORDER BY schemaname, tablename), '') \
             FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> '_sqlx_migrations'",
        )
    }

    /// Waits until the answer is this one.
    #[track_caller]
    pub(crate) fn wait_for(&self, question: &str, answer: &str) {
        let started = Instant::now();
        loop {
            let now = self.ask(question);
            if now == answer {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{question}: still {now}, not {answer}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Holds the advisory lock 42 of this database until it is dropped: a migration that wants it waits.
    pub(crate) fn hold_42(&self) -> Holder {
        let mut command = self.client("psql", &self.database);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut holder = Holder(child);
        holder.0.stdin.as_mut().unwrap().write_all(b"SELECT pg_advisory_lock(42);\n").unwrap();
        self.wait_for(&format!("{LOCKS_42} AND granted"), "1");
        holder
    }
}

pub(crate) const LOCKS_42: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND \
     database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A session of psql.
pub(crate) struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The result of a process.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

pub(crate) fn run(command: &mut Command) -> Outcome {
    let outcome = Outcome::from(command.stdin(Stdio::null()).output().unwrap());
    assert!(!format!("{outcome:?}").contains(PASSWORD), "the password is shown: {outcome:?}");
    outcome
}

impl Outcome {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Standard error names each of these facts: a place, a code, a name, a command.
    #[track_caller]
    pub(crate) fn names(self, facts: &[&str]) -> Self {
        for fact in facts {
            assert!(self.stderr.contains(fact), "no {fact:?} in:\n{}", self.stderr);
        }
        self
    }
}
