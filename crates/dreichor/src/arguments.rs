//! The command line.

use dreichor_core::value::Spelled;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use dreichor_core::event::EventType;
use dreichor_core::value::Form;
use dreichor_runtime::ExitCode;

use crate::settings;

/// A deterministic decision backend whose whole memory is an append-only audit log
#[derive(Debug, Parser)]
#[command(name = "dreichor", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to use colors
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// The whole command line: every command with the settings that it reads, and the exit codes at the end of help.
pub(crate) fn program() -> clap::Command {
    let codes = ExitCode::ALL.iter().map(|code| format!("  {:<3}  {}", code.number(), code.meaning()));
    let codes: Vec<String> = codes.collect();
    settings::add_to(Arguments::command()).after_long_help(format!("Exit codes:\n{}", codes.join("\n")))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the two mounts; changes nothing that is there
    Init(Json),
    /// Start the runtime: gate, READY, then serve the Observer API until SIGINT or SIGTERM; writes nothing
    Run,
    /// Record inputs (NDJSON) durably, and acknowledge each on standard output
    Ingest {
        /// The inputs; standard input without it, or for `-`
        file: Option<PathBuf>,
    },
    /// Write one snapshot of the present ledger
    Snapshot(Json),
    /// Replay the stores and print the receipt
    Replay(Json),
    /// Print audit events: the very bytes of their lines
    Events(EventsArguments),
    /// Tell one decision's story in sentences, each with the line and event that it comes from
    Explain {
        /// The id of a decision; or of an event, order intent, execution or feedback of it or on it
        #[arg(value_parser = some_id)]
        id: dreichor_core::value::Uuid,
        #[command(flatten)]
        json: Json,
    },
    /// Print what the events add up to
    State {
        /// Which part of the state
        #[arg(value_enum)]
        part: StatePart,
        #[command(flatten)]
        format: StateFormat,
    },
    /// Copy what is sound of damaged stores into new mounts; the originals are only read
    Salvage {
        /// A new or empty directory for the new mounts, DIR/audit-events and DIR/snapshots
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        json: Json,
    },
    /// Look at or apply the migrations of the database that a later phase will use
    Migrate {
        /// What to do
        #[command(subcommand)]
        action: MigrateAction,
    },
    /// From nothing to a result: generated markets, a strategy, a kill half-way, and the proof
    Demo {
        /// A new directory for all of it; `dreichor-demo`, or the next free `dreichor-demo-N`, without it
        #[arg(long)]
        dir: Option<PathBuf>,
        /// How many candle steps to generate
        #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(50..=20_000))]
        steps: u32,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program, or of one command
    Man {
        /// The command
        command: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateAction {
    /// Show each migration, applied or pending; writes nothing
    Status(MigrateArguments),
    /// Apply every pending migration, in order, each in one transaction
    Apply(MigrateArguments),
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArguments {
    /// The directory of the migrations, files named NNN_name.sql
    #[arg(long, value_name = "DIR", default_value = "migrations/")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StatePart {
    /// Decision Memory: what is known of each decision
    Memory,
    /// Shadow Ledger: the position of each market
    Ledger,
    /// Strategy Lifecycles: what each instance may do
    Lifecycles,
}

#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub(crate) struct StateFormat {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Print one JSON object a line: the bytes that the digest is of
    #[arg(long)]
    pub(crate) ndjson: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArguments {
    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE", ignore_case = true, value_parser = event_types())]
    pub(crate) event_type: Option<EventType>,
    /// Only the tick of this decision, and feedback on it
    #[arg(long, value_name = "DECISION_ID", value_parser = formed::<dreichor_core::id::DecisionId>)]
    pub(crate) decision: Option<dreichor_core::id::DecisionId>,
    /// Only events that name this market
    #[arg(long, value_name = "MARKET_ID", value_parser = formed::<dreichor_core::value::MarketId>)]
    pub(crate) market: Option<dreichor_core::value::MarketId>,
    /// Only ticks of this strategy instance, and feedback on them
    #[arg(long, value_name = "INSTANCE_ID", value_parser = formed::<dreichor_core::value::StrategyInstanceId>)]
    pub(crate) instance: Option<dreichor_core::value::StrategyInstanceId>,
    /// Only events from this logical time on
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<u64>,
    /// Only events up to this logical time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<u64>,
    /// Only the last N of them
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Go on with events as they are written, until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print JSON; events are JSON on disk, so this changes nothing but to keep a terminal's escapes out
    #[arg(long)]
    pub(crate) json: bool,
}

fn event_types() -> impl TypedValueParser<Value = EventType> {
    let names = EventType::ALL.iter().map(|event_type| event_type.as_str());
    PossibleValuesParser::new(names)
        .try_map(|name| EventType::parse(name.to_ascii_uppercase().as_bytes()).ok_or("no such type"))
}

fn formed<T: Form>(text: &str) -> Result<T, String> {
    T::parse(text.as_bytes()).ok_or_else(|| format!("expected {}", T::expected()))
}

/// An id of any kind.
fn some_id(text: &str) -> Result<dreichor_core::value::Uuid, String> {
    formed(text).map_err(|expected: String| {
        format!("{expected}; copy one whole from an acknowledgement of `ingest`, or from `dreichor events`")
    })
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// The spelling as a flag's value.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// Makes the choice that of all later output.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}
