//! Each command: from its arguments to its result.

mod check;
mod decisions;
mod demo;
mod events;
mod explain;
mod follow;
mod ingest;
mod init;
mod migrate;
mod observe;
mod replay;
mod run;
mod salvage;
mod shell;
mod snapshot;
mod state;
mod status;
mod story;
mod summary;

use clap::ArgMatches;
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::{Arguments, Command};
use crate::output::Failure;
use crate::{logging, settings};

/// Runs the command. `matches` has the settings.
pub(crate) fn run(arguments: Arguments, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let Arguments { command, color } = arguments;
    let is_tool =
        !matches!(command, Command::Run | Command::Observe | Command::Ingest { .. } | Command::Snapshot(_));
    let configure = || {
        let config = Config::new(&|setting| settings::value_of(matches, setting), settings::variables())?;
        logging::start(&config, is_tool);
        settings::warn_of_ignored_variables();
        Ok::<_, Failure>(config)
    };
    match command {
        Command::Completions { shell } => shell::print_completions(shell),
        Command::Man { command } => shell::print_manual(command.as_deref()),
        Command::Demo { dir, steps } => demo::run(dir, steps),
        Command::Init(json) => init::run(&configure()?, json),
        Command::Run => run::run(&configure()?),
        Command::Observe => observe::run(&configure()?),
        Command::Ingest { file, check: true, .. } => check::run(&configure()?, file.as_deref()),
        Command::Ingest { file, acks, .. } => ingest::run(&configure()?, file.as_deref(), acks),
        Command::Status(arguments) => status::run(&configure()?, &arguments),
        Command::Decisions(arguments) => decisions::run(&configure()?, &arguments),
        Command::Summary(arguments) => summary::run(&configure()?, &arguments),
        Command::Snapshot(json) => snapshot::run(&configure()?, json),
        Command::Replay(arguments) => replay::run(&configure()?, &arguments),
        Command::Events(arguments) => events::run(&configure()?, &arguments),
        Command::Explain { id, json } => explain::run(&configure()?, &id, json),
        Command::Salvage { out, json } => salvage::run(&configure()?, &out, json),
        Command::Migrate { action } => migrate::run(&configure()?, matches, color, action),
        Command::State { part, format, point } => state::run(&configure()?, part, format, point),
    }
}
