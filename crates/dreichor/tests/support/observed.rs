//! A runtime whose Observer serves.

use std::net::{SocketAddr, TcpStream};

use super::http::{self, Answer};
use super::{Bench, Running};

/// A runtime that is ready, and serves.
pub(crate) struct Observed {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

impl Bench {
    /// Starts `run` on these stores, and waits until it is ready.
    pub(crate) fn observe(&self, arguments: &[&str]) -> Observed {
        Observed::when_ready(self.start(&[&["run", "--log-format", "json"], arguments].concat()))
    }
}

impl Observed {
    /// Waits until a runtime, whose log is JSON, is ready.
    pub(crate) fn when_ready(running: Running) -> Self {
        Self::when_it_says(running, "READY")
    }

    /// Waits until a process, whose log is JSON, has said this, and with it or before where it serves.
    pub(crate) fn when_it_says(mut running: Running, text: &str) -> Self {
        running.wait_until_it_says(text);
        let log = super::json_lines(running.told().as_bytes());
        let address = log.iter().find_map(|line| line["addr"].as_str()).unwrap().parse().unwrap();
        Self { running, address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        http::connect(self.address)
    }

    /// Asks for a path by GET.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Asks by one request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        http::ask(self.address, method, path, headers)
    }

    /// Sends these bytes, and reads all that comes back until the server closes the connection.
    pub(crate) fn send(&self, bytes: &[u8]) -> Vec<u8> {
        http::send(self.address, bytes)
    }

    /// All paths that the API describes, filled in: with these parameters they have an answer.
    pub(crate) fn paths(&self, headers: &[&str]) -> Vec<String> {
        http::paths(&self.ask("GET", "/openapi.json", headers).expect(200).json())
    }
}
