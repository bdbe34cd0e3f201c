//! The binary: arguments become a command, its result becomes output and an exit code. It alone prints.

mod arguments;
mod commands;
mod input;
mod logging;
mod output;
mod progress;
mod settings;
mod signals;
mod table;

use std::process;

use clap::FromArgMatches;
use dreichor_runtime::ExitCode;

use arguments::Arguments;
use output::Failure;

fn main() -> process::ExitCode {
    let program = arguments::program();
    let given = settings::command_first(&program, std::env::args_os());
    let matches = program.get_matches_from(given);
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    arguments.color.apply();
    signals::ignore_file_size_limit();
    let code = match commands::run(arguments, &matches) {
        Ok(code) => code,
        // The reader that closed the pipe has what it wanted.
        Err(Failure::OutputClosed) => ExitCode::Done,
        Err(failure) => {
            logging::report_failure(&failure);
            failure.exit_code()
        }
    };
    code.into()
}
