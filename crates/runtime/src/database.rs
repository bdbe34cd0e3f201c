//! The database of a later phase: its address is checked, and that it answers. Nothing is asked of it.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use dreichor_replay::Error;
use url::{Host, Url};

/// How long the one connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Host and port of a Postgres URL. User and password are not even kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    host: Host,
    port: u16,
}

impl DatabaseAddress {
    /// The address in a URL like `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    ///
    /// What was expected; never the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || String::from("a URL like postgres://user:password@host:5432/database");
        let url = Url::parse(text).map_err(|error| format!("{} ({error})", expected()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            // The scheme is not shown: what stands before the first colon may be a password.
            return Err(format!("{} (the scheme is another)", expected()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(expected)?;
        let host = Host::parse(host).map_err(|error| format!("{} ({error})", expected()))?;
        // The host ends where a password's `/`, `?` or `#` stands: then user and password were taken for it. That
        // shows in the text alone: of the parsed path, `/../` has removed what stood before it.
        if behind_host(text).contains('@') {
            return Err(format!(
                "{} (in user and password, write %2F for `/`, %3F for `?`, %23 for `#`; behind the host, write %40 for `@`)",
                expected()
            ));
        }
        Ok(Self { host, port: url.port().unwrap_or(5432) })
    }

    /// The port; 5432 if the URL names none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Connects once, and hangs up.
    pub fn check(&self) -> Result<(), Error> {
        let fail = |problem: String| Error::Database { problem: format!("{self}: {problem}") };
        let name = match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let mut addresses =
            (name.as_str(), self.port).to_socket_addrs().map_err(|error| fail(error.to_string()))?;
        let address = addresses.next().ok_or_else(|| fail("the name has no address".into()))?;
        TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
            .map(drop)
            .map_err(|error| fail(error.to_string()))
    }
}

/// What stands behind the host of a URL that has one, from the first `/`, `?` or `#` on.
fn behind_host(url: &str) -> String {
    // Tabs and line ends are no part of a URL, wherever they stand.
    let url: String = url.chars().filter(|letter| !matches!(letter, '\t' | '\r' | '\n')).collect();
    let host = url.split_once("//").map_or("", |(_, host)| host);
    host.find(['/', '?', '#']).and_then(|end| host.get(end..)).unwrap_or_default().to_owned()
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
