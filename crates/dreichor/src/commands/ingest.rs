//! `ingest`: inputs in, acknowledgements out.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Instant;

use dreichor_replay::{Directory, Stores};
use dreichor_runtime::batch::Batcher;
use dreichor_runtime::ingest::{Ended, IngestError, Session};
use dreichor_runtime::outgrown::Outgrown;
use dreichor_runtime::recovery::Recovered;
use dreichor_runtime::{Config, ExitCode, gate};

use super::ingest_check::Tally;
use crate::input::{self, Inputs};
use crate::output::{Failure, print_line, print_note};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::table;

#[expect(clippy::expect_used, reason = "an exit code of success would hide that inputs are left")]
pub(super) fn run(config: &Config, path: Option<&Path>, acks: bool) -> Result<ExitCode, Failure> {
    let (file, name) = input::open(path)?;
    if file.is_terminal() {
        print_note("reading inputs from the terminal; Ctrl-D ends");
    }
    // A person who ingests a file wants its summary, not a line for each input.
    let is_quiet = path.is_some() && table::is_terminal() && !acks;
    let started = Instant::now();
    let mut tally = Tally::default();
    let admitted = gate::admit_writer(config, || Ok(()), &mut Progress::new("replay"))?;
    let signals = Signals::catch()?;
    let mut session = start_session(config, &admitted.stores, admitted.recovered)?;
    let mut batcher = Batcher::new(Inputs::new(file, &signals));
    let mut deliver = |acknowledgements: &[u8]| {
        if is_quiet {
            tally.add(acknowledgements);
            return Ok(());
        }
        deliver(acknowledgements, &signals)
    };
    let was_told = warn_of_outgrown(config, &admitted.stores);
    let ended = session.run(&mut batcher, &mut deliver, &mut Progress::new("ingest"));
    let code = match ended {
        Ok(Ended::AtEnd) => ExitCode::Done,
        Ok(Ended::Interrupted) => signals.exit_code().expect("only a signal interrupts ingest"),
        Err(IngestError::Unreadable(error)) => return Err(input::unreadable(&name, &error)),
        Err(error) => return Err(error.into()),
    };
    if is_quiet {
        let Tally { new, known, filled, blocked, skipped, .. } = tally;
        print_line(&format!(
            "{new} new inputs ({filled} filled, {blocked} blocked, {skipped} skipped), {known} already recorded, in {:.1} s",
            started.elapsed().as_secs_f32()
        ))?;
    }
    if !was_told {
        warn_of_outgrown(config, &admitted.stores);
    }
    let (inputs, events) = (session.acknowledged(), session.history().size());
    tracing::info!(
        inputs,
        events,
        exitCode = code.number(),
        "all inputs that were read are durable and acknowledged"
    );
    Ok(code)
}

/// Logs a warning if the snapshots outgrow the log and this writer would add to it; returns true if it did.
pub(super) fn warn_of_outgrown(config: &Config, stores: &Stores<Directory>) -> bool {
    // It is advice: a store that cannot be read is an error where it is needed.
    let outgrown = Outgrown::find(stores).ok().flatten();
    let told = outgrown.filter(|outgrown| outgrown.goes_on_with(config.settings.snapshot_strategy));
    if let Some(outgrown) = &told {
        let Outgrown { log_bytes, snapshots_bytes, .. } = outgrown;
        tracing::warn!(logBytes = log_bytes, snapshotsBytes = snapshots_bytes, "{outgrown}");
    }
    told.is_some()
}

/// Starts a session on admitted stores, and logs READY.
pub(super) fn start_session<'s>(
    config: &Config,
    stores: &'s Stores<Directory>,
    recovered: Recovered,
) -> Result<Session<'s, Directory>, Failure> {
    let mut session = Session::new(stores, recovered, config.policy(), config.settings.snapshot_strategy)?;
    config.log_ready(&session.receipt());
    Ok(session)
}

/// The number of bytes that a ready pipe accepts without waiting (POSIX: `PIPE_BUF`).
const PIECE_BYTES: usize = 4_096;

/// Writes the acknowledgements in pieces, so that a signal ends the wait for a reader.
fn deliver(acknowledgements: &[u8], signals: &Signals) -> io::Result<()> {
    let out = io::stdout();
    let mut rest = acknowledgements;
    while !rest.is_empty() {
        if !signals.wait_to_write(&out)? {
            return Err(io::Error::other("it was not read, and a signal ended the command"));
        }
        let piece = &rest[..rest.len().min(PIECE_BYTES)];
        rest = &rest[rustix::io::retry_on_intr(|| rustix::io::write(&out, piece))?..];
    }
    Ok(())
}
