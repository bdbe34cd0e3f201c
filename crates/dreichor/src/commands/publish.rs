//! `publish`: the log as files that any web server can serve.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use dreichor_audit::http::Witnesses;
use dreichor_audit::publish::{PublishError, Published, publish};
use dreichor_audit::site::PublicDirectory;
use dreichor_log::last::count_lines;
use dreichor_proof::tile::CHECKPOINT;
use dreichor_proof::{Checkpoint, SignedCheckpoint, SignerKey, Trust};
use dreichor_replay::{Durable, Error, Stores};
use dreichor_runtime::{Config, ExitCode};
use serde::Serialize;

use crate::arguments::{Json, PublishArguments};
use crate::commands::key;
use crate::output::{self, Failure, print_json, print_line};
use crate::progress::Progress;
use crate::trust;

/// `publish --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Round {
    origin: String,
    tree_size: u64,
    root_hash: String,
    tree_size_before: u64,
    files_written: u64,
    /// The witnesses that did not cosign, although the quorum is met.
    refused: Vec<RefusedBy>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedBy {
    witness: String,
    why: String,
}

/// `publish --status --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// Null: nothing is published yet.
    origin: Option<String>,
    tree_size: u64,
    root_hash: Option<String>,
    checkpoint_age_seconds: Option<u64>,
    /// The whole lines of the log now.
    log_events: u64,
    /// The events that are not published yet.
    lag_events: u64,
}

pub(super) fn run(config: &Config, arguments: &PublishArguments) -> Result<ExitCode, Failure> {
    let stores = Stores::open_to_read(&config.directories)?;
    let dir = &arguments.dir;
    let Some(key) = &arguments.key else {
        let printed = print_status(&status(&stores, dir)?, arguments.json);
        return output::result(printed, ExitCode::Done);
    };
    let key = key::read(key)?;
    let policy = arguments.policy.as_deref().map(trust::read_policy).transpose()?;
    let publisher = Publisher { stores, site: lock(dir)?, key, policy };
    match arguments.every {
        None => {
            let round = publisher.publish()?;
            output::result(print_round(&round, arguments.json), ExitCode::Done)
        }
        Some(seconds) => publisher.publish_every(Duration::from_secs(seconds)),
    }
}

fn lock(dir: &Path) -> Result<PublicDirectory, Failure> {
    let locked = PublicDirectory::lock(dir).map_err(|error| {
        let next = "check its permissions, or name another directory";
        Error::unavailable(dir, "the published directory cannot be written to", next).because(error)
    })?;
    locked.ok_or_else(|| Failure::Locked(dir.to_owned()))
}

struct Publisher {
    stores: Stores<dreichor_replay::Directory>,
    site: PublicDirectory,
    key: SignerKey,
    policy: Option<Trust>,
}

impl Publisher {
    /// One round. It reads the whole log again.
    fn publish(&self) -> Result<Published, PublishError> {
        let progress = &mut Progress::new("publish");
        let durable = Durable::read(&self.stores, progress)?;
        let (policy, witnesses) = (self.policy.as_ref(), Witnesses::default());
        publish(&self.stores, &durable, &self.site, &self.key, policy, &witnesses, progress)
    }

    /// Rounds without end. A round that fails by what may pass is reported, and the next one tries again.
    fn publish_every(&self, pause: Duration) -> Result<ExitCode, Failure> {
        let mut failing_since: Option<Instant> = None;
        loop {
            match self.publish() {
                Ok(Published { checkpoint, size_before, files_written, refused }) => {
                    failing_since = None;
                    let tree_size = checkpoint.checkpoint().size();
                    for refused in refused {
                        tracing::warn!(witness = refused.name, why = refused.why, "a witness did not cosign");
                    }
                    tracing::info!(
                        treeSize = tree_size,
                        treeSizeBefore = size_before,
                        filesWritten = files_written,
                        "published"
                    );
                }
                Err(error) if may_pass(&error) => {
                    let since = failing_since.get_or_insert_with(Instant::now);
                    tracing::error!(failingForSeconds = since.elapsed().as_secs(), %error, "the round failed");
                }
                Err(error) => return Err(error.into()),
            }
            sleep(pause);
        }
    }
}

/// True for an error that another round may not meet.
fn may_pass(error: &PublishError) -> bool {
    match error {
        PublishError::Stores(Error::Unavailable { .. })
        | PublishError::Site { .. }
        | PublishError::Unfinished { .. }
        | PublishError::Quorum { .. } => true,
        PublishError::Stores(Error::Malformed { .. })
        | PublishError::OtherBytes { .. }
        | PublishError::Checkpoint(_)
        | PublishError::Diverged { .. } => false,
    }
}

fn print_round(published: &Published, json: Json) -> Result<(), Failure> {
    let Published { checkpoint, size_before, files_written, refused } = published;
    let checkpoint = checkpoint.checkpoint();
    if json.json {
        let refused = refused.iter();
        let refused =
            refused.map(|refused| RefusedBy { witness: refused.name.clone(), why: refused.why.clone() });
        return print_json(&Round {
            origin: checkpoint.origin().to_owned(),
            tree_size: checkpoint.size(),
            root_hash: checkpoint.root().to_string(),
            tree_size_before: *size_before,
            files_written: *files_written,
            refused: refused.collect(),
        });
    }
    for refused in refused {
        output::print_note(&refused.to_string());
    }
    print_line(&format!(
        "published {} events ({} before), root {}, {files_written} files written",
        checkpoint.size(),
        size_before,
        checkpoint.root()
    ))
}

fn status(stores: &Stores<dreichor_replay::Directory>, dir: &Path) -> Result<Status, Failure> {
    let log_events = match stores.events.open()? {
        Some((file, stat)) => {
            count_lines(&file, 0, stat.size).map_err(|error| stores.events.unreadable(error, 0))?
        }
        None => 0,
    };
    let path = dir.join(CHECKPOINT);
    let is_there = path.try_exists().map_err(|error| {
        let unread = "the published checkpoint cannot be examined";
        Error::unavailable(&path, unread, "check the directory's permissions").because(error)
    })?;
    let (published, age) = if is_there {
        let signed = SignedCheckpoint::parse(&trust::read_file(&path)?);
        let signed = signed.map_err(|error| trust::malformed(&path, "checkpoint", &error))?;
        let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
        (Some(signed), modified.and_then(|modified| modified.elapsed().ok()))
    } else {
        (None, None)
    };
    let checkpoint = published.as_ref().map(SignedCheckpoint::checkpoint);
    let tree_size = checkpoint.map_or(0, Checkpoint::size);
    Ok(Status {
        origin: checkpoint.map(|checkpoint| checkpoint.origin().to_owned()),
        tree_size,
        root_hash: checkpoint.map(|checkpoint| checkpoint.root().to_string()),
        checkpoint_age_seconds: age.map(|age| age.as_secs()),
        log_events,
        lag_events: log_events.saturating_sub(tree_size),
    })
}

fn print_status(status: &Status, json: Json) -> Result<(), Failure> {
    if json.json {
        return print_json(status);
    }
    let Status { origin, tree_size, root_hash, checkpoint_age_seconds, log_events, lag_events } = status;
    let (Some(origin), Some(root_hash)) = (origin, root_hash) else {
        return print_line(&format!("nothing is published yet; the log has {log_events} events"));
    };
    let age = checkpoint_age_seconds.map_or_else(|| "unknown".into(), |seconds| format!("{seconds} s"));
    let ahead = if log_events < tree_size {
        "fewer than are published: it is another log, or was restored from an older copy".to_owned()
    } else {
        format!("{lag_events} of them not published yet")
    };
    print_line(&format!(
        "origin      {}\npublished   {tree_size} events, root {root_hash}\ncheckpoint  {age} old\nlog         {log_events} events, {ahead}",
        output::escape(origin.as_bytes())
    ))
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

/// The exit code of a round that failed.
pub(crate) const fn exit_code(error: &PublishError) -> ExitCode {
    match error {
        PublishError::Stores(Error::Unavailable { .. }) => ExitCode::Unavailable,
        PublishError::Stores(Error::Malformed { .. }) => ExitCode::Malformed,
        PublishError::Site { .. } | PublishError::Unfinished { .. } => ExitCode::InDoubt,
        PublishError::OtherBytes { .. } | PublishError::Checkpoint(_) | PublishError::Diverged { .. } => {
            ExitCode::VerificationFailed
        }
        PublishError::Quorum { .. } => ExitCode::Unreached,
    }
}
