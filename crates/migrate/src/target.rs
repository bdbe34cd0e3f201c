//! The database to migrate: its URL names host or socket, user and database.

use std::fmt;
use std::str::FromStr;

use dreichor_runtime::database::DatabaseAddress;
use sqlx::postgres::PgConnectOptions;
use url::{Host, Url};

/// The parameters that a URL may have after `?`.
const PARAMETERS: [&str; 9] =
    ["application_name", "host", "options", "port", "sslcert", "sslkey", "sslmode", "sslrootcert", "user"];

/// A database, as a URL names it. It is shown without its password.
#[derive(Clone)]
pub struct Target {
    name: String,
    options: PgConnectOptions,
}

impl Target {
    /// Parses a URL like `postgres://user:password@host:port/database`, or
    /// `postgres:///database?host=/run/postgresql&user=name` for a Unix socket.
    ///
    /// # Errors
    ///
    /// Says what was expected; never shows the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let address = DatabaseAddress::parse(text).map_err(|expected| format!("expected {expected}"))?;
        let expected = |what: &str| {
            format!("expected a URL like postgres://user:password@host:5432/database, but {what}")
        };
        let mut url = Url::parse(text).map_err(|error| expected(&error.to_string()))?;
        if url.fragment().is_some() {
            return Err(expected("it has a `#` (in a password, write %23)"));
        }
        if url.query_pairs().any(|(name, _)| !PARAMETERS.contains(&&*name)) {
            return Err(expected(&format!(
                "it has a parameter that is none of {} (in a password, write %3F for `?`)",
                PARAMETERS.join(", ")
            )));
        }
        // sqlx keeps the brackets of an IPv6 address and would look them up as a name.
        if let Some(Ok(Host::Ipv6(ip))) = url.host_str().map(Host::parse) {
            url.query_pairs_mut().append_pair("hostaddr", &ip.to_string());
        }
        let user = url.query_pairs().find(|(name, _)| name == "user").map(|(_, user)| user.into_owned());
        let user = user.unwrap_or_else(|| url.username().to_owned());
        let database = url.path().trim_start_matches('/');
        for (what, value) in [("user", user.as_str()), ("database", database)] {
            if value.is_empty() {
                return Err(expected(&format!("it names no {what}")));
            }
        }
        // The words of sqlx are not shown: they may quote a part of the URL.
        let options = PgConnectOptions::from_str(url.as_str())
            .map_err(|_| expected("a part of it cannot be read: check the %-escapes, port and sslmode"))?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("dreichor-migrate"),
        };
        Ok(Self { name: format!("{user}@{address}/{database}"), options })
    }

    pub(crate) const fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}
