//! Configuration: read once, validated whole, frozen. Each setting is declared once, in `settings!` below: help,
//! completions, the table in the documents and the log line at READY are made from the declaration.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use dreichor_core::tick::{Policy, SafetyMode};
use dreichor_core::value::{Form, INTEGER_MAX, Spelled};
use dreichor_replay::{Directories, Receipt};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::database::DatabaseAddress;
use crate::snapshots::SnapshotStrategy;

/// The prefix of every variable of this program.
const VARIABLE_PREFIX: &str = "DREICHOR_";

/// One setting: a flag, and a variable that the flag overrides.
#[derive(Debug)]
pub struct Setting {
    /// The flag, without `--`.
    pub flag: &'static str,
    /// The name of its value in help.
    pub value_name: &'static str,
    /// The help text, in one line.
    pub help: &'static str,
    /// Its only values; empty if there are others.
    pub values: fn() -> Vec<&'static str>,
    /// Its default, as help shows it.
    pub default: fn() -> String,
    /// The settings that are read together with it.
    pub group: Group,
}

/// Settings that a command reads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The directories of the stores.
    Stores,
    /// Log lines.
    Logging,
    /// The settings of the startup gate.
    Gate,
}

impl Setting {
    /// The name of its variable.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.flag.to_ascii_uppercase().replace('-', "_"))
    }
}

/// The type of a setting's value.
trait Value: Sized {
    /// True if a message must not show the value.
    const SECRET: bool = false;

    /// Parses the value; the error says what was expected.
    fn parse(text: &OsStr) -> Result<Self, String>;

    /// The value in help and log lines.
    fn show(&self) -> String;

    /// All values; empty if they cannot be listed.
    fn all() -> Vec<&'static str> {
        Vec::new()
    }
}

macro_rules! settings {
    ($( $(#[doc = $help:literal])* $group:ident $flag:literal $value_name:literal: $field:ident $log_name:ident: $ty:ty = $default:expr; )*) => {
        /// The values of all settings.
        #[derive(Debug, Clone)]
        pub struct Settings {
            $( $(#[doc = $help])* pub $field: $ty, )*
        }

        /// All settings, in the order of the documents.
        pub const SETTINGS: &[Setting] = &[ $( Setting {
            flag: $flag,
            value_name: $value_name,
            help: concat!($($help),*).trim_ascii_start(),
            values: <$ty as Value>::all,
            default: || <$ty as Value>::show(&$default),
            group: Group::$group,
        } ),* ];

        impl Settings {
            fn read(given: &mut Given<'_>) -> Self {
                Self { $( $field: given.read($flag, $default) ),* }
            }
        }

        impl Config {
            /// Logs READY, the gate's last step: the receipt and every setting, defaults included. Secrets are not
            /// logged.
            pub fn log_ready(&self, receipt: &Receipt) {
                let none = || "none".to_owned();
                tracing::info!(
                    events = receipt.events,
                    bytes = receipt.bytes,
                    treeSize = receipt.events,
                    rootHash = %receipt.root_hash,
                    snapshotId = receipt.snapshot.map_or_else(none, |(id, _)| id.to_string()),
                    snapshotTreeSize = receipt.snapshot.map_or(0, |(_, size)| size),
                    interruptedTick = receipt.interrupted_tick.map_or_else(none, |id| id.to_string()),
                    unterminatedBytes = receipt.unterminated_bytes,
                    lastLogicalTime = receipt.last_logical_time.map_or(0, |time| time.get()),
                    formatVersion = dreichor_core::FORMAT_VERSION,
                    programVersion = dreichor_replay::receipt::PROGRAM_VERSION,
                    $( $log_name = self.settings.$field.show(), )*
                    "READY"
                );
            }
        }
    };
}

settings! {
    /// Directory of the stores, DIR/audit-events and DIR/snapshots
    Stores "data-dir" "DIR": data_dir dataDir: Option<PathBuf> = None;
    /// The audit-events directory; without it that of --data-dir, or /var/lib/dreichor/audit-events
    Stores "audit-events-dir" "DIR": audit_events_dir auditEventsDir: Option<PathBuf> = None;
    /// The snapshots directory; without it that of --data-dir, or /var/lib/dreichor/snapshots
    Stores "snapshots-dir" "DIR": snapshots_dir snapshotsDir: Option<PathBuf> = None;
    /// Plane on which orders are executed; live is refused in this phase
    Gate "execution-plane" "PLANE": execution_plane executionPlane: ExecutionPlane = ExecutionPlane::Paper;
    /// Gates added to every tick: halt adds haltAll, flatten adds blockBuy and forceSell
    Gate "safety-mode" "MODE": safety_mode safetyMode: SafetyMode = SafetyMode::Normal;
    /// When snapshots are taken: on-ledger-update, every:N, or manual
    Gate "snapshot-strategy" "STRATEGY": snapshot_strategy snapshotStrategy: SnapshotStrategy = SnapshotStrategy::OnLedgerUpdate;
    /// Postgres URL; the start connects to its server once and sends nothing
    Gate "database-url" "URL": database database: Option<DatabaseAddress> = None;
    /// Address and port of the Observer API, or off
    Gate "observer-addr" "ADDR": observer_addr observerAddr: ObserverAddr = ObserverAddr::DEFAULT;
    /// File with the bearer token of the Observer API; required off loopback
    Gate "observer-token-file" "FILE": observer_token_file observerTokenFile: Option<PathBuf> = None;
    /// Promises that the kernel must enforce; auto: those that it can; require: all, or no start
    Gate "sandbox" "MODE": sandbox sandbox: Sandbox = Sandbox::Auto;
    /// Reject an input that is more than N ahead of the last recorded time
    Gate "logical-step-max" "N": logical_step_max logicalStepMax: Option<u64> = None;
    /// Format of log lines
    Logging "log-format" "FORMAT": log_format logFormat: LogFormat = LogFormat::Text;
    /// Least severe level that is logged
    Logging "log-level" "LEVEL": log_level logLevel: LogLevel = LogLevel::Info;
}

/// The valid configuration of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directories of the stores.
    pub directories: Directories,
    /// The settings.
    pub settings: Settings,
}

/// The plane on which orders are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum ExecutionPlane {
    /// On paper: every order is filled in full.
    Paper,
}

/// The Observer's listening address; none: the Observer is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObserverAddr(pub Option<SocketAddr>);

impl ObserverAddr {
    /// Port 4710 on loopback.
    pub const DEFAULT: Self =
        Self(Some(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4710)));
}

/// The part of the sandbox that the kernel must enforce.
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
    /// The main steps of the process.
    Info,
    /// Each step, the startup gate's too.
    Debug,
}

impl Spelled for ExecutionPlane {}
impl Spelled for Sandbox {}
impl Spelled for LogFormat {}
impl Spelled for LogLevel {}

/// The arguments or the configuration are invalid. Lists every fault, not only the first.
#[derive(Debug)]
pub struct ConfigError(pub Vec<String>);

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [fault] => write!(f, "{fault}\nnothing was changed; next: fix it, see `dreichor help`"),
            faults => {
                write!(f, "{} faults:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
                write!(f, "\nnothing was changed; next: fix them all, see `dreichor help`")
            }
        }
    }
}

/// The values that were given, and the faults that were found in them.
struct Given<'a> {
    value_of: &'a dyn Fn(&Setting) -> Option<OsString>,
    faults: Vec<String>,
}

impl Given<'_> {
    fn read<T: Value>(&mut self, flag: &str, default: T) -> T {
        let setting = SETTINGS.iter().find(|setting| setting.flag == flag);
        let Some((setting, value)) = setting.and_then(|setting| Some((setting, (self.value_of)(setting)?)))
        else {
            return default;
        };
        T::parse(&value).unwrap_or_else(|expected| {
            let found = if T::SECRET {
                "another value (not shown, it may hold a password)".into()
            } else {
                dreichor_core::fault::excerpt(value.as_encoded_bytes())
            };
            self.faults
                .push(format!("--{flag} ({}): expected {expected}, found {found}", setting.variable()));
            default
        })
    }
}

impl Config {
    /// Validates the values of the settings that a command reads, and the names of all environment `variables`.
    /// `value_of` returns the value that was given for a setting; none for the default.
    ///
    /// # Errors
    ///
    /// Lists every fault, not only the first.
    pub fn new(
        value_of: &dyn Fn(&Setting) -> Option<OsString>,
        variables: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, ConfigError> {
        let mut given = Given { value_of, faults: unknown_variables(variables) };
        let mut settings = Settings::read(&mut given);
        if settings.observer_token_file.is_none()
            && let ObserverAddr(Some(addr)) = settings.observer_addr
            && !addr.ip().is_loopback()
        {
            given.faults.push(format!(
                "--observer-addr: {addr} is not a loopback address, which needs --observer-token-file"
            ));
        }
        if !given.faults.is_empty() {
            return Err(ConfigError(given.faults));
        }
        let Directories { audit_events, snapshots } =
            settings.data_dir.as_ref().map_or_else(Directories::default, Directories::within);
        let directories = Directories {
            audit_events: settings.audit_events_dir.clone().unwrap_or(audit_events),
            snapshots: settings.snapshots_dir.clone().unwrap_or(snapshots),
        };
        // The log shows where the stores are, whichever setting says it.
        settings.audit_events_dir = Some(directories.audit_events.clone());
        settings.snapshots_dir = Some(directories.snapshots.clone());
        Ok(Self { directories, settings })
    }

    /// The settings that decide which inputs are recorded, and how.
    pub const fn policy(&self) -> Policy {
        Policy { safety_mode: self.settings.safety_mode, logical_step_max: self.settings.logical_step_max }
    }
}

/// A fault for each variable with our prefix that is neither a setting's nor one that is set for services.
fn unknown_variables(variables: impl IntoIterator<Item = OsString>) -> Vec<String> {
    let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
    let mut unknown: Vec<String> = variables
        .into_iter()
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(name) && !is_of_a_service(name))
        .collect();
    unknown.sort();
    let fault = |name: &String| {
        let nearest = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
        let nearest = nearest.map_or("", String::as_str);
        let name = dreichor_core::fault::excerpt(name.as_bytes());
        format!("the variable {name} is unknown; did you mean {nearest}?")
    };
    unknown.iter().map(fault).collect()
}

/// True for the variables that Kubernetes and Docker set for a service named `dreichor`, and for the version that
/// images set. They are no settings.
pub fn is_of_a_service(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(VARIABLE_PREFIX.trim_end_matches('_')) else { return false };
    let is_named_port = rest.rsplit_once("_SERVICE_PORT_").is_some_and(|(_, port)| !port.is_empty());
    let bare = ["_PROTO", "_PORT", "_ADDR"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
    let is_link =
        ["_TCP", "_UDP", "_SCTP"].iter().find_map(|end| bare.strip_suffix(end)).is_some_and(|bare| {
            bare.rsplit_once("_PORT_").is_some_and(|(_, number)| {
                !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
            })
        });
    let is_service = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"].iter().any(|end| rest.ends_with(end));
    rest == "_VERSION" || is_named_port || is_link || is_service
}

macro_rules! spelled_values {
    ($($ty:ty),*) => { $(
        impl Value for $ty {
            fn parse(text: &OsStr) -> Result<Self, String> {
                <Self as Form>::parse(text.as_encoded_bytes()).ok_or_else(Self::expected)
            }

            fn show(&self) -> String {
                self.as_str().to_owned()
            }

            fn all() -> Vec<&'static str> {
                Self::ALL.iter().map(|member| member.as_str()).collect()
            }
        }
    )* };
}

spelled_values!(ExecutionPlane, SafetyMode, Sandbox, LogFormat, LogLevel);

impl Value for Option<PathBuf> {
    fn parse(text: &OsStr) -> Result<Self, String> {
        if text.is_empty() { Err("a path".into()) } else { Ok(Some(text.into())) }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "unset".into(), |path| path.display().to_string())
    }
}

impl Value for SnapshotStrategy {
    fn parse(text: &OsStr) -> Result<Self, String> {
        Self::parse(&text.to_string_lossy())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Option<DatabaseAddress> {
    const SECRET: bool = true;

    fn parse(text: &OsStr) -> Result<Self, String> {
        DatabaseAddress::parse(&text.to_string_lossy()).map(Some)
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "inactive".into(), ToString::to_string)
    }
}

impl Value for ObserverAddr {
    fn parse(text: &OsStr) -> Result<Self, String> {
        match text.to_string_lossy().as_ref() {
            "off" => Ok(Self(None)),
            text => SocketAddr::from_str(text)
                .map(|addr| Self(Some(addr)))
                .map_err(|_| "an address and port like 127.0.0.1:4710, or off".into()),
        }
    }

    fn show(&self) -> String {
        self.0.map_or_else(|| "off".into(), |addr| addr.to_string())
    }
}

impl Value for Option<u64> {
    fn parse(text: &OsStr) -> Result<Self, String> {
        let text = text.to_string_lossy();
        Some(text)
            .filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .filter(|value| *value <= INTEGER_MAX)
            .map(Some)
            .ok_or_else(|| format!("an integer from 0 to {INTEGER_MAX}"))
    }

    fn show(&self) -> String {
        self.map_or_else(|| "unset".into(), |value| value.to_string())
    }
}
