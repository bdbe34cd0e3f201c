//! The command line.

use dreichor_core::value::Spelled;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use dreichor_core::event::EventType;
use dreichor_core::value::{Form, MarketId};
use dreichor_explain::{By, Outcome, Selection};
use dreichor_replay::point::Point;
use dreichor_replay::reference::{IdPrefix, Reference};
use dreichor_runtime::ExitCode;
use dreichor_runtime::config::ConfigError;

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

/// What `dreichor` alone prints.
pub(crate) const INTRODUCTION: &str = "a command is missing

Dreichor records the decisions of strategies, executes them on paper, and keeps all of it in an audit log.

  dreichor demo               show it all, in a new directory
  dreichor -d DIR init        create the directories of new stores
  dreichor -d DIR ingest      record inputs from standard input or a file
  dreichor -d DIR decisions   what became of each decision
  dreichor -d DIR run         the runtime, with the Observer API

`dreichor help` lists all commands; `dreichor help COMMAND` explains one";

/// The whole command line: every command with the settings that it reads, and the exit codes at the end of help.
pub(crate) fn program() -> clap::Command {
    let codes = ExitCode::ALL.iter().map(|code| format!("  {:<3}  {}", code.number(), code.meaning()));
    let codes: Vec<String> = codes.collect();
    settings::add_to(Arguments::command()).after_long_help(format!("Exit codes:\n{}", codes.join("\n")))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the two directories of the stores; changes nothing that is there
    Init(Json),
    /// Start the runtime: gate, READY, then serve the Observer API until SIGINT or SIGTERM; writes nothing
    Run,
    /// Serve the Observer API from a copy or a read-only volume, until SIGINT or SIGTERM; says SERVING
    Observe,
    /// Record inputs (NDJSON) durably, and acknowledge each on standard output
    Ingest {
        /// The inputs; standard input without it, or for `-`
        file: Option<PathBuf>,
        /// Check the inputs against the log, and record nothing
        #[arg(long, requires = "file")]
        check: bool,
        /// Print acknowledgements of a file's inputs on a terminal, too
        #[arg(long)]
        acks: bool,
    },
    /// Write one snapshot of the present ledger
    Snapshot(Json),
    /// Show what is there: files, last event, snapshot, position, writer; reads the ends of the files only
    Status(StatusArguments),
    /// Show what became of each decision, newest last
    Decisions(DecisionsArguments),
    /// Count the decisions: skipped, blocked, executed, and why
    Summary(SummaryArguments),
    /// Replay the stores and print the receipt
    Replay(ReplayArguments),
    /// Print audit events: the exact bytes of their lines
    Events(EventsArguments),
    /// Tell one decision's story in sentences, each with the line that it comes from
    Explain {
        /// An id, or its first 4 digits or more, of a decision, event, order intent, execution or feedback; a line as
        /// :994; or a decision as INSTANCE@TIME
        #[arg(value_parser = Reference::parse)]
        id: Reference,
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
        #[command(flatten)]
        point: PointArguments,
    },
    /// Copy what is sound of malformed stores to a new directory; the originals are only read
    Salvage {
        /// A new or empty directory for the copy, DIR/audit-events and DIR/snapshots
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        json: Json,
    },
    /// Show or apply the migrations of the database that a later phase will use
    Migrate {
        /// What to do
        #[command(subcommand)]
        action: MigrateAction,
    },
    /// Show it all in a new directory: generated markets, a strategy, a kill half-way, and the proof
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

/// A range of logical times, both ends included.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Range {
    /// Only from this logical time on
    #[arg(long, value_name = "TIME")]
    from: Option<u64>,
    /// Only up to this logical time
    #[arg(long, value_name = "TIME")]
    to: Option<u64>,
}

impl Range {
    /// Both ends, which must be in order.
    pub(crate) fn check(self) -> Result<(Option<u64>, Option<u64>), ConfigError> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from > to => {
                Err(ConfigError(vec![format!("--from {from} is after --to {to}")]))
            }
            (from, to) => Ok((from, to)),
        }
    }
}

/// An earlier point of the log.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub(crate) struct PointArguments {
    /// As it was after event N
    #[arg(long, value_name = "N")]
    at: Option<u64>,
    /// As it was after the last event of logical time T or earlier
    #[arg(long, value_name = "T")]
    at_time: Option<u64>,
}

impl PointArguments {
    pub(crate) fn point(self) -> Option<Point> {
        self.at.map(Point::Event).or(self.at_time.map(Point::Time))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    #[command(flatten)]
    pub(crate) point: PointArguments,
    /// Compare with a kept receipt or checkpoint of this size or an earlier one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["at", "at_time", "json"])]
    pub(crate) expect: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Count the lines of both files, too
    #[arg(long)]
    pub(crate) count: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct DecisionsArguments {
    /// Only the last N; on a terminal 20, else all
    #[arg(short = 'n', long = "limit", value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Only decisions with this outcome
    #[arg(long, value_name = "OUTCOME", ignore_case = true, value_parser = outcomes())]
    outcome: Vec<Outcome>,
    /// Only decisions with this reason, as ATTENTION_NEGATIVE
    #[arg(long, value_name = "REASON")]
    reason: Vec<String>,
    /// Only decisions of this strategy instance; its first 4 digits or more
    #[arg(long, value_name = "INSTANCE", value_parser = id_prefix)]
    instance: Vec<IdPrefix>,
    /// Only decisions with this target or order
    #[arg(long, value_name = "MARKET_ID", value_parser = formed::<MarketId>)]
    market: Vec<MarketId>,
    #[command(flatten)]
    range: Range,
    /// Go on with decisions as their ticks are recorded, until interrupted
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl DecisionsArguments {
    pub(crate) fn selection(&self) -> Result<Selection, ConfigError> {
        let (from, to) = self.range.check()?;
        Ok(Selection {
            outcomes: self.outcome.clone(),
            reasons: self.reason.iter().map(|reason| reason.to_ascii_uppercase()).collect(),
            instances: self.instance.clone(),
            markets: self.market.clone(),
            from,
            to,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct SummaryArguments {
    /// Count by this, too
    #[arg(long, value_parser = keys(), value_name = "KEY")]
    pub(crate) by: Option<By>,
    #[command(flatten)]
    pub(crate) range: Range,
    #[command(flatten)]
    pub(crate) json: Json,
}

fn keys() -> impl TypedValueParser<Value = By> {
    let names = By::ALL.iter().map(|by| by.as_str());
    PossibleValuesParser::new(names).try_map(|name| By::parse(name.as_bytes()).ok_or("no such key"))
}

fn outcomes() -> impl TypedValueParser<Value = Outcome> {
    let names = Outcome::ALL.iter().map(|outcome| outcome.as_str());
    PossibleValuesParser::new(names)
        .try_map(|name| Outcome::parse(name.to_ascii_uppercase().as_bytes()).ok_or("no such outcome"))
}

fn id_prefix(text: &str) -> Result<IdPrefix, String> {
    IdPrefix::parse(text).ok_or_else(|| "expected an id, or its first 4 hexadecimal digits or more".into())
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
    #[arg(long, value_name = "MARKET_ID", value_parser = formed::<MarketId>)]
    pub(crate) market: Option<MarketId>,
    /// Only ticks of this strategy instance, and feedback on them
    #[arg(long, value_name = "INSTANCE_ID", value_parser = formed::<dreichor_core::value::StrategyInstanceId>)]
    pub(crate) instance: Option<dreichor_core::value::StrategyInstanceId>,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Only the last N of them
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Go on with events as they are written, until interrupted
    #[arg(short = 'f', long)]
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
