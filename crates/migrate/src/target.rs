//! The database that is meant: host, database and user are named, and nothing of them is guessed.

use std::fmt;
use std::str::FromStr;

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
        let url = Url::parse(text).map_err(|error| expected(format!("this is none ({error})")))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(expected(format!("the scheme is {:?}", url.scheme())));
        }
        let host = url.host_str().filter(|host| !host.is_empty() && !host.contains('%'));
        let host = host.ok_or_else(|| expected("it names no host".into()))?;
        let database = url.path().trim_start_matches('/');
        if database.contains(['@', '/']) {
            return Err(expected(
                "the name of the database has `@` or `/` in it (in a password, write %2F for `/`)".into(),
            ));
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
        let port = url.port().unwrap_or(5432);
        let name = format!("{}@{host}:{port}/{database}", url.username());
        let options = options.port(port).ssl_mode(PgSslMode::Disable);
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
