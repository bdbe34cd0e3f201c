//! The command line.

use dreichor_core::value::Spelled;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use dreichor_core::event::EventType;
use dreichor_core::tick::SafetyMode;
use dreichor_core::value::{Form, MarketId, ParameterPool};
use dreichor_explain::funnel::reasons;
use dreichor_explain::whatif::{Changes, Pools};
use dreichor_explain::{By, Outcome, Selection};
use dreichor_proof::KeyName;
use dreichor_replay::Filter;
use dreichor_replay::point::Point;
use dreichor_replay::reference::{IdPrefix, Reference};
use dreichor_runtime::ExitCode;
use dreichor_runtime::config::ConfigError;
use dreichor_runtime::listener::Listen;

use crate::{examples, settings};

/// A deterministic decision backend whose whole memory is an append-only audit log
#[derive(Debug, Parser)]
#[command(name = "dreichor", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to use colors
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    #[arg(hide_short_help = true)]
    pub(crate) color: Color,
}

/// The text that `dreichor` prints without a command.
pub(crate) const INTRODUCTION: &str = "a command is missing
Dreichor records decisions, executes them on paper, and keeps all of it in an audit log.

  dreichor demo               show all of it, in a new directory
  dreichor -d DIR init        create the directories of new stores
  dreichor -d DIR ingest      record inputs from standard input or a file
  dreichor -d DIR decisions   the result of each decision
  dreichor -d DIR run         the runtime, with the Observer API

`dreichor help` lists all commands; `dreichor help COMMAND` explains one";

/// The whole command line: every command with the settings that it reads, and the exit codes at the end of help.
pub(crate) fn program() -> clap::Command {
    let codes = ExitCode::ALL.iter().map(|code| format!("  {:<3}  {}", code.number(), code.meaning()));
    let codes: Vec<String> = codes.collect();
    let program = examples::add_to(settings::add_to(Arguments::command()));
    program.after_long_help(format!("Exit codes:\n{}", codes.join("\n")))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the two directories of the stores
    ///
    /// No other command creates them. What is there already is left as it is.
    Init(Json),
    /// Serve the Observer API until SIGINT or SIGTERM; writes nothing
    ///
    /// The runtime passes the startup gate and logs READY first.
    Run,
    /// Serve the Observer API from a copy or a read-only volume
    ///
    /// It passes no gate, needs no writable directory, and logs SERVING. It ends at SIGINT or SIGTERM.
    Observe,
    /// Record inputs (NDJSON) durably, and acknowledge each
    ///
    /// An acknowledgement is a line of JSON on standard output.
    Ingest {
        /// The inputs; standard input without it, or for `-`
        file: Option<PathBuf>,
        /// Check the inputs against the log, and record nothing
        #[arg(long, requires = "file")]
        check: bool,
        /// Print acknowledgements of a file's inputs on a terminal, too
        #[arg(long)]
        acks: bool,
        /// Serve several upstreams: unix:PATH of a socket to create, or systemd for the one that it passes
        ///
        /// Each connection speaks what standard input and output speak. A rejected input ends its own connection only.
        #[arg(long, value_name = "SOCKET", conflicts_with_all = ["file", "check", "acks"])]
        listen: Option<Listen>,
    },
    /// Write one snapshot of the present ledger
    Snapshot(Json),
    /// Show what is there, from the ends of the files
    ///
    /// Files, last event, snapshot, position, tail, writer, and whether an Observer answers.
    Status(StatusArguments),
    /// Show the result of each decision, newest last
    Decisions(DecisionsArguments),
    /// Count the decisions: skipped, blocked, executed, and why
    Summary(SummaryArguments),
    /// Execute the decisions again under another pool, mode or without gates
    ///
    /// Shows which of them would have come out otherwise. Nothing is written. What it cannot know: the upstream made these
    /// decisions without seeing the other outcomes, and might have decided otherwise with them.
    Whatif(WhatifArguments),
    /// Replay the stores and print the receipt
    Replay(ReplayArguments),
    /// Prove all that the stores can prove, and list every finding
    ///
    /// Every line, every tick executed again, every snapshot, and a checkpoint that was kept elsewhere.
    Verify(VerifyArguments),
    /// Print audit events: the exact bytes of their lines
    Events(EventsArguments),
    /// Tell one decision's story in sentences
    ///
    /// Each sentence is given with the line and event that it comes from.
    Explain {
        /// An id, or its first 4 digits or more, of a decision, event, order intent, execution or feedback; a line as
        /// :994; or a decision as INSTANCE@TIME
        #[arg(value_parser = Reference::parse)]
        id: Reference,
        #[command(flatten)]
        json: Json,
    },
    /// Print the state that follows from the events
    State {
        /// Which part of the state
        #[arg(value_enum)]
        part: StatePart,
        #[command(flatten)]
        format: StateFormat,
        #[command(flatten)]
        point: PointArguments,
    },
    /// Print a checkpoint of what is durable
    ///
    /// It holds the size and root of the log, signed with --key.
    Checkpoint(CheckpointArguments),
    /// Make the key that signs checkpoints
    Key {
        /// The action
        #[command(subcommand)]
        action: KeyAction,
    },
    /// Prove that an event is in the log, or that the log extends a checkpoint
    ///
    /// Others check the proof offline, with `check`.
    Prove {
        /// What to prove
        #[command(subcommand)]
        what: Proven,
    },
    /// Check a checkpoint or a proof, without any stores
    Check(CheckArguments),
    /// Copy what is sound of malformed stores to a new directory
    ///
    /// The originals are only read.
    Salvage {
        /// A new or empty directory for the copy, DIR/audit-events and DIR/snapshots
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        json: Json,
    },
    /// Write the log as files that any web server can serve
    ///
    /// The files are those of C2SP tlog-tiles. They are written to DIR only; the checkpoint is written last.
    Publish(PublishArguments),
    /// Copy a published log, checked, to a directory
    ///
    /// Again on the same directory, it adds what was published since.
    Clone(CloneArguments),
    /// Show or apply the migrations of a database for a later phase
    Migrate {
        /// The action
        #[command(subcommand)]
        action: MigrateAction,
    },
    /// Show it all in a new directory: a strategy, a kill, and the proof
    ///
    /// Generates markets, runs the example strategy, kills and resumes it half-way, replays, and compares.
    Demo {
        /// A new directory for all of it; `dreichor-demo`, or the next free `dreichor-demo-N`, without it
        #[arg(long)]
        dir: Option<PathBuf>,
        /// The number of candle steps to generate
        #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(50..=20_000))]
        steps: u32,
        /// End by serving the page of the resumed run, until SIGINT or SIGTERM
        #[arg(long)]
        serve: bool,
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
    /// Print the JSON Schema of inputs, events or snapshots
    Schema {
        /// The lines that are described
        #[arg(value_enum, default_value_t = Described::Inputs)]
        of: Described,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Described {
    /// The inputs of `ingest`
    Inputs,
    /// The events of the log
    Events,
    /// The snapshots
    Snapshots,
}

#[derive(Debug, Args)]
pub(crate) struct CheckpointArguments {
    /// The name of the log; with --key, the key's name
    #[arg(long, value_name = "NAME", value_parser = key_name, required_unless_present = "key")]
    pub(crate) origin: Option<KeyName>,
    /// The private key to sign with
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Write a new private key to a file, and print the verifier key for those who check
    Generate {
        /// The name of the log and its key, as example.org/log: no spaces, no plus
        #[arg(long, value_name = "NAME", value_parser = key_name)]
        origin: KeyName,
        /// A new file for the private key, readable by its owner only
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        json: Json,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Proven {
    /// Prove that an event is in the log of a checkpoint (c2sp.org/tlog-proof@v1)
    Inclusion {
        /// An event, as in `explain`; a decision, order intent, execution or feedback means the first event that has its id
        #[arg(value_parser = Reference::parse)]
        id: Reference,
        /// A signed checkpoint of this log
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
        #[command(flatten)]
        json: Json,
    },
    /// Prove that the log of a checkpoint begins with that of an older one (the body of an add-checkpoint request)
    Consistency {
        /// The older checkpoint
        #[arg(long, value_name = "OLD")]
        from: PathBuf,
        /// A signed checkpoint of this log
        #[arg(long, value_name = "NEW")]
        checkpoint: PathBuf,
        #[command(flatten)]
        json: Json,
    },
}

/// Whose signatures are demanded of a signed file.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct TrustArguments {
    /// The log's verifier key, or a file that holds it
    #[arg(long, value_name = "KEY")]
    pub(crate) public_key: Option<OsString>,
    /// A policy of logs, witnesses and their quorum (c2sp.org/tlog-policy)
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// A published log instead of the stores: its directory or http(s) URL
    #[arg(conflicts_with = "checkpoint")]
    pub(crate) source: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere: the log must extend it
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// A signed checkpoint, or a proof of inclusion or consistency
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    /// Of an inclusion proof: demand that it is of this event, named as in `prove inclusion`
    #[arg(long, value_name = "ID", value_parser = Reference::parse)]
    pub(crate) event: Option<Reference>,
    /// Of a consistency proof: the older checkpoint
    #[arg(long, value_name = "OLD")]
    pub(crate) from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArguments {
    /// The directory to publish to: a new one, or one that this log was published to before
    pub(crate) dir: PathBuf,
    /// The private key that signs the checkpoint
    #[arg(long, value_name = "FILE", required_unless_present = "status")]
    pub(crate) key: Option<PathBuf>,
    /// A policy (c2sp.org/tlog-policy) whose witnesses must cosign
    #[arg(long, value_name = "FILE", conflicts_with = "status")]
    pub(crate) policy: Option<PathBuf>,
    /// Publish again and again, with this pause
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["status", "json"], value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: Option<u64>,
    /// Show how much is published, the age of the checkpoint, and how far the log is ahead
    #[arg(long, conflicts_with = "key")]
    pub(crate) status: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct CloneArguments {
    /// The directory or the http(s) URL of the published log
    pub(crate) source: PathBuf,
    /// A new directory, or that of an earlier clone
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    #[command(flatten)]
    pub(crate) json: Json,
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
    pub(crate) trust: TrustArguments,
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
    #[arg(long, value_name = "REASON", ignore_case = true, hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(reasons()))]
    reason: Vec<String>,
    /// Only decisions of this strategy instance; its first 4 digits or more
    #[arg(long, value_name = "INSTANCE", value_parser = id_prefix)]
    instance: Vec<IdPrefix>,
    /// Only decisions with this target or order
    #[arg(long, value_name = "MARKET_ID", value_parser = formed::<MarketId>)]
    market: Vec<MarketId>,
    #[command(flatten)]
    range: Range,
    /// Continue with new decisions as their ticks are recorded, until interrupted
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
            pools: Vec::new(),
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

#[derive(Debug, Args)]
pub(crate) struct WhatifArguments {
    /// The parameter pool of all decisions; or NEW for those that have OLD, which may be given several times
    #[arg(long, value_name = "POOL | OLD=NEW", value_parser = pool_change)]
    pool: Vec<PoolChange>,
    /// Add the gates of this mode to the recorded ones, which include those of the mode at the time
    #[arg(long, value_name = "MODE", value_parser = formed::<SafetyMode>, default_value = "normal")]
    safety_mode: SafetyMode,
    /// Leave the recorded gates out
    #[arg(long)]
    ignore_gates: bool,
    /// Change only decisions of this strategy instance; its first 4 digits or more
    #[arg(long, value_name = "INSTANCE", value_parser = id_prefix)]
    instance: Vec<IdPrefix>,
    #[command(flatten)]
    range: Range,
    /// List every decision that comes out otherwise
    #[arg(long)]
    pub(crate) diff: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// A value of `--pool`.
#[derive(Debug, Clone, Copy)]
enum PoolChange {
    All(ParameterPool),
    Replace(ParameterPool, ParameterPool),
}

fn pool_change(text: &str) -> Result<PoolChange, String> {
    match text.split_once('=') {
        Some((old, new)) => Ok(PoolChange::Replace(formed(old)?, formed(new)?)),
        None => formed(text).map(PoolChange::All),
    }
}

impl WhatifArguments {
    pub(crate) fn changes(&self) -> Result<Changes, ConfigError> {
        let (from, to) = self.range.check()?;
        let (instances, safety_mode) = (self.instance.clone(), self.safety_mode);
        Ok(Changes {
            pools: self.pools()?,
            safety_mode,
            ignores_gates: self.ignore_gates,
            instances,
            from,
            to,
        })
    }

    fn pools(&self) -> Result<Pools, ConfigError> {
        if let [PoolChange::All(pool)] = *self.pool {
            return Ok(Pools::All(pool));
        }
        let mut pairs: Vec<(ParameterPool, ParameterPool)> = Vec::new();
        for change in &self.pool {
            match *change {
                PoolChange::All(pool) => {
                    return Err(ConfigError(vec![format!(
                        "--pool {pool} is for all decisions, so no other --pool can be given"
                    )]));
                }
                PoolChange::Replace(old, _) if pairs.iter().any(|(known, _)| *known == old) => {
                    return Err(ConfigError(vec![format!("--pool gives {old} twice another pool")]));
                }
                PoolChange::Replace(old, new) => pairs.push((old, new)),
            }
        }
        Ok(Pools::Replace(pairs))
    }
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

fn key_name(text: &str) -> Result<KeyName, String> {
    KeyName::parse(text).ok_or_else(|| "expected a name without spaces and plus, as example.org/log".into())
}

fn id_prefix(text: &str) -> Result<IdPrefix, String> {
    IdPrefix::parse(text).ok_or_else(|| "expected an id, or its first 4 hexadecimal digits or more".into())
}

#[derive(Debug, Args)]
pub(crate) struct EventsArguments {
    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE", ignore_case = true, value_parser = event_types())]
    event_type: Vec<EventType>,
    /// Only the tick of this decision, and feedback on it; its first 4 digits or more
    #[arg(long, value_name = "DECISION", value_parser = id_prefix)]
    decision: Vec<IdPrefix>,
    /// Only events that name this market
    #[arg(long, value_name = "MARKET_ID", value_parser = formed::<MarketId>)]
    market: Vec<MarketId>,
    /// Only ticks of this strategy instance, and feedback on them; its first 4 digits or more
    #[arg(long, value_name = "INSTANCE", value_parser = id_prefix)]
    instance: Vec<IdPrefix>,
    #[command(flatten)]
    range: Range,
    /// Only what follows this cursor: the byte offset at which a line begins, or the last one ends
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<u64>,
    /// Only the last N of them
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Continue with new events as they are written, until interrupted
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
    /// Print JSON; events are JSON on disk, so this only prevents the escapes of a terminal
    #[arg(long)]
    pub(crate) json: bool,
}

impl EventsArguments {
    pub(crate) fn filter(&self) -> Result<Filter, ConfigError> {
        let (from, to) = self.range.check()?;
        Ok(Filter {
            event_types: self.event_type.clone(),
            decisions: self.decision.clone(),
            markets: self.market.clone(),
            instances: self.instance.clone(),
            from,
            to,
        })
    }
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
