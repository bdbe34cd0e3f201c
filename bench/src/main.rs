//! Dreichor, its peers and bare loops, side by side in one run: prints one table in Markdown.

mod commit;
mod distance;
mod dreichor;
mod job;
mod log;
mod machine;
mod measure;
mod part;
mod peer;
mod pipe;
mod report;
mod table;
mod upstreams;
mod work;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::job::Jobs;
use crate::log::Size;

#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    peer: Option<Command>,
}

/// Options of a measurement.
#[derive(clap::Args)]
struct Options {
    /// Sizes of the logs, in events, as 10k or 1M
    #[arg(long, value_name = "SIZES", value_delimiter = ',', default_value = "10k,1M")]
    sizes: Vec<Size>,
    /// Rounds; each runs every program of a job once
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Ticks that are ingested one by one in a round
    #[arg(long, value_name = "N", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(2..))]
    ticks: u32,
    /// Jobs to measure
    #[arg(
        long,
        value_name = "JOBS",
        value_delimiter = ',',
        default_value = "replay,ready,parts,one-by-one,file,upstreams"
    )]
    jobs: Vec<Jobs>,
    /// The binary to measure; without it, target/release/dreichor is built from the checkout
    #[arg(long, value_name = "PATH")]
    dreichor: Option<PathBuf>,
    /// Directory of all files of the benchmarks [default: target/bench of the checkout]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Cores that all programs share
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    cores: u32,
}

#[derive(Subcommand)]
enum Command {
    /// Runs one peer, as the benchmark does
    #[command(subcommand, hide = true)]
    Peer(peer::Peer),
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.peer {
        Some(Command::Peer(peer)) => peer.run(),
        None => measure_all(cli.options),
    }
}

fn measure_all(options: Options) -> Result<()> {
    let cores = machine::restrict_to(options.cores)?;
    let work = work::Work::open(options.dir)?;
    let dreichor = dreichor::Dreichor::find(options.dreichor)?;
    let peers = peer::Available::find(&work);
    let head = machine::head(&cores, &work, &dreichor, &peers, options.rounds)?;
    let context = job::Context { work: &work, dreichor: &dreichor, peers: &peers, ticks: options.ticks };
    let mut rows = Vec::new();
    for kind in &options.jobs {
        for job in kind.of(&options.sizes, &context)? {
            rows.push(measure::measure(job, options.rounds)?);
        }
    }
    print!("{}", table::markdown(&head, &rows));
    drop(peers);
    work.remove("run")?;
    work.remove("postgres")?;
    Ok(())
}
