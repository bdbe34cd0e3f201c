//! The database that is meant: host, database and user are named, and nothing of them is guessed.

use std::fmt;
use std::str::FromStr;

use dreichor_runtime::database::DatabaseAddress;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// What else a URL may say.
const PARAMETERS: [&str; 3] = ["application_name", "options", "sslmode"];

/// Where a URL points to. It is shown without its password.
#[derive(Clone)]
pub struct Target {
    name: String,
    options: PgConnectOptions,
}

impl Target {
    /// The target of a URL like `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    ///
    /// What was expected; never the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = |what: String| {
            format!("expected a URL like postgres://user:password@host:5432/database, but {what}")
        };
        // What the startup gate asks of it; and then what only a migration needs.
        let address = DatabaseAddress::parse(text).map_err(|expected| format!("expected {expected}"))?;
        let url = Url::parse(text).map_err(|error| expected(format!("this is none ({error})")))?;
        let database = url.path().trim_start_matches('/');
        if database.contains('/') {
            return Err(expected("the name of the database has `/` in it".into()));
        }
        for (what, value) in [("database", database), ("user", url.username())] {
            if value.is_empty() {
                return Err(expected(format!("it names no {what}")));
            }
        }
        if url.fragment().is_some() {
            return Err(expected("it has a `#` (in a password, write %23)".into()));
        }
        for (parameter, _) in url.query_pairs() {
            if !PARAMETERS.contains(&&*parameter) {
                return Err(expected(format!(
                    "it has a parameter that is none of {} (in a password, write %3F for `?`)",
                    PARAMETERS.join(", ")
                )));
            }
        }
        // The library's own words are not passed on: they may quote what they could not read.
        let options = PgConnectOptions::from_str(text)
            .map_err(|_| expected("a part of it cannot be read: see to %-escapes and sslmode".into()))?;
        match options.get_ssl_mode() {
            PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => {}
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => {
                return Err(
                    "sslmode asks for TLS, which this program does not speak: connect on the server's own machine or by a tunnel, and take sslmode out (or unset PGSSLMODE)"
                        .into(),
                );
            }
        }
        let name = format!("{}@{address}/{database}", url.username());
        let options = options.port(address.port()).ssl_mode(PgSslMode::Disable);
        Ok(Self { name, options })
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        if self.options.get_application_name().is_some() {
            return self.options.clone();
        }
        self.options.clone().application_name("dreichor-migrate")
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
