//! Words to the service manager (`sd_notify(3)`).

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The service manager; none, if nobody asked to be notified.
pub(crate) struct Manager(Option<UnixDatagram>);

impl Manager {
    /// Connects to the socket that `NOTIFY_SOCKET` names: before the sandbox, which forbids it.
    pub(crate) fn connect() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Self(None) };
        let connect = || {
            let address = match name.as_bytes() {
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
                _ => SocketAddr::from_pathname(&name)?,
            };
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&address)?;
            // A manager that does not read must not stop the work.
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let connected: io::Result<UnixDatagram> = connect();
        if let Err(error) = &connected {
            tracing::warn!("NOTIFY_SOCKET: the service manager cannot be notified: {error}");
        }
        Self(connected.ok())
    }

    /// Sends assignments, one a line.
    pub(crate) fn tell(&self, assignments: &str) {
        let Some(socket) = &self.0 else { return };
        if let Err(error) = socket.send(assignments.as_bytes()) {
            tracing::warn!("the service manager could not be notified: {error}");
        }
    }
}
