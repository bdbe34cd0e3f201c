//! The jobs, and the programs that do each.

use std::path::Path;
use std::rc::Rc;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::distance;
use crate::dreichor::{Cores, Dreichor, Snapshots};
use crate::log::{Log, Size, events_file};
use crate::measure::{Contender, Job, Run, Sample, Unit};
use crate::part::Part;
use crate::peer::{Available, bare_loop, bare_server, duckdb, fold, openssl, store};
use crate::pipe;
use crate::upstreams;
use crate::work::Work;

/// Ticks of one commit of `ingest FILE`.
const TICKS_PER_COMMIT: u64 = 8_192;

/// A kind of job.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Jobs {
    /// `dreichor replay`
    Replay,
    /// READY of `dreichor run`
    Ready,
    /// The parts of a replay, each on one thread
    Parts,
    /// `dreichor ingest` from a pipe, each tick acknowledged before the next
    OneByOne,
    /// `dreichor ingest FILE`
    File,
    /// `dreichor ingest --listen` with 1, 4, 16 and 64 upstreams, each of which waits for its acknowledgement
    Upstreams,
}

/// Things that all jobs need.
pub(crate) struct Context<'a> {
    pub(crate) work: &'a Work,
    pub(crate) dreichor: &'a Dreichor,
    pub(crate) peers: &'a Available,
    /// Ticks to ingest one by one.
    pub(crate) ticks: u32,
}

impl Jobs {
    /// The jobs of this kind; makes the logs that they need.
    pub(crate) fn of<'a>(self, sizes: &[Size], context: &'a Context<'a>) -> Result<Vec<Job<'a>>> {
        let log = |ticks| Log::make(ticks, context.work, context.dreichor).map(Rc::new);
        let mut jobs = Vec::new();
        match self {
            Self::Replay => {
                for size in sizes {
                    jobs.push(replay(log(size.ticks())?, context)?);
                }
            }
            Self::Ready => {
                for size in sizes {
                    jobs.push(ready(log(size.ticks())?, context));
                }
            }
            Self::Parts => {
                for size in sizes {
                    jobs.push(parts(&log(size.ticks())?));
                }
            }
            Self::OneByOne => {
                let log = log(u64::from(context.ticks))?;
                jobs.push(one_by_one(log.clone(), Snapshots::Manual, context));
                jobs.push(one_by_one(log, Snapshots::OnLedgerUpdate, context));
            }
            Self::File => {
                for size in sizes {
                    let log = log(size.ticks())?;
                    jobs.push(file(log.clone(), Snapshots::Manual, context));
                    jobs.push(file(log, Snapshots::OnLedgerUpdate, context));
                }
            }
            Self::Upstreams => {
                for count in [1, 4, 16, 64] {
                    jobs.push(upstreams(count, context)?);
                }
            }
        }
        Ok(jobs)
    }
}

fn replay<'a>(log: Rc<Log>, context: &'a Context<'a>) -> Result<Job<'a>> {
    let dreichor = context.dreichor;
    // The peers must have done the work before their time is worth a comparison. The files are in the page cache then.
    let receipt = dreichor.receipt(&log.data)?;
    let folds = fold::all(&log.events())?;
    for (name, summary) in &folds {
        ensure!(summary.events == receipt.events, "{name} found other events than dreichor");
        ensure!(summary.same_state(&folds[0].1), "{name} found another state than {}", folds[0].0);
        ensure!(
            summary.root.as_ref().is_none_or(|root| *root == receipt.root_hash),
            "{name} found another root than dreichor"
        );
    }
    let goal = |ratio| Some(format!("{ratio}; {} MiB", bound_mib(log.tick_count)));
    let mut contenders = vec![
        openssl(&log),
        between_cores(),
        ours("**`dreichor replay`, two cores**", goal("1.25"), {
            let log = log.clone();
            move || dreichor.replay(&log.data, Cores::All)
        }),
        ours("**`dreichor replay`, one core**", Some("1.7 of two cores".to_owned()), {
            let log = log.clone();
            move || dreichor.replay(&log.data, Cores::One)
        }),
        ours("**`dreichor verify`, two cores**", Some("twice replay".to_owned()), {
            let log = log.clone();
            move || dreichor.verify(&log.data)
        }),
    ];
    contenders.extend(fold::Kind::ALL.map(|kind| fold_contender(kind, &log)));
    contenders.push(Contender {
        name: "DuckDB aggregation, 2 threads, Python's start left out".to_owned(),
        goal: None,
        run: context.peers.duckdb.as_ref().map_err(Clone::clone).map(|python| -> Run<'_> {
            let log = log.clone();
            Box::new(move || duckdb::run_query(python, &log.events(), log.event_count))
        }),
    });
    Ok(Job { title: format!("replay, {}", describe(&log)?), unit: Unit::Seconds, contenders })
}

fn ready<'a>(log: Rc<Log>, context: &'a Context<'a>) -> Job<'a> {
    let dreichor = context.dreichor;
    let seconds = (log.event_count > 900_000).then(|| format!("; {:.2} s", log.event_count as f64 / 4e6));
    let goal = format!("1.0{}", seconds.unwrap_or_default());
    let contenders = vec![
        openssl(&log),
        between_cores(),
        ours("**READY of `dreichor run`, two cores**", Some(goal), {
            let log = log.clone();
            move || dreichor.ready(&log.data, Cores::All)
        }),
        ours("**READY of `dreichor run`, one core**", Some("1.7 of two cores".to_owned()), {
            let log = log.clone();
            move || dreichor.ready(&log.data, Cores::One)
        }),
        fold_contender(fold::Kind::Plain, &log),
    ];
    Job { title: format!("READY, {} events", thousands(log.event_count)), unit: Unit::Seconds, contenders }
}

fn parts<'a>(log: &Rc<Log>) -> Job<'a> {
    let part = |part: Part| {
        let log = log.clone();
        Contender {
            name: part.name().to_owned(),
            goal: None,
            run: Ok(Box::new(move || part.measure(&log.events()))),
        }
    };
    let contenders = [openssl(log)].into_iter().chain(Part::ALL.map(part)).collect();
    let title = format!("parts of replay, each on one thread, {} events", thousands(log.event_count));
    Job { title, unit: Unit::Seconds, contenders }
}

fn one_by_one<'a>(log: Rc<Log>, snapshots: Snapshots, context: &'a Context<'a>) -> Job<'a> {
    let (work, dreichor, ticks) = (context.work, context.dreichor, context.ticks);
    let mut contenders = vec![
        store_contender(store::Kind::BareLoop, &log, snapshots, 1, context),
        Contender {
            name: "bare loop with a pipe, acknowledges each tick".to_owned(),
            goal: None,
            run: Ok({
                let log = log.clone();
                Box::new(move || {
                    let dir = work.empty("run")?;
                    pipe::drive(&mut bare_loop::with_pipe(&log, snapshots, &dir)?, &log.inputs, ticks)
                })
            }),
        },
        ours(
            &format!("**`dreichor ingest`, `{}`**", snapshots.flag()),
            Some("0.95, latency 1.1".to_owned()),
            {
                let log = log.clone();
                move || {
                    let data = work.empty("run")?.join("data");
                    dreichor.init(&data)?;
                    let sample =
                        pipe::drive(&mut dreichor.ingest_pipe(&data, snapshots)?, &log.inputs, ticks)?;
                    same_length(&events_file(&data), &log.events())?;
                    Ok(sample)
                }
            },
        ),
    ];
    contenders.extend(databases(&log, snapshots, 1, context));
    let title = format!("ingest one by one, {} ticks, {}", thousands(log.tick_count), with(snapshots));
    Job { title, unit: Unit::TicksPerSecond, contenders }
}

fn file<'a>(log: Rc<Log>, snapshots: Snapshots, context: &'a Context<'a>) -> Job<'a> {
    let (work, dreichor) = (context.work, context.dreichor);
    let goal = format!("0.5; {} MiB", bound_mib(log.tick_count));
    let mut contenders = vec![
        store_contender(store::Kind::BareLoop, &log, snapshots, TICKS_PER_COMMIT, context),
        ours(&format!("**`dreichor ingest FILE`, `{}`**", snapshots.flag()), Some(goal), {
            let log = log.clone();
            move || {
                let data = work.empty("run")?.join("data");
                dreichor.init(&data)?;
                let sample = dreichor.ingest(&data, &log.inputs, snapshots)?;
                same_length(&events_file(&data), &log.events())?;
                Ok(Sample { ticks: log.tick_count, ..sample })
            }
        }),
    ];
    contenders.extend(databases(&log, snapshots, TICKS_PER_COMMIT, context));
    let title = format!("ingest from a file, {} ticks, {}", thousands(log.tick_count), with(snapshots));
    Job { title, unit: Unit::TicksPerSecond, contenders }
}

fn upstreams<'a>(count: u32, context: &'a Context<'a>) -> Result<Job<'a>> {
    let (work, dreichor, ticks) = (context.work, context.dreichor, context.ticks);
    let ours_once = move || -> Result<(Sample, u64)> {
        let dir = work.empty("run")?;
        let data = dir.join("data");
        dreichor.init(&data)?;
        let socket = dir.join("socket");
        let sample = upstreams::drive(&mut dreichor.ingest_listen(&data, &socket)?, &socket, count, ticks)?;
        Ok((sample, events_file(&data).metadata()?.len()))
    };
    let (sample, bytes) = ours_once()?;
    let bytes_per_tick = bytes / (sample.ticks + u64::from(count));
    let contenders = vec![
        Contender {
            name: "bare loop at a socket".to_owned(),
            goal: None,
            run: Ok(Box::new(move || {
                let socket = work.empty("run")?.join("socket");
                let mut server = bare_server::on(&socket, bytes_per_tick)?;
                upstreams::drive(&mut server, &socket, count, ticks)
            })),
        },
        ours("**`dreichor ingest --listen`**", Some("-".to_owned()), move || Ok(ours_once()?.0)),
    ];
    let title = format!(
        "{count} upstreams that each wait for their acknowledgement, {} ticks",
        thousands(ticks.into())
    );
    Ok(Job { title, unit: Unit::TicksPerSecond, contenders })
}

/// A way to run dreichor.
fn ours<'a>(name: &str, goal: Option<String>, run: impl FnMut() -> Result<Sample> + 'a) -> Contender<'a> {
    Contender { name: name.to_owned(), goal, run: Ok(Box::new(run)) }
}

fn openssl<'a>(log: &Rc<Log>) -> Contender<'a> {
    let log = log.clone();
    Contender {
        name: "`openssl dgst -sha256`".to_owned(),
        goal: None,
        run: Ok(Box::new(move || openssl::run(&log.events()))),
    }
}

/// It is measured in each round, since the time of what uses both cores depends on it.
fn between_cores<'a>() -> Contender<'a> {
    Contender { name: distance::NAME.to_owned(), goal: None, run: Ok(Box::new(|| Ok(distance::measure()))) }
}

fn fold_contender<'a>(kind: fold::Kind, log: &Rc<Log>) -> Contender<'a> {
    let log = log.clone();
    Contender {
        name: kind.name().to_owned(),
        goal: None,
        run: Ok(Box::new(move || kind.measure(&log.events()))),
    }
}

/// The databases. They have no snapshots, so they are measured beside the runs without.
fn databases<'a>(
    log: &Rc<Log>,
    snapshots: Snapshots,
    ticks_per_commit: u64,
    context: &'a Context<'a>,
) -> Vec<Contender<'a>> {
    match snapshots {
        Snapshots::Manual => store::Kind::DATABASES
            .map(|kind| store_contender(kind, log, snapshots, ticks_per_commit, context))
            .into(),
        Snapshots::OnLedgerUpdate => Vec::new(),
    }
}

fn store_contender<'a>(
    kind: store::Kind,
    log: &Rc<Log>,
    snapshots: Snapshots,
    ticks_per_commit: u64,
    context: &'a Context<'a>,
) -> Contender<'a> {
    let (log, work) = (log.clone(), context.work);
    let run = kind.needs(context.peers).map(|server| -> Run<'a> {
        Box::new(move || store::measure(kind, server, &log, snapshots, ticks_per_commit, &work.empty("run")?))
    });
    Contender { name: kind.name().to_owned(), goal: None, run }
}

/// A run that ended well must have left the whole log.
fn same_length(written: &Path, expected: &Path) -> Result<()> {
    let (written, expected) = (written.metadata()?.len(), expected.metadata()?.len());
    ensure!(written == expected, "the run left {written} bytes of events instead of {expected}");
    Ok(())
}

/// Bound of memory in MiB: 32 MiB, and 128 bytes for each decision.
fn bound_mib(decisions: u64) -> u64 {
    32 + (decisions * 128).div_ceil(1 << 20)
}

fn describe(log: &Log) -> Result<String> {
    let megabytes = log.events().metadata()?.len() as f64 / 1e6;
    Ok(format!(
        "{} events ({megabytes:.1} MB, {} decisions)",
        thousands(log.event_count),
        thousands(log.tick_count)
    ))
}

fn with(snapshots: Snapshots) -> &'static str {
    match snapshots {
        Snapshots::Manual => "no snapshots",
        Snapshots::OnLedgerUpdate => "with snapshots",
    }
}

/// A number with a comma after each three digits.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
