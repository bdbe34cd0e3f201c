//! The database of a later phase: the start validates its address and connects once. It sends no query.

use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use url::{Host, Url};

/// The port of a server whose URL names none.
const DEFAULT_PORT: u16 = 5432;

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

/// The address in a Postgres URL. User and password are not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseAddress {
    /// A host and its port; 5432 if the URL names none.
    Tcp(Host, u16),
    /// A Unix socket.
    Socket(PathBuf),
}

impl DatabaseAddress {
    /// Parses the address in a URL like `postgres://user:password@host:port/database`. The directory of a Unix socket
    /// is the host, as `%2Frun%2Fpostgresql`, or the parameter `host` of a URL without one.
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
        // An unescaped `/`, `?` or `#` in a password ends the host early, so that the user was taken for the host. An
        // `@` after the host shows it. The text is searched, since `/../` removes a part of the parsed path.
        if after_host(text).contains('@') {
            return Err(format!(
                "{} (in user and password, write %2F for `/`, %3F for `?`, %23 for `#`; after the host, write %40 for `@`)",
                expected()
            ));
        }
        let parameter =
            |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value);
        let port = match (url.port(), parameter("port")) {
            (Some(port), None) => port,
            (None, Some(port)) => port.parse().map_err(|_| expected())?,
            (None, None) => DEFAULT_PORT,
            (Some(_), Some(_)) => return Err(format!("{} (it names two ports)", expected())),
        };
        let socket = |directory: &str| Self::Socket(Path::new(directory).join(format!(".s.PGSQL.{port}")));
        match (url.host_str().filter(|host| !host.is_empty()), parameter("host")) {
            (Some(host), None) => {
                let decoded = percent_encoding::percent_decode_str(host).decode_utf8_lossy();
                if decoded.starts_with('/') {
                    return Ok(socket(&decoded));
                }
                let host = Host::parse(host).map_err(|error| format!("{} ({error})", expected()))?;
                Ok(Self::Tcp(host, port))
            }
            (None, Some(directory)) if directory.starts_with('/') => Ok(socket(&directory)),
            (None, _) => Err(expected()),
            (Some(_), Some(_)) => Err(format!("{} (it names two hosts)", expected())),
        }
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
        let (host, port) = match self {
            Self::Tcp(host, port) => (host, *port),
            Self::Socket(path) => return connect_socket(path),
        };
        let name = match host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let mut addresses = (name.as_str(), port).to_socket_addrs()?;
        let address = addresses.next().ok_or_else(|| io::Error::other("the name has no address"))?;
        TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map(drop)
    }
}

/// Connects to a Unix socket. A server whose queue is full is refused at once instead of waited for.
fn connect_socket(path: &Path) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok(rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?)
}

/// Returns the part of a URL that follows its host, from the first `/`, `?` or `#` on.
fn after_host(url: &str) -> String {
    // URL parsers remove tabs and line ends, wherever they are.
    let url: String = url.chars().filter(|letter| !matches!(letter, '\t' | '\r' | '\n')).collect();
    let host = url.split_once("//").map_or("", |(_, host)| host);
    host.find(['/', '?', '#']).and_then(|end| host.get(end..)).unwrap_or_default().to_owned()
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(path) => f.write_str(&path.to_string_lossy()),
        }
    }
}
