//! `migrate`: hands over to the program `dreichor-migrate`. It alone has a database driver in it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use dreichor_core::value::Spelled;
use dreichor_runtime::Settings;
use dreichor_runtime::config::{ConfigError, variable};

use super::configure;
use crate::arguments::{Color, MigrateAction};
use crate::output::Failure;

const PROGRAM: &str = "dreichor-migrate";

/// Becomes the other program; comes back only if that fails.
pub(super) fn run(settings: Settings, color: Color, action: MigrateAction) -> Result<u8, Failure> {
    let url = settings.database_url.clone();
    let config = configure(settings)?;
    let Some(url) = url else {
        return Err(fault("--database-url (DREICHOR_DATABASE_URL) names no database, which `migrate` needs"));
    };
    let (name, run) = match action {
        MigrateAction::Status(run) => ("status", run),
        MigrateAction::Apply(run) => ("apply", run),
    };
    let mut arguments: Vec<OsString> = vec![name.into(), "--dir".into(), run.dir.into()];
    arguments.extend(run.json.json.then(|| "--json".into()));
    for (flag, value) in [("--color", color.as_str()), ("--log-format", config.log_format.as_str())] {
        arguments.extend([flag.into(), value.into()]);
    }
    // The arguments of a process are public, its environment is not: the URL may hold a password.
    let hand_over =
        |program: OsString| Command::new(program).args(&arguments).env(variable("database-url"), &url).exec();
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join(PROGRAM)));
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for program in beside.map(OsString::from).into_iter().chain([PROGRAM.into()]) {
        if error.kind() == io::ErrorKind::NotFound {
            error = hand_over(program);
        }
    }
    Err(fault(&format!(
        "`migrate` needs the program {PROGRAM}, beside this one or on the PATH, which cannot be started: {error}; `cargo install --path crates/migrate` installs it"
    )))
}

fn fault(fault: &str) -> Failure {
    ConfigError(vec![fault.to_owned()]).into()
}
