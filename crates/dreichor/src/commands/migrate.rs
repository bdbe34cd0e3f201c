//! `migrate`: executes the program `dreichor-migrate`, which alone has a database driver.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::ArgMatches;
use dreichor_core::value::Spelled;
use dreichor_runtime::config::{ConfigError, SETTINGS};
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::{Color, MigrateAction};
use crate::output::Failure;
use crate::settings;

const PROGRAM: &str = "dreichor-migrate";

/// Replaces this process by the other program; returns only if that fails.
pub(super) fn run(
    config: &Config,
    matches: &ArgMatches,
    color: Color,
    action: MigrateAction,
) -> Result<ExitCode, Failure> {
    let setting = SETTINGS.iter().find(|setting| setting.flag == "database-url");
    let Some((variable, url)) =
        setting.and_then(|setting| Some((setting.variable(), settings::value_of(matches, setting)?)))
    else {
        return Err(fault("--database-url (DREICHOR_DATABASE_URL) names no database, which `migrate` needs"));
    };
    let (name, run) = match action {
        MigrateAction::Status(run) => ("status", run),
        MigrateAction::Apply(run) => ("apply", run),
    };
    let mut arguments: Vec<OsString> = vec![name.into(), "--dir".into(), run.dir.into()];
    arguments.extend(run.json.json.then(|| "--json".into()));
    for (flag, value) in [("--color", color.as_str()), ("--log-format", config.settings.log_format.as_str())]
    {
        arguments.extend([flag.into(), value.into()]);
    }
    // The arguments of a process are public, its environment is not: the URL may hold a password.
    let execute = |program: OsString| Command::new(program).args(&arguments).env(&variable, &url).exec();
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join(PROGRAM)));
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for program in beside.map(OsString::from).into_iter().chain([PROGRAM.into()]) {
        if error.kind() == io::ErrorKind::NotFound {
            error = execute(program);
        }
    }
    Err(fault(&format!(
        "`migrate` needs the program {PROGRAM} in the directory of this program or on the PATH, and it cannot be started: {error}; `cargo install --path crates/migrate` installs it"
    )))
}

fn fault(fault: &str) -> Failure {
    ConfigError(vec![fault.to_owned()]).into()
}
