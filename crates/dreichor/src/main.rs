//! The binary: arguments become a command, its result becomes output and an exit code. It alone prints.

mod arguments;
mod commands;
mod examples;
mod input;
mod logging;
mod manager;
mod output;
mod progress;
mod settings;
mod signals;
mod table;
mod trust;

use std::ffi::OsString;
use std::io::Write;
use std::process;

use clap::FromArgMatches;
use clap::error::ErrorKind;
use dreichor_runtime::ExitCode;
use dreichor_streams::Stream;

use arguments::{Arguments, INTRODUCTION};
use output::{Failure, check_open};

fn main() -> process::ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    // The form of errors is known before the command line is parsed, so that its faults have that form, too.
    settings::color(&given).apply();
    logging::expect(settings::log_format(&given));
    let program = arguments::program();
    let given = settings::command_first(&program, given);
    let is_runtime = given.get(1).is_some_and(|command| command == "run" || command == "observe");
    signals::end_at_signal(is_runtime);
    signals::ignore_file_size_limit();
    let parsed = program.try_get_matches_from(given);
    let run = parsed.map_err(unparsed).and_then(|matches| {
        let arguments = Arguments::from_arg_matches(&matches).map_err(unparsed)?;
        commands::run(arguments, &matches)
    });
    let code = match run {
        Ok(code) => code,
        // The reader that closed the pipe has what it wanted.
        Err(Failure::OutputClosed | Failure::Shown) => ExitCode::Done,
        Err(failure) => {
            logging::report_failure(&failure);
            failure.exit_code()
        }
    };
    code.into()
}

/// The failure of a command line that is no command: or help and version, which are printed.
fn unparsed(error: clap::Error) -> Failure {
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let mut out = anstream::stdout();
        let mut print = || -> Result<(), Failure> {
            check_open(&[Stream::Output])?;
            write!(out, "{}", error.render().ansi())?;
            Ok(out.flush()?)
        };
        return print().err().unwrap_or(Failure::Shown);
    }
    let text = error.render().to_string();
    let is_bare = kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_bare && text.starts_with("A deterministic") {
        return Failure::Usage(INTRODUCTION.into());
    }
    Failure::Usage(text.trim_start_matches("error: ").trim_end().to_owned())
}
