//! PostgreSQL: a server of the benchmarks' own on a Unix socket, and a client that sends one transaction per
//! commit.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;
use postgres::{Client, Config, NoTls, Statement};
use rustix::process::{Pid, Signal, getuid, kill_process};

use super::store::Store;
use super::word;
use crate::commit::Commit;
use crate::machine::first_line;
use crate::measure::run;
use crate::work::Work;

const PORT: u16 = 5432;

/// A running server; stopped when it is dropped.
pub(crate) struct Server {
    process: Child,
    /// Directory of the socket.
    pub(crate) socket: PathBuf,
    /// Version of the server.
    pub(super) version: String,
}

impl Server {
    /// Makes a new cluster among the files of the benchmarks, and starts its server. It is the server's defaults that
    /// are measured, but for autovacuum, which would disturb other programs' runs.
    pub(super) fn start(work: &Work) -> Result<Self> {
        let bin = bin()?;
        let user = user()?;
        let version = word(first_line(&bin.join("postgres").to_string_lossy(), "--version"), 2);
        let cluster = work.empty("postgres")?;
        // A socket's path is limited to about a hundred bytes, so it can't be there.
        let socket = std::env::temp_dir().join(format!("dreichor-bench-{}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&socket)?;
        if let Some((uid, gid)) = user {
            chown(&cluster, Some(uid), Some(gid))?;
            chown(&socket, Some(uid), Some(gid))?;
        }
        let command = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir("/").stdin(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command.arg("-D").arg(&cluster);
            command
        };
        run(command("initdb").args(["--username=bench", "--auth=trust", "--encoding=UTF8", "--no-locale"]))?;
        let log = fs::File::create(work.path("postgres.log"))?;
        let mut server = command("postgres");
        server.arg("-k").arg(&socket).args(["-p", &PORT.to_string()]);
        server.args(["-c", "listen_addresses=", "-c", "autovacuum=off"]);
        let process = server.stdout(Stdio::null()).stderr(log).spawn()?;
        let server = Self { process, socket, version };
        let start = Instant::now();
        while let Err(error) = connect(&server.socket) {
            if start.elapsed() > Duration::from_secs(20) {
                bail!(error.context("the server does not answer"));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT: the server's fast shutdown.
        if kill_process(Pid::from_child(&self.process), Signal::INT).is_ok() {
            let _ = self.process.wait();
        }
        let _ = fs::remove_dir_all(&self.socket);
    }
}

/// Directory of the server's programs: the newest of Debian's, or that of the path.
fn bin() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok()).max();
    let debian = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = debian.into_iter().chain(std::env::split_paths(&path));
    let found = candidates.find(|dir| dir.join("initdb").exists() && dir.join("postgres").exists());
    found.context("no server is installed")
}

/// User and group that the server shall run as: `postgres`, since it refuses to run as root.
fn user() -> Result<Option<(u32, u32)>> {
    if !getuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let fields =
        users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == "postgres");
    match fields.as_deref() {
        Some([_, _, uid, gid, ..]) => Ok(Some((uid.parse()?, gid.parse()?))),
        _ => bail!("it refuses to run as root, and there is no user postgres"),
    }
}

fn connect(socket: &Path) -> Result<Client> {
    Ok(Config::new().host_path(socket).port(PORT).user("bench").dbname("postgres").connect(NoTls)?)
}

/// A client, with an empty table.
pub(super) struct Postgres {
    client: Client,
    insert: Statement,
}

impl Postgres {
    /// Connects to the server whose socket is in `dir`.
    pub(super) fn create(dir: &Path) -> Result<Self> {
        let mut client = connect(dir)?;
        client.batch_execute(
            "DROP TABLE IF EXISTS events;
             CREATE TABLE events (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line bytea NOT NULL);
             CHECKPOINT",
        )?;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value: String = client.query_one(&format!("SHOW {setting}"), &[])?.get(0);
            ensure!(value == "on", "{setting} is {value}");
        }
        let insert = client.prepare("INSERT INTO events (line) SELECT unnest($1::bytea[])")?;
        Ok(Self { client, insert })
    }
}

impl Store for Postgres {
    fn append(&mut self, commit: &Commit) -> Result<()> {
        if commit.ticks == 1 {
            // One INSERT of all rows: a transaction of its own.
            let lines: Vec<&[u8]> = commit.lines().collect();
            self.client.execute(&self.insert, &[&lines])?;
            return Ok(());
        }
        // COPY is the fastest way in; each is a transaction of its own.
        let writer = self.client.copy_in("COPY events (line) FROM STDIN (FORMAT binary)")?;
        let mut writer = BinaryCopyInWriter::new(writer, &[Type::BYTEA]);
        for line in commit.lines() {
            writer.write(&[&line])?;
        }
        writer.finish()?;
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<u64>> {
        let count: i64 = self.client.query_one("SELECT count(*) FROM events", &[])?.get(0);
        // Removes the table's files and ends their checkpoint before another program runs.
        self.client.batch_execute("DROP TABLE events; CHECKPOINT")?;
        Ok(Some(u64::try_from(count)?))
    }
}
