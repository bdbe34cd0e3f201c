//! The socket of `ingest --listen`.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use listenfd::ListenFd;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Where upstreams connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A Unix stream socket with this path.
    Unix(PathBuf),
    /// The one socket that systemd passes to the process (`sd_listen_fds(3)`).
    Systemd,
}

/// Why a socket cannot be listened on. Nobody can have connected.
#[derive(Debug, thiserror::Error)]
#[error("--listen: {problem}\nno input was read; next: {next}")]
pub struct ListenError {
    problem: String,
    next: &'static str,
}

/// The most bytes in the path of a socket (`unix(7)`: 108 with the NUL).
const PATH_BYTES_MAX: usize = 107;

/// The length of the queue of connections that are not accepted yet: the most that the system allows by default.
const WAITING_MAX: i32 = 4_096;

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("a path after `unix:`".into()),
            Some(path) if path.len() > PATH_BYTES_MAX => {
                Err(format!("a path of at most {PATH_BYTES_MAX} bytes after `unix:`"))
            }
            Some(path) => Ok(Self::Unix(path.into())),
            None if text == "systemd" => Ok(Self::Systemd),
            None => Err("`unix:PATH`, or `systemd`".into()),
        }
    }
}

impl Listen {
    /// Starts to listen. The caller holds the lock of the log, so a socket of this log that nobody listens on is that of
    /// a dead predecessor: it is replaced. (The sandbox forbids to remove it at the end.)
    ///
    /// # Errors
    ///
    /// Something else has the path, or the system refuses. A living server is left alone.
    pub fn bind(&self) -> Result<UnixListener, ListenError> {
        let listener = match self {
            Self::Unix(path) => {
                remove_stale(path)?;
                listen(path).map_err(|error| {
                    let problem = format!("{}: {error}", path.display());
                    refused(
                        problem,
                        "check the directory: it must exist, and this user must be able to write to it",
                    )
                })?
            }
            Self::Systemd => take_passed()?,
        };
        let listening = listener.set_nonblocking(true);
        listening.map_err(|error| refused(error.to_string(), "name another socket"))?;
        Ok(listener)
    }
}

fn refused(problem: impl Into<String>, next: &'static str) -> ListenError {
    ListenError { problem: problem.into(), next }
}

/// Removes the socket of a dead server.
fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let shown = path.display();
    let unusable = |error: &dyn std::error::Error| refused(format!("{shown}: {error}"), "name another path");
    let is_socket = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type().is_socket(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(&error)),
    };
    if !is_socket {
        return Err(refused(
            format!("{shown}: this is no socket, and it is not replaced"),
            "name another path, or remove what is there",
        ));
    }
    match connect(path) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(|error| unusable(&error)),
        Err(Errno::NOENT) => Ok(()),
        // Its queue of connections is full.
        Ok(()) | Err(Errno::AGAIN) => Err(refused(
            format!("{shown}: another server listens on it"),
            "name another path, or stop that server (`fuser -v` on the path names it)",
        )),
        Err(error) => Err(unusable(&error)),
    }
}

fn connect(path: &Path) -> Result<(), Errno> {
    let socket = socket()?;
    net::connect(&socket, &SocketAddrUnix::new(path)?)
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = socket()?;
    net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    // Before it listens: nobody can connect with other permissions.
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    net::listen(&socket, WAITING_MAX)?;
    Ok(UnixListener::from(socket))
}

/// A socket that never waits: not even for a place in the queue of a living server.
fn socket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

fn take_passed() -> Result<UnixListener, ListenError> {
    let next =
        "start it by a systemd unit whose socket has one `ListenStream=` with a path, or name `unix:PATH`";
    let mut passed = ListenFd::from_env();
    if passed.len() > 1 {
        return Err(refused(format!("systemd passed {} sockets, and one is expected", passed.len()), next));
    }
    match passed.take_unix_listener(0) {
        Ok(Some(listener)) => Ok(listener),
        Ok(None) => Err(refused("systemd passed no socket", next)),
        Err(error) => Err(refused(format!("what systemd passed is no Unix stream socket: {error}"), next)),
    }
}
