//! Settings on the command line and in the environment: which command reads which, and the values that were given.

use std::ffi::{OsStr, OsString};

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, Error};
use dreichor_runtime::config::{self, Group, LogFormat, SETTINGS, Setting};

use crate::arguments::Color;

/// True if the command reads the setting. It takes no other one.
fn reads(command: &str, setting: &Setting) -> bool {
    match command {
        "run" | "ingest" | "snapshot" => true,
        "observe" => {
            let is_of_observer = ["observer-addr", "observer-token-file", "sandbox"].contains(&setting.flag);
            setting.group != Group::Gate || is_of_observer
        }
        "status" => setting.group != Group::Gate || setting.flag == "observer-addr",
        "init" | "decisions" | "summary" | "whatif" | "replay" | "verify" | "events" | "explain"
        | "state" | "salvage" | "checkpoint" | "prove" | "publish" => setting.group != Group::Gate,
        "migrate" => setting.group == Group::Logging || setting.flag == "database-url",
        "demo" | "key" | "check" | "clone" => setting.group == Group::Logging,
        _ => false,
    }
}

/// Adds to each command the settings that it reads.
pub(crate) fn add_to(program: Command) -> Command {
    program.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        let read = SETTINGS.iter().filter(|setting| reads(&name, setting));
        let arguments: Vec<Arg> = read.map(|setting| argument(&name, setting)).collect();
        if arguments.is_empty() {
            return command;
        }
        let quiet = Arg::new("quiet").short('q').long("quiet").help("Log errors only");
        let verbose = Arg::new("verbose").short('v').long("verbose").help("Log each step");
        let levels = [quiet.conflicts_with("verbose"), verbose];
        let levels = levels.map(|level| level.action(ArgAction::SetTrue).global(true).help_heading(HEADING));
        command.args(arguments).args(levels)
    })
}

const HEADING: &str = "Settings";

/// `-h` shows the directory of the stores, and what a command cannot do without; `--help` has every setting.
fn argument(command: &str, setting: &'static Setting) -> Arg {
    let is_needed = setting.flag == "data-dir" || command == "migrate";
    let default = (setting.default)();
    let help = match default.as_str() {
        "unset" | "inactive" => setting.help.to_owned(),
        default => format!("{} [default: {default}]", setting.help),
    };
    Arg::new(setting.flag)
        .long(setting.flag)
        .short(if setting.flag == "data-dir" { Some('d') } else { None })
        .value_name(setting.value_name)
        .help(help)
        .help_heading(HEADING)
        .env(setting.variable())
        .hide_env_values(true)
        .hide_short_help(!is_needed)
        .global(true)
        .overrides_with(setting.flag)
        .value_parser(AnyValue(setting))
}

/// Accepts every value, and lists the known ones for help and completions: the configuration validates all settings at
/// once, so that every fault is reported.
#[derive(Clone)]
struct AnyValue(&'static Setting);

impl TypedValueParser for AnyValue {
    type Value = OsString;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<OsString, Error> {
        Ok(value.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = (self.0.values)();
        if values.is_empty() { None } else { Some(Box::new(values.into_iter().map(PossibleValue::new))) }
    }
}

/// Moves the command's name before all arguments, so that settings may precede or follow it.
pub(crate) fn command_first(
    program: &Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut moved: Vec<OsString> = Vec::new();
    let mut ordered: Vec<OsString> = arguments.next().into_iter().collect();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        // Clap adds `help` when it parses, which is later.
        if text == "help" || program.find_subcommand(text.as_ref()).is_some() {
            ordered.push(argument);
            break;
        }
        let takes_value = text.starts_with('-') && !text.contains('=') && takes_value(program, &text);
        moved.push(argument);
        if takes_value {
            moved.extend(arguments.next());
        }
    }
    ordered.extend(moved);
    ordered.extend(arguments);
    ordered
}

/// True if an option of any command with this spelling takes a value.
fn takes_value(program: &Command, option: &str) -> bool {
    let is_it = |argument: &&Arg| {
        argument.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long))
            || argument.get_short().is_some_and(|short| option.strip_prefix('-') == Some(&*short.to_string()))
    };
    let arguments = program.get_arguments().chain(program.get_subcommands().flat_map(Command::get_arguments));
    arguments.filter(is_it).any(|argument| argument.get_action().takes_values())
}

/// The value that was given for a setting: by its flag, else by its variable, unless that is empty.
pub(crate) fn value_of(matches: &ArgMatches, setting: &Setting) -> Option<OsString> {
    let (command, matches) = matches.subcommand()?;
    if !reads(command, setting) {
        return None;
    }
    let is_of_flag = matches.value_source(setting.flag) == Some(clap::parser::ValueSource::CommandLine);
    let value = matches.get_one::<OsString>(setting.flag).filter(|value| is_of_flag || !value.is_empty());
    let level = |name: &str| matches.get_flag(name);
    match value {
        Some(value) => Some(value.clone()),
        None if setting.flag == "log-level" && level("verbose") => Some("debug".into()),
        None if setting.flag == "log-level" && level("quiet") => Some("error".into()),
        None => None,
    }
}

/// The value of an option on a command line that is not parsed yet.
fn early<'a>(given: &'a [OsString], option: &str) -> Option<&'a str> {
    let mut given = given.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = given.next() {
        match argument.strip_prefix(option) {
            Some("") => return given.next(),
            Some(value) if value.starts_with('=') => return value.get(1..),
            Some(_) | None => {}
        }
    }
    None
}

/// The format of the failure that ends the process.
pub(crate) fn log_format(given: &[OsString]) -> LogFormat {
    let variable = std::env::var("DREICHOR_LOG_FORMAT").ok();
    match early(given, "--log-format").or(variable.as_deref()) {
        Some("json") => LogFormat::Json,
        Some(_) | None => LogFormat::Text,
    }
}

/// When to use colors.
pub(crate) fn color(given: &[OsString]) -> Color {
    match early(given, "--color") {
        Some("always") => Color::Always,
        Some("never") => Color::Never,
        Some(_) | None => Color::Auto,
    }
}

/// The names of the environment's variables.
pub(crate) fn variables() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name)
}

/// Logs a warning for each variable that looks like a setting and is one of a service.
pub(crate) fn warn_of_ignored_variables() {
    let names = variables().map(|name| name.to_string_lossy().into_owned());
    let mut ignored: Vec<String> = names.filter(|name| config::is_of_a_service(name)).collect();
    ignored.sort();
    if !ignored.is_empty() {
        tracing::warn!(
            variables = ignored.join(" "),
            "ignored variables: they describe a service, not a setting"
        );
    }
}
