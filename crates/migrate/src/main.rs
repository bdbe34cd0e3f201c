//! The program `dreichor-migrate`: shows or applies migrations, and prints the result.
//!
//! `dreichor migrate` executes it, and passes the URL in the environment.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dreichor_migrate::runner::{self, Step};
use dreichor_migrate::{Entry, Error, State, Target};
use dreichor_runtime::ExitCode;
use dreichor_streams::Stream;
use serde::Serialize;
use sqlx::migrate::Migrator;

/// The Postgres migration runner of Dreichor; `dreichor migrate` executes it
#[derive(Debug, Parser)]
#[command(name = "dreichor-migrate", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Postgres URL; the password may also be in PGPASSWORD or ~/.pgpass
    #[arg(long, env = "DREICHOR_DATABASE_URL", global = true, value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// When to use colors
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// Format of the error that ends the program
    #[arg(long, env = "DREICHOR_LOG_FORMAT", global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show each migration, applied or pending; writes nothing
    Status(Run),
    /// Apply every pending migration, in order, each in one transaction with its record
    Apply(Run),
}

#[derive(Debug, Args)]
struct Run {
    /// Directory of the migrations, files named NNN_name.sql
    #[arg(long, default_value = "migrations/")]
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// For machines: one JSON object
    Json,
}

fn main() -> process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return end_unparsed(&error).into(),
    };
    match arguments.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
    if Stream::Output.was_closed() {
        let problem = "standard output is closed\nnothing was changed; next: open it, or say that it does not matter: `>/dev/null`";
        return report(ExitCode::Undelivered, problem, arguments.log_format).into();
    }
    let mut printer = Printer { failed: None };
    let ended = match &arguments.command {
        Command::Status(run) => show_status(&arguments, run, &mut printer),
        Command::Apply(run) => apply(&arguments, run, &mut printer),
    };
    let code = match (ended, printer.failed) {
        (Err(error), _) => report(exit_code(&error), &error.to_string(), arguments.log_format),
        (Ok(()), Some(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            let problem = format!(
                "the result could not be printed: {error}\nnext: check standard output, then `dreichor migrate status`"
            );
            report(ExitCode::Undelivered, &problem, arguments.log_format)
        }
        (Ok(()), _) => ExitCode::Done,
    };
    code.into()
}

/// Prints help, the version, or what is wrong with the command line.
fn end_unparsed(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // If this cannot be written, the exit code still says it.
        let _ = error.print();
        return ExitCode::Usage;
    }
    let is_printed = !Stream::Output.was_closed() && error.print().is_ok();
    if is_printed { ExitCode::Done } else { ExitCode::Undelivered }
}

const fn exit_code(error: &Error) -> ExitCode {
    match error {
        Error::Usage(_) => ExitCode::Usage,
        Error::Internal(_) => ExitCode::Internal,
        Error::Database { .. }
        | Error::Busy { .. }
        | Error::Contradiction { .. }
        | Error::Migration { .. } => ExitCode::Database,
    }
}

/// Parses the URL and reads the migrations; the error names every fault of both.
fn prepare(arguments: &Arguments, dir: &Path) -> Result<(Target, Migrator), Error> {
    let url = arguments.database_url.as_deref().filter(|url| !url.is_empty());
    let target = url
        .ok_or_else(|| "a database must be named".to_owned())
        .and_then(Target::parse)
        .map_err(|fault| format!("--database-url (DREICHOR_DATABASE_URL): {fault}"));
    match (target, runner::read(dir)) {
        (Ok(target), migrator) => Ok((target, migrator?)),
        (Err(fault), Err(Error::Usage(mut faults))) => {
            faults.insert(0, fault);
            Err(Error::Usage(faults))
        }
        (Err(fault), _) => Err(Error::Usage(vec![fault])),
    }
}

fn show_status(arguments: &Arguments, run: &Run, printer: &mut Printer) -> Result<(), Error> {
    let (target, migrator) = prepare(arguments, &run.dir)?;
    let entries = runner::status(&target, &migrator)?;
    printer.print(&if run.json {
        json(&Status { database: target.to_string(), migrations: &entries })
    } else {
        status_text(&target, &entries)
    });
    runner::refuse_contradictions(&target, &entries)
}

fn apply(arguments: &Arguments, run: &Run, printer: &mut Printer) -> Result<(), Error> {
    let (target, migrator) = prepare(arguments, &run.dir)?;
    let applied = runner::apply(&target, &migrator, &run.dir, |entry, step| match step {
        Step::Begins if io::stderr().is_terminal() => {
            // The result is printed anyway, so a failure here loses nothing.
            let _ = writeln!(anstream::stderr(), "applying {entry} …");
        }
        Step::Begins => {}
        Step::Applied if run.json => {
            printer.print(&json(&Entry { state: State::Applied, ..entry.clone() }));
        }
        Step::Applied => printer.print(&format!("applied {entry}")),
    })?;
    if applied == 0 && !run.json {
        printer.print(&format!("{target}: no migration is pending"));
    }
    Ok(())
}

fn status_text(target: &Target, entries: &[Entry]) -> String {
    let count = |state: State| entries.iter().filter(|entry| entry.state == state).count();
    let (applied, pending) = (count(State::Applied), count(State::Pending));
    let contradictory = match entries.len() - applied - pending {
        0 => String::new(),
        others => format!(", {others} in contradiction"),
    };
    let line = |entry: &Entry| format!("\n{:<10}  {entry}", entry.state.as_str());
    let lines: String = entries.iter().map(line).collect();
    format!("{target}: {applied} applied, {pending} pending{contradictory}{lines}")
}

fn json(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(json) => json,
        Err(error) => unreachable!("plain data is JSON: {error}"),
    }
}

#[derive(Serialize)]
struct Status<'a> {
    database: String,
    migrations: &'a [Entry],
}

/// Prints results. A reader that goes away must not stop the migrations: the first failure is kept for the end.
struct Printer {
    failed: Option<io::Error>,
}

impl Printer {
    fn print(&mut self, line: &str) {
        if self.failed.is_none() {
            let mut out = io::stdout().lock();
            self.failed = writeln!(out, "{line}").and_then(|()| out.flush()).err();
        }
    }
}

fn report(code: ExitCode, message: &str, format: LogFormat) -> ExitCode {
    let mut err = anstream::stderr();
    // If this cannot be written, the exit code still says it.
    let _ = match format {
        LogFormat::Text => writeln!(err, "\u{1b}[1;31merror\u{1b}[0m: {message}"),
        LogFormat::Json => {
            let line = serde_json::json!({"level": "ERROR", "message": message, "exitCode": code.number()});
            writeln!(err, "{line}")
        }
    };
    code
}
