//! `explain`: one decision's story.

use std::io::Write;

use dreichor_core::value::{StrategyInstanceId, Uuid};
use dreichor_explain::{Explained, explain};
use dreichor_replay::{Replayed, Stores};
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::Json;
use crate::output::{Failure, stdout};
use crate::progress::Progress;

pub(super) fn run(config: &Config, id: Uuid, json: Json) -> Result<ExitCode, Failure> {
    let stores = Stores::open_to_read(&config.directories)?;
    let Explained { story, replayed } = explain(&stores, id, &mut Progress::new("replay"))?;
    replayed.warn_of_tail();
    let Some(story) = story else { return Err(Failure::NotFound(not_found(id, &replayed))) };
    let mut out = stdout();
    if json.json {
        out.write_all(&story.to_json())?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(story.to_text().as_bytes())?;
    }
    out.flush()?;
    Ok(ExitCode::Done)
}

/// Says that no story has the id, and where to look for one that does.
fn not_found(id: Uuid, replayed: &Replayed) -> String {
    let events = replayed.history.size();
    let instance = StrategyInstanceId::new(id);
    let next = if replayed.history.state().lifecycles().instance(instance).is_some() {
        format!(
            "next: it is a strategy instance; `dreichor events --instance {id} --type DECISION_EVALUATED` prints its decisions"
        )
    } else if let Some(decision) = replayed.interrupted_decision() {
        format!(
            "next: the log ends within the tick of decision {decision}, whose missing events may have it; ask again when a writer has recorded them"
        )
    } else {
        "next: see that it is whole and of this log; `dreichor state memory` lists the decisions, and `dreichor events` prints every id".into()
    };
    format!(
        "{id}: none of the log's {events} events has this id, nor does a decision, order intent, execution or feedback\n{next}"
    )
}
