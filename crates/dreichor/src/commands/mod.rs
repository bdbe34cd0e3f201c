//! Each command: from its arguments to its result.

mod check;
mod checkpoint;
pub(crate) mod clone;
mod decisions;
mod demo;
mod events;
mod explain;
mod follow;
mod ingest;
mod ingest_check;
mod init;
mod key;
mod listen;
mod migrate;
mod observe;
mod prove;
pub(crate) mod publish;
mod replay;
mod run;
mod salvage;
mod shell;
mod snapshot;
mod state;
mod status;
mod story;
mod summary;
mod verify;
mod whatif;

use clap::ArgMatches;
use dreichor_runtime::{Config, ExitCode};
use dreichor_streams::Stream;

use crate::arguments::{Arguments, Command, VerifyArguments};
use crate::output::{Failure, check_open};
use crate::{input, logging, settings};

/// The streams without which the command would lose what it reads or says. (A reader writes to standard error only if
/// something is wrong, and its exit code says so, too.)
fn streams_of(command: &Command) -> &'static [Stream] {
    match command {
        Command::Run | Command::Observe | Command::Ingest { listen: Some(_), .. } => &[Stream::Error],
        Command::Ingest { file, check: false, .. } if input::is_standard(file.as_deref()) => {
            &[Stream::Input, Stream::Output, Stream::Error]
        }
        // With --every, all that `publish` says is in its log.
        Command::Snapshot(_) | Command::Ingest { check: false, .. } | Command::Publish(_) => {
            &[Stream::Output, Stream::Error]
        }
        Command::Ingest { file, check: true, .. } if input::is_standard(file.as_deref()) => {
            &[Stream::Input, Stream::Output]
        }
        Command::Ingest { .. }
        | Command::Init(_)
        | Command::Status(_)
        | Command::Decisions(_)
        | Command::Summary(_)
        | Command::Whatif(_)
        | Command::Replay(_)
        | Command::Verify(_)
        | Command::Checkpoint(_)
        | Command::Key { .. }
        | Command::Prove { .. }
        | Command::Check(_)
        | Command::Events(_)
        | Command::Explain { .. }
        | Command::State { .. }
        | Command::Salvage { .. }
        | Command::Clone(_)
        | Command::Migrate { .. }
        | Command::Demo { .. }
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Schema { .. } => &[Stream::Output],
    }
}

/// Runs the command. `matches` has the settings.
pub(crate) fn run(arguments: Arguments, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let Arguments { command, color } = arguments;
    check_open(streams_of(&command))?;
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
        Command::Schema { of } => shell::print_schema(of),
        Command::Demo { dir, steps, serve } => demo::run(dir, steps, serve),
        Command::Init(json) => init::run(&configure()?, json),
        Command::Run => run::run(&configure()?),
        Command::Observe => observe::run(&configure()?),
        Command::Ingest { file, check: true, .. } => ingest_check::run(&configure()?, file.as_deref()),
        Command::Ingest { listen: Some(listen), .. } => listen::run(&configure()?, &listen),
        Command::Ingest { file, acks, .. } => ingest::run(&configure()?, file.as_deref(), acks),
        Command::Status(arguments) => status::run(&configure()?, &arguments),
        Command::Decisions(arguments) => decisions::run(&configure()?, &arguments),
        Command::Summary(arguments) => summary::run(&configure()?, &arguments),
        Command::Snapshot(json) => snapshot::run(&configure()?, json),
        Command::Replay(arguments) => replay::run(&configure()?, &arguments),
        Command::Whatif(arguments) => whatif::run(&configure()?, &arguments),
        Command::Verify(VerifyArguments { source: Some(source), trust, json, .. }) => {
            configure().and_then(|_| clone::verify(&source, &trust, json))
        }
        Command::Verify(arguments) => verify::run(&configure()?, &arguments),
        Command::Events(arguments) => events::run(&configure()?, &arguments),
        Command::Explain { id, json } => explain::run(&configure()?, &id, json),
        Command::Checkpoint(arguments) => checkpoint::run(&configure()?, &arguments),
        Command::Key { action } => configure().and_then(|_| key::run(action)),
        Command::Prove { what } => prove::run(&configure()?, &what),
        Command::Check(arguments) => configure().and_then(|_| check::run(&arguments)),
        Command::Salvage { out, json } => salvage::run(&configure()?, &out, json),
        Command::Publish(arguments) => publish::run(&configure()?, &arguments),
        Command::Clone(arguments) => configure().and_then(|_| clone::run(&arguments)),
        Command::Migrate { action } => migrate::run(&configure()?, matches, color, action),
        Command::State { part, format, point } => state::run(&configure()?, part, format, point),
    }
}
