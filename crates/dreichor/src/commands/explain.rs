//! `explain`: one decision's story.

use std::io::Write;

use dreichor_core::state::Instance;
use dreichor_core::value::StrategyInstanceId;
use dreichor_explain::{Explained, explain};
use dreichor_replay::reference::{Named, Reference};
use dreichor_replay::{Replayed, Stores};
use dreichor_runtime::config::ConfigError;
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::Json;
use crate::output::{Failure, stdout};
use crate::progress::Progress;
use crate::table;

pub(super) fn run(config: &Config, reference: &Reference, json: Json) -> Result<ExitCode, Failure> {
    let stores = Stores::open_to_read(&config.directories)?;
    let story = match explain(&stores, reference, &mut Progress::new("replay"))? {
        Explained::Story(story, replayed) => {
            replayed.warn_of_tail();
            story
        }
        Explained::Nothing(replayed) => {
            replayed.warn_of_tail();
            return Err(Failure::NotFound(not_found(reference, &replayed)));
        }
        Explained::Ambiguous(candidates) => return Err(ambiguous(&candidates, "decision")),
    };
    let mut out = stdout();
    if json.json {
        out.write_all(&story.to_json())?;
        out.write_all(b"\n")?;
    } else {
        let columns = table::is_terminal().then(table::columns);
        out.write_all(story.to_text(columns).as_bytes())?;
    }
    out.flush()?;
    Ok(ExitCode::Done)
}

/// Lists what a reference could mean, of which one `thing` is wanted.
pub(super) fn ambiguous(candidates: &[Named], thing: &str) -> Failure {
    let line = |named: &Named| {
        let instance = named.instance.map_or_else(String::new, |instance| format!(", instance {instance}"));
        format!("line {} at time {}: {}{instance}", named.line, named.logical_time, named.subject)
    };
    let lines: Vec<String> = candidates.iter().map(line).collect();
    ConfigError(vec![format!("ID names more than one {thing}; add digits:\n  {}", lines.join("\n  "))]).into()
}

/// The message that no id matches, and where the ids of the log are shown.
fn not_found(reference: &Reference, replayed: &Replayed) -> String {
    let events = replayed.history.size();
    let lifecycles = replayed.history.state().lifecycles();
    let instance = match reference {
        Reference::Id(prefix) => {
            lifecycles.instances().into_iter().map(Instance::id).find(|id| prefix.matches(id.uuid()))
        }
        Reference::Line(_) | Reference::Decision(..) => None::<StrategyInstanceId>,
    };
    let next = if let Some(instance) = instance {
        format!(
            "next: the ID is of a strategy instance; `dreichor decisions --instance {instance}` shows its decisions"
        )
    } else if let Some(decision) = replayed.interrupted_decision() {
        format!(
            "next: the log ends within the tick of decision {decision}, whose missing events may have the ID; try again when a writer has recorded them"
        )
    } else {
        "next: check that the ID belongs to this log; `dreichor decisions` lists the decisions, and `dreichor events` every id".into()
    };
    format!("no id in the log's {events} events matches\n{next}")
}
