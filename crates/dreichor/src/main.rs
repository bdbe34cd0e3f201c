//! The binary: arguments become a command, its result becomes output and an exit code. It alone prints.

mod arguments;
mod commands;
mod input;
mod logging;
mod output;
mod progress;
mod signals;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use output::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.apply();
    signals::ignore_file_size_limit();
    match commands::run(arguments) {
        Ok(code) => ExitCode::from(code),
        // The reader who closed the pipe has what they wanted.
        Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            logging::report_failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
