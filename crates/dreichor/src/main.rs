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
        // Who closed the pipe has what they wanted.
        Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            logging::report(
                14,
                &format!("the result could not be printed: {error}\nnext: see to where standard output goes"),
            );
            ExitCode::from(14)
        }
        Err(Failure::NotFound(message)) => {
            logging::report(2, &message);
            ExitCode::from(2)
        }
        Err(Failure::Command(error)) => {
            logging::report_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
