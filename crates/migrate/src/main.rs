//! The program `dreichor-migrate`: arguments become a look at the database or a run. It alone prints.
//!
//! `dreichor migrate` starts it in its own place, and hands over the URL by the environment.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dreichor_core::canonical::write_string;
use dreichor_migrate::runner::{self, Watch};
use dreichor_migrate::{Entry, Error, Migration, State, Target, folder};

/// The Postgres migration runner of Dreichor; `dreichor migrate` starts it
#[derive(Debug, Parser)]
#[command(name = "dreichor-migrate", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Postgres URL; its password may stand in PGPASSWORD or ~/.pgpass
    #[arg(long, env = "DREICHOR_DATABASE_URL", global = true, value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// When to color what is shown
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// The error that ends the program as text or JSON
    #[arg(long, env = "DREICHOR_LOG_FORMAT", global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show each migration, applied or pending; writes nothing
    Status(Run),
    /// Apply every pending migration, in order, each in one transaction
    Apply(Run),
}

#[derive(Debug, Args)]
struct Run {
    /// The directory of the migrations, files named NNN_name.sql
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

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
    let (ended, printed) = run(&arguments);
    if let Err(error) = ended {
        return report(error.exit_code(), &error.to_string(), arguments.log_format);
    }
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        // Who closed the pipe has what they wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let problem = format!(
                "what was done could not be printed: {error}\nnext: see to where standard output goes, then `dreichor migrate status`"
            );
            report(14, &problem, arguments.log_format)
        }
    }
}

/// How the work ended, and whether it could be printed.
fn run(arguments: &Arguments) -> (Result<(), Error>, io::Result<()>) {
    match &arguments.command {
        Command::Status(run) => match prepare(arguments, run) {
            Ok((target, migrations)) => show_status(&target, &migrations, run),
            Err(error) => (Err(error), Ok(())),
        },
        Command::Apply(run) => {
            let mut printer = Printer { json: run.json, printed: Ok(()) };
            let ended = prepare(arguments, run).and_then(|(target, migrations)| {
                let count = runner::apply(&target, &migrations, &mut printer)?;
                if count == 0 && !run.json {
                    let all = migrations.len();
                    printer
                        .print(&format!("{target}: nothing to apply, of {all} migrations none is pending"));
                }
                Ok(())
            });
            (ended, printer.printed)
        }
    }
}

/// The database and the migrations that are meant, or everything that is wrong with them.
fn prepare(arguments: &Arguments, run: &Run) -> Result<(Target, Vec<Migration>), Error> {
    let url = arguments.database_url.as_deref().ok_or_else(|| "a database must be named".to_owned());
    let target = url
        .and_then(Target::parse)
        .map_err(|fault| vec![format!("--database-url (DREICHOR_DATABASE_URL): {fault}")]);
    match (target, folder::read(&run.dir)) {
        (Ok(target), migrations) => Ok((target, migrations?)),
        (Err(mut faults), Err(Error::Configuration(more))) => {
            faults.extend(more);
            Err(Error::Configuration(faults))
        }
        (Err(faults), Ok(_) | Err(_)) => Err(Error::Configuration(faults)),
    }
}

fn show_status(target: &Target, migrations: &[Migration], run: &Run) -> (Result<(), Error>, io::Result<()>) {
    let entries = match runner::status(target, migrations) {
        Ok(entries) => entries,
        Err(error) => return (Err(error), Ok(())),
    };
    let printed =
        print_line(&if run.json { status_json(target, &entries) } else { status_text(target, &entries) });
    (runner::refuse_contradictions(target, &entries), printed)
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

fn status_json(target: &Target, entries: &[Entry]) -> String {
    let mut json = b"{\"database\":".to_vec();
    write_string(&mut json, &target.to_string());
    json.extend(b",\"migrations\":[");
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        put_entry(&mut json, entry.number, &entry.name, entry.state);
    }
    json.extend(b"]}");
    String::from_utf8_lossy(&json).into_owned()
}

fn put_entry(json: &mut Vec<u8>, number: i64, name: &str, state: State) {
    json.extend(format!("{{\"number\":{number},\"name\":").bytes());
    write_string(json, name);
    json.extend(format!(",\"state\":\"{}\"}}", state.as_str()).bytes());
}

/// Prints each migration that was applied. A reader that goes away must not stop the rest: the first failure to
/// print is kept for the end.
struct Printer {
    json: bool,
    printed: io::Result<()>,
}

impl Printer {
    fn print(&mut self, line: &str) {
        if self.printed.is_ok() {
            self.printed = print_line(line);
        }
    }
}

impl Watch for Printer {
    fn begins(&mut self, migration: &Migration) {
        if io::stderr().is_terminal() {
            // Who does not read this is told the result all the same.
            let _ = writeln!(anstream::stderr(), "applying {:03} {} …", migration.number(), migration.name());
        }
    }

    fn applied(&mut self, migration: &Migration) {
        let (number, name) = (migration.number(), migration.name());
        if self.json {
            let mut json = Vec::new();
            put_entry(&mut json, number, name, State::Applied);
            self.print(&String::from_utf8_lossy(&json));
        } else {
            self.print(&format!("applied {number:03} {name}"));
        }
    }
}

fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn report(exit_code: u8, message: &str, format: LogFormat) -> ExitCode {
    let mut err = anstream::stderr();
    // There is nobody left to tell if this fails; the exit code still says it.
    let _ = match format {
        LogFormat::Text => writeln!(err, "\u{1b}[1;31merror\u{1b}[0m: {message}"),
        LogFormat::Json => {
            let mut json = b"{\"level\":\"ERROR\",\"message\":".to_vec();
            write_string(&mut json, message);
            writeln!(err, "{},\"exit_code\":{exit_code}}}", String::from_utf8_lossy(&json))
        }
    };
    ExitCode::from(exit_code)
}
