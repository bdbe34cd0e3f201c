//! Trials: attempts of the operations that the kernel must refuse.
//!
//! Invariant: each act is harmless where the kernel lets it pass. A store is renamed to its own name, and removed
//! as the directory that it is not; what is truncated is a file without a name; what is created is removed again.

use std::fmt::Display;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use dreichor_log::{Directory, Medium, WriteMedium};
use dreichor_replay::{Error, Store, Stores};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{getppid, test_kill_process};

use super::{Promise, Role};

/// The result of the attempts for one promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Each attempt was refused.
    Refused,
    /// This attempt was not refused.
    NotRefused(String),
    /// No attempt could be made, for this reason.
    Untried(String),
}

/// The files and sockets that the attempts need, prepared before the process is confined.
#[derive(Debug)]
pub struct Trials<'s> {
    role: Role,
    stores: &'s Stores<Directory>,
    /// An abstract socket that exists before the process is confined, so that it is outside the sandbox.
    listener: io::Result<(UnixListener, SocketAddr)>,
    /// A file without a name in the audit-events directory, which nobody misses.
    unnamed: io::Result<fs::File>,
}

impl<'s> Trials<'s> {
    /// Prepares the attempts. A writer must hold the locks of `stores`.
    pub fn prepare(role: Role, stores: &'s Stores<Directory>) -> Self {
        Self { role, stores, listener: listen(), unnamed: create_unnamed(stores.events.medium()) }
    }

    /// Attempts the operations that would break this promise.
    pub fn attempt(&self, promise: Promise) -> Verdict {
        match promise {
            Promise::NoFileOutside => all([
                act("opening /", fs::File::open("/")),
                act("opening /dev/null", fs::File::open("/dev/null")),
            ]),
            Promise::NoOtherWrite => self.write_elsewhere(),
            Promise::NoWrite => all([self.write_elsewhere(), self.each(append)]),
            Promise::NoCreate => self.each(|store| create(store.medium())),
            Promise::NoRemove => self.each(|store| {
                let path = store.path();
                act(format_args!("removing {} as a directory", path.display()), fs::remove_dir(&path))
            }),
            Promise::NoRename => self.each(|store| {
                let path = store.path();
                act(format_args!("renaming {} to its own name", path.display()), fs::rename(&path, &path))
            }),
            Promise::NoTruncate => self.truncate_unnamed(),
            Promise::NoTcp => all([
                // No process can listen on port 0; binding it means any free port.
                act("connecting by TCP", TcpStream::connect((Ipv4Addr::LOCALHOST, 0))),
                act("listening by TCP", TcpListener::bind((Ipv4Addr::LOCALHOST, 0))),
            ]),
            Promise::NoAbstractSocket => match &self.listener {
                Ok((_, address)) => {
                    act("connecting to an abstract socket", UnixStream::connect_addr(address))
                }
                Err(error) => Verdict::Untried(format!("no abstract socket to connect to: {error}")),
            },
            // Signal 0 checks the permission and sends no signal.
            Promise::NoSignal => match getppid() {
                Some(parent) => {
                    act("signalling the parent process", test_kill_process(parent).map_err(Into::into))
                }
                None => Verdict::Untried("no parent process to signal".into()),
            },
        }
    }

    /// Checks that a writer may still open the stores for appending, and a reader for reading.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] with the store that cannot be opened.
    pub fn check_needed(&self) -> Result<(), Error> {
        for store in [&self.stores.events, &self.stores.snapshots] {
            let opened = match self.role {
                Role::Writer => store.medium().open_to_append(store.file()),
                Role::Reader => store.medium().open(store.file()),
            };
            match opened {
                Ok(_) => {}
                Err(error) if self.role == Role::Reader && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Error::unavailable(
                        store.path(),
                        format!(
                            "the kernel's sandbox refuses an operation that is needed: {error}; no input was read, nothing was recorded"
                        ),
                        "check whether the file was replaced at this moment, and start again; if the file system does not work with the sandbox, start with `--sandbox off`",
                    ));
                }
            }
        }
        Ok(())
    }

    fn each(&self, attempt: impl Fn(&Store<Directory>) -> Verdict) -> Verdict {
        all([attempt(&self.stores.events), attempt(&self.stores.snapshots)])
    }

    fn write_elsewhere(&self) -> Verdict {
        all([
            act("opening /dev/null for writing", fs::OpenOptions::new().write(true).open("/dev/null")),
            self.each(|store| act("creating a file without a name", create_unnamed(store.medium()))),
        ])
    }

    /// In the directory reading is allowed, and a file that may be read can be asked for empty. The stores are left alone.
    fn truncate_unnamed(&self) -> Verdict {
        let file = match &self.unnamed {
            Ok(file) => file,
            Err(error) => return Verdict::Untried(format!("no file to truncate: {error}")),
        };
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::TRUNC | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from);
        act("truncating a file without a name", opened)
    }
}

/// Combines the results of several attempts: one that was allowed decides; otherwise one that was refused.
fn all<const N: usize>(verdicts: [Verdict; N]) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::NotRefused(_) => 2,
        Verdict::Refused => 1,
        Verdict::Untried(_) => 0,
    };
    verdicts.into_iter().max_by_key(rank).unwrap_or(Verdict::Untried("there is nothing to try".into()))
}

fn act<T>(what: impl Display, result: io::Result<T>) -> Verdict {
    let Err(error) = result else { return Verdict::NotRefused(what.to_string()) };
    match Errno::from_io_error(&error) {
        Some(Errno::ACCESS | Errno::PERM) => Verdict::Refused,
        // This system has no such file or socket, so Landlock was not asked.
        Some(Errno::NOENT | Errno::OPNOTSUPP | Errno::AFNOSUPPORT | Errno::ISDIR | Errno::INVAL) => {
            Verdict::Untried(format!("{what}: {error}"))
        }
        _ => Verdict::NotRefused(format!("{what} (it failed for another reason: {error})")),
    }
}

fn append(store: &Store<Directory>) -> Verdict {
    let opened = store.medium().open_to_append(store.file());
    act(format_args!("opening {} for appending", store.path().display()), opened)
}

fn create(mount: &Directory) -> Verdict {
    let name = format!(".sandbox-trial-{}", std::process::id());
    let what = format!("creating {}", mount.path(&name).display());
    match mount.create(&name) {
        Ok(_) => match mount.remove(&name) {
            Ok(()) => Verdict::NotRefused(what),
            Err(error) => Verdict::NotRefused(format!("{what}, which cannot be removed again: {error}")),
        },
        Err(error) => act::<()>(what, Err(error)),
    }
}

fn create_unnamed(mount: &Directory) -> io::Result<fs::File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::open(mount.directory(), flags, Mode::from(0o600))?.into())
}

/// Listens on an abstract socket with a free name.
fn listen() -> io::Result<(UnixListener, SocketAddr)> {
    let mut result = Err(io::Error::from(io::ErrorKind::AddrInUse));
    for number in 0..16 {
        let name = format!("dreichor-sandbox-trial-{}-{number}", std::process::id());
        let address = SocketAddr::from_abstract_name(name)?;
        result = UnixListener::bind_addr(&address).map(|listener| (listener, address));
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
            continue;
        }
        break;
    }
    result
}
