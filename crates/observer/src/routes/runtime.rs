//! `/v1/observe/runtime`, and the paths of the stores.

use axum::extract::{Extension, RawQuery, State};
use dreichor_replay::Stat;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use crate::about::Status;
use crate::answer::{Answer, Outcome};
use crate::query::Query;
use crate::source::{Asked, Work};

/// The runtime, and the receipt at its start.
#[utoipa::path(
    get,
    path = "/v1/observe/runtime/status",
    tag = "runtime",
    responses((status = 200, body = Status))
)]
pub(super) async fn status(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    Answer::json(&api.about.status()?)?.encoded(asked.encoding)
}

/// The paths of the stores.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paths {
    audit_events: StorePath,
    snapshots: StorePath,
}

/// The path of one store.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StorePath {
    path: String,
    exists: bool,
    /// Null: there is no file.
    #[schema(required)]
    size_bytes: Option<u64>,
}

impl StorePath {
    fn of(path: String, stat: Option<Stat>) -> Self {
        Self { path, exists: stat.is_some(), size_bytes: stat.map(|stat| stat.size) }
    }
}

/// The paths of the stores, and their sizes.
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/paths",
    tag = "persistence",
    responses((status = 200, body = Paths))
)]
pub(super) async fn paths(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let answer = api.source.answer(asked, Work::Quick, 0, |look, _| {
        let ([events_path, snapshots_path], [events, snapshots]) = (look.paths(), look.stats());
        Answer::json(&Paths {
            audit_events: StorePath::of(events_path, events),
            snapshots: StorePath::of(snapshots_path, snapshots),
        })
    });
    answer.await
}
