//! Each command: from its arguments to its result.

mod demo;
mod events;
mod explain;
mod ingest;
mod init;
mod migrate;
mod replay;
mod run;
mod salvage;
mod shell;
mod snapshot;
mod state;
mod story;

use dreichor_runtime::{Config, Settings};

use crate::arguments::{Arguments, Command};
use crate::logging;
use crate::output::Failure;

/// Runs the command; its exit code.
pub(crate) fn run(arguments: Arguments) -> Result<u8, Failure> {
    let Arguments { command, settings, color } = arguments;
    match command {
        Command::Completions { shell } => shell::print_completions(shell),
        Command::Man { command } => shell::print_manual(command.as_deref()),
        Command::Demo { dir, steps } => demo::run(dir, steps),
        Command::Init(json) => init::run(&configure(settings.into())?, json),
        Command::Run => run::run(&configure(settings.into())?),
        Command::Ingest { file } => ingest::run(&configure(settings.into())?, file.as_deref()),
        Command::Snapshot(json) => snapshot::run(&configure(settings.into())?, json),
        Command::Replay(json) => replay::run(&configure(settings.into())?, json),
        Command::Events(arguments) => events::run(&configure(settings.into())?, &arguments),
        Command::Explain { id, json } => explain::run(&configure(settings.into())?, id, json),
        Command::Salvage { out, json } => salvage::run(&configure(settings.into())?, &out, json),
        Command::Migrate { action } => migrate::run(settings.into(), color, action),
        Command::State { part, format } => state::run(&configure(settings.into())?, part, format),
    }
}

fn configure(settings: Settings) -> Result<Config, Failure> {
    let config = Config::new(settings, std::env::vars_os().map(|(name, _)| name))?;
    logging::start(&config);
    Ok(config)
}
