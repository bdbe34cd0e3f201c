//! The bare loop at a socket: whatever its connections have sent becomes one write and one sync, and then each line is
//! answered.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, poll};

use super::command;

/// Appends the same number of bytes for each line of its connections, and answers each.
#[derive(clap::Args)]
pub(crate) struct Server {
    /// Socket to listen on
    socket: PathBuf,
    /// Bytes to append for each line
    #[arg(long)]
    bytes: usize,
}

impl Server {
    /// Serves until it is stopped.
    pub(super) fn run(self) -> Result<()> {
        let mut events = File::create(self.socket.with_extension("events"))?;
        let listener = UnixListener::bind(&self.socket)?;
        let mut connections: Vec<UnixStream> = Vec::new();
        let answer = [&[b'.'; 163][..], b"\n"].concat();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let mut waits = vec![PollFd::new(&listener, PollFlags::IN)];
            waits.extend(connections.iter().map(|connection| PollFd::new(connection, PollFlags::IN)));
            poll(&mut waits, None)?;
            let ready: Vec<bool> = waits.iter().map(|wait| !wait.revents().is_empty()).collect();
            let mut counts = Vec::new();
            for (connection, _) in connections.iter_mut().zip(&ready[1..]).filter(|(_, is_ready)| **is_ready)
            {
                let count = connection.read(&mut buffer)?;
                let lines = memchr::memchr_iter(b'\n', &buffer[..count]).count();
                counts.push((connection, lines));
            }
            let lines: usize = counts.iter().map(|(_, lines)| lines).sum();
            if lines > 0 {
                events.write_all(&b"e".repeat(lines * self.bytes))?;
                events.sync_data()?;
            }
            for (connection, lines) in counts {
                connection.write_all(&answer.repeat(lines))?;
            }
            if ready[0] {
                connections.push(listener.accept()?.0);
            }
        }
    }
}

/// The command of [`Server`].
pub(crate) fn on(socket: &std::path::Path, bytes: u64) -> Result<Command> {
    let mut command = command()?;
    command.arg("server").arg(socket).arg("--bytes").arg(bytes.to_string());
    Ok(command)
}
