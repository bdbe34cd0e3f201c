//! `/v1/observe/runtime`, and the paths of the stores.

use axum::extract::{RawQuery, State};
use dreichor_replay::{Directory, Store};
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use crate::about::Status;
use crate::answer::{Answer, Outcome};
use crate::problem::Problem;
use crate::query::Query;

/// The runtime, and the receipt at its start.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/runtime/status",
    tag = "runtime",
    responses((status = 200, body = Status))
)]
pub(super) async fn status(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    Answer::json(&api.about.status()?)
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
    fn of(store: &Store<Directory>) -> Result<Self, Problem> {
        let stat = store.stat()?;
        let path = store.path().display().to_string();
        Ok(Self { path, exists: stat.is_some(), size_bytes: stat.map(|stat| stat.size) })
    }
}

/// The paths of the stores, and their sizes.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/persistence/paths",
    tag = "persistence",
    responses((status = 200, body = Paths))
)]
pub(super) async fn paths(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let paths = api.source.read(|stores| {
        let audit_events = StorePath::of(&stores.events)?;
        Ok(Paths { audit_events, snapshots: StorePath::of(&stores.snapshots)? })
    });
    Answer::json(&paths.await?)
}
