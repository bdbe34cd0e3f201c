//! Configuration: read once, validated whole, frozen, logged in full.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use dreichor_core::tick::{Policy, SafetyMode};
use dreichor_core::value::{Form, INTEGER_MAX, Spelled};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::database::DatabaseAddress;
use crate::snapshots::SnapshotStrategy;

/// The values of flags and variables, not validated yet; none where neither was given.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `--data-dir`
    pub data_dir: Option<OsString>,
    /// `--audit-events-dir`
    pub audit_events_dir: Option<OsString>,
    /// `--snapshots-dir`
    pub snapshots_dir: Option<OsString>,
    /// `--execution-plane`
    pub execution_plane: Option<String>,
    /// `--safety-mode`
    pub safety_mode: Option<String>,
    /// `--snapshot-strategy`
    pub snapshot_strategy: Option<String>,
    /// `--database-url`
    pub database_url: Option<String>,
    /// `--observer-addr`
    pub observer_addr: Option<String>,
    /// `--observer-token-file`
    pub observer_token_file: Option<OsString>,
    /// `--sandbox`
    pub sandbox: Option<String>,
    /// `--logical-step-max`
    pub logical_step_max: Option<String>,
    /// `--log-format`
    pub log_format: Option<String>,
    /// `--log-level`
    pub log_level: Option<String>,
}

/// The flags that have a variable, in the order of the documentation.
pub const FLAGS: [&str; 13] = [
    "data-dir",
    "audit-events-dir",
    "snapshots-dir",
    "execution-plane",
    "safety-mode",
    "snapshot-strategy",
    "database-url",
    "observer-addr",
    "observer-token-file",
    "sandbox",
    "logical-step-max",
    "log-format",
    "log-level",
];

/// The prefix of every variable of this program.
const VARIABLE_PREFIX: &str = "DREICHOR_";

/// The default data directory, and the names of the two directories in it.
const DATA_DIR: &str = "/var/lib/dreichor";
const AUDIT_EVENTS: &str = "audit-events";
const SNAPSHOTS: &str = "snapshots";

/// The valid configuration of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The audit-events directory.
    pub audit_events_dir: PathBuf,
    /// The snapshots directory.
    pub snapshots_dir: PathBuf,
    /// Safety mode and limit of the logical step.
    pub policy: Policy,
    /// When snapshots are taken.
    pub snapshot_strategy: SnapshotStrategy,
    /// The database's address; none: no database is checked.
    pub database: Option<DatabaseAddress>,
    /// The Observer's listening address; none: the Observer is off.
    pub observer_addr: Option<SocketAddr>,
    /// The file with the Observer's bearer token.
    pub observer_token_file: Option<PathBuf>,
    /// How much of the sandbox must be enforced.
    pub sandbox: Sandbox,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The least severe level that is logged.
    pub log_level: LogLevel,
}

/// How much of the sandbox the kernel must enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Sandbox {
    /// All promises that this kernel can enforce; the others are logged as a warning.
    Auto,
    /// All promises; otherwise the process does not start.
    Require,
    /// No promise.
    Off,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum LogFormat {
    /// One line of text each, for people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// The severity of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum LogLevel {
    /// The process ends, or bytes were cut off.
    Error,
    /// An operator should check this.
    Warn,
    /// Each step of normal work.
    Info,
    /// Details of each step.
    Debug,
}

impl Spelled for Sandbox {}
impl Spelled for LogFormat {}
impl Spelled for LogLevel {}

/// The configuration is invalid. Lists every fault, not only the first.
#[derive(Debug)]
pub struct ConfigError(pub Vec<String>);

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(faults) = self;
        let plural = if faults.len() == 1 { "" } else { "s" };
        write!(f, "the configuration has {} fault{plural}:", faults.len())?;
        faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
        write!(f, "\nnothing was changed; next: fix them all, see `dreichor help`")
    }
}

impl Config {
    /// Validates `settings` and the names of all environment `variables`.
    ///
    /// # Errors
    ///
    /// Lists every fault, not only the first.
    pub fn new(
        settings: Settings,
        variables: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, ConfigError> {
        let mut faults = unknown_variables(variables);
        let faults_ref = &mut faults;
        let data_dir = directory("data-dir", settings.data_dir, faults_ref);
        let mount = |name: &str, own: Option<PathBuf>| {
            let default = || Path::new(DATA_DIR).join(name);
            own.unwrap_or_else(|| data_dir.as_ref().map_or_else(default, |data_dir| data_dir.join(name)))
        };
        let audit_events_dir =
            mount(AUDIT_EVENTS, directory("audit-events-dir", settings.audit_events_dir, faults_ref));
        let snapshots_dir = mount(SNAPSHOTS, directory("snapshots-dir", settings.snapshots_dir, faults_ref));
        choose("execution-plane", settings.execution_plane, (), faults_ref, execution_plane);
        let safety_mode =
            choose("safety-mode", settings.safety_mode, SafetyMode::Normal, faults_ref, safety_mode);
        let snapshot_strategy = choose(
            "snapshot-strategy",
            settings.snapshot_strategy,
            SnapshotStrategy::OnLedgerUpdate,
            faults_ref,
            SnapshotStrategy::parse,
        );
        let database = choose("database-url", settings.database_url.map(Secret), None, faults_ref, |url| {
            DatabaseAddress::parse(url).map(Some)
        });
        let loopback = Some(SocketAddr::from(([127, 0, 0, 1], 4710)));
        let observer_addr =
            choose("observer-addr", settings.observer_addr, loopback, faults_ref, observer_addr);
        let observer_token_file = directory("observer-token-file", settings.observer_token_file, faults_ref);
        if observer_token_file.is_none()
            && let Some(addr) = observer_addr.filter(|addr| !addr.ip().is_loopback())
        {
            faults_ref.push(format!(
                "--observer-addr: {addr} is not a loopback address, which needs --observer-token-file"
            ));
        }
        let sandbox = choose("sandbox", settings.sandbox, Sandbox::Auto, faults_ref, spelled);
        let logical_step_max =
            choose("logical-step-max", settings.logical_step_max, None, faults_ref, |text| {
                integer(text).map(Some)
            });
        let log_format = choose("log-format", settings.log_format, LogFormat::Text, faults_ref, spelled);
        let log_level = choose("log-level", settings.log_level, LogLevel::Info, faults_ref, spelled);
        if !faults.is_empty() {
            return Err(ConfigError(faults));
        }
        Ok(Self {
            audit_events_dir,
            snapshots_dir,
            policy: Policy { safety_mode, logical_step_max },
            snapshot_strategy,
            database,
            observer_addr,
            observer_token_file,
            sandbox,
            log_format,
            log_level,
        })
    }

    /// Returns the flags that name both directories to another command; none if they are the defaults.
    pub fn mount_flags(&self) -> Vec<(&'static str, &Path)> {
        let (events, snapshots) = (&*self.audit_events_dir, &*self.snapshots_dir);
        let is_shared = |dir: &&Path| events == dir.join(AUDIT_EVENTS) && snapshots == dir.join(SNAPSHOTS);
        match events.parent().filter(is_shared) {
            Some(dir) if dir == Path::new(DATA_DIR) => Vec::new(),
            Some(dir) if dir == Path::new("") => vec![("--data-dir", Path::new("."))],
            Some(dir) => vec![("--data-dir", dir)],
            None => vec![("--audit-events-dir", events), ("--snapshots-dir", snapshots)],
        }
    }

    /// Logs every value, defaults included. Secrets are not logged.
    pub fn log(&self) {
        let text = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
        tracing::info!(
            audit_events_dir = %self.audit_events_dir.display(),
            snapshots_dir = %self.snapshots_dir.display(),
            execution_plane = "paper",
            safety_mode = safety_mode_name(self.policy.safety_mode),
            snapshot_strategy = %self.snapshot_strategy,
            database = text(self.database.as_ref().map(ToString::to_string), "inactive"),
            observer_addr = text(self.observer_addr.map(|addr| addr.to_string()), "off"),
            observer_token_file = text(self.observer_token_file.as_ref().map(|path| path.display().to_string()), "unset"),
            sandbox = self.sandbox.as_str(),
            logical_step_max = text(self.policy.logical_step_max.map(|step| step.to_string()), "unset"),
            log_format = self.log_format.as_str(),
            log_level = self.log_level.as_str(),
            "configuration"
        );
    }
}

/// Returns the name of a flag's environment variable.
pub fn variable(flag: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", flag.to_ascii_uppercase().replace('-', "_"))
}

fn unknown_variables(variables: impl IntoIterator<Item = OsString>) -> Vec<String> {
    let known: Vec<String> = FLAGS.iter().map(|flag| variable(flag)).collect();
    let mut unknown: Vec<String> = variables
        .into_iter()
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(name))
        .collect();
    unknown.sort();
    unknown
        .iter()
        .map(|name| format!("the variable {name} is unknown; known are {}", known.join(", ")))
        .collect()
}

fn directory(flag: &str, value: Option<OsString>, faults: &mut Vec<String>) -> Option<PathBuf> {
    let value = value?;
    if value == OsStr::new("") {
        faults.push(format!("--{flag}: the path is empty"));
        return None;
    }
    Some(value.into())
}

/// A value that no message may show.
struct Secret(String);

trait Shown {
    fn text(&self) -> &str;
    fn shown(&self) -> String;
}

impl Shown for String {
    fn text(&self) -> &str {
        self
    }
    fn shown(&self) -> String {
        dreichor_core::fault::excerpt(self.as_bytes())
    }
}

impl Shown for Secret {
    fn text(&self) -> &str {
        &self.0
    }
    fn shown(&self) -> String {
        "another value (not shown, it may hold a password)".into()
    }
}

fn choose<T, S: Shown>(
    flag: &str,
    value: Option<S>,
    default: T,
    faults: &mut Vec<String>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> T {
    let Some(value) = value else { return default };
    parse(value.text()).unwrap_or_else(|expected| {
        faults.push(format!("--{flag} ({}): expected {expected}, found {}", variable(flag), value.shown()));
        default
    })
}

fn execution_plane(text: &str) -> Result<(), String> {
    match text {
        "paper" => Ok(()),
        "live" => Err("paper (live is refused in this phase: nothing here may reach a venue)".into()),
        _ => Err("paper".into()),
    }
}

fn safety_mode(text: &str) -> Result<SafetyMode, String> {
    match text {
        "normal" => Ok(SafetyMode::Normal),
        "halt" => Ok(SafetyMode::Halt),
        "flatten" => Ok(SafetyMode::Flatten),
        _ => Err("one of normal halt flatten".into()),
    }
}

/// Returns the flag's value for a safety mode.
pub fn safety_mode_name(mode: SafetyMode) -> &'static str {
    match mode {
        SafetyMode::Normal => "normal",
        SafetyMode::Halt => "halt",
        SafetyMode::Flatten => "flatten",
    }
}

fn observer_addr(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| "an address and port like 127.0.0.1:4710, or off".into())
}

fn integer(text: &str) -> Result<u64, String> {
    Some(text)
        .filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|value| *value <= INTEGER_MAX)
        .ok_or_else(|| format!("an integer from 0 to {INTEGER_MAX}"))
}

/// Parses a flag's value as a member of an enumeration.
fn spelled<T: Spelled>(text: &str) -> Result<T, String> {
    T::parse(text.as_bytes()).ok_or_else(T::expected)
}
