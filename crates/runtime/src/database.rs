//! The database of a later phase: the start validates its address and connects once. It sends no query.

use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use url::{Host, Url};

/// The time limit of the one connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The database could not be reached.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database cannot be reached: {address}: {source}\nnothing was changed; next: fix it, or unset --database-url, for the database is not used in this phase"
)]
pub struct DatabaseError {
    /// The address, without user and password.
    pub address: DatabaseAddress,
    /// The system's error.
    pub source: io::Error,
}

/// Host and port of a Postgres URL. User and password are not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    host: Host,
    port: u16,
}

impl DatabaseAddress {
    /// Parses the address in a URL like `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    ///
    /// Says what was expected; never shows the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || String::from("a URL like postgres://user:password@host:5432/database");
        let url = Url::parse(text).map_err(|error| format!("{} ({error})", expected()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            // The scheme is not shown: the text before the first colon may be a password.
            return Err(format!("{} (the scheme is another)", expected()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(expected)?;
        let host = Host::parse(host).map_err(|error| format!("{} ({error})", expected()))?;
        // An unescaped `/`, `?` or `#` in a password ends the host early, so that the user was taken for the host. An
        // `@` after the host shows it. The text is searched, since `/../` removes a part of the parsed path.
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

    /// Connects once and closes the connection.
    ///
    /// # Errors
    ///
    /// The name has no address, or nothing accepts the connection within three seconds.
    pub fn check(&self) -> Result<(), DatabaseError> {
        self.connect().map_err(|source| DatabaseError { address: self.clone(), source })
    }

    fn connect(&self) -> io::Result<()> {
        let name = match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let mut addresses = (name.as_str(), self.port).to_socket_addrs()?;
        let address = addresses.next().ok_or_else(|| io::Error::other("the name has no address"))?;
        TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map(drop)
    }
}

/// Returns the part of a URL that follows its host, from the first `/`, `?` or `#` on.
fn behind_host(url: &str) -> String {
    // URL parsers remove tabs and line ends, wherever they are.
    let url: String = url.chars().filter(|letter| !matches!(letter, '\t' | '\r' | '\n')).collect();
    let host = url.split_once("//").map_or("", |(_, host)| host);
    host.find(['/', '?', '#']).and_then(|end| host.get(end..)).unwrap_or_default().to_owned()
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
