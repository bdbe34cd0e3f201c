//! `/v1/observe/derived/decision-memory`: what is remembered of each decision.

use axum::extract::{Extension, RawQuery, State};
use dreichor_core::id::DecisionId;
use dreichor_core::state::Decision;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::LIST_BYTES_MAX;
use super::Shared;
use crate::answer::{Answer, Outcome, raw, with_as_of};
use crate::derived::{AsOf, Derived};
use crate::form;
use crate::problem::{Document, Kind, Problem};
use crate::query::{Place, Query, Segment, path_form};
use crate::source::{Asked, Work};

/// Decision Memory, a page of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionMemoryPage {
    #[schema(value_type = form::Totals)]
    totals: Box<RawValue>,
    /// In the order of their first appearance.
    #[schema(value_type = Vec<form::MemoryEntry>)]
    entries: Vec<Box<RawValue>>,
    /// The cursor for `after`: the next page, now or when the log has grown.
    next: form::Cursor,
    /// The cursor for `before`: the page before; null if there is none.
    #[schema(required)]
    previous: Option<form::Cursor>,
    as_of: AsOf,
}

/// Decision Memory: totals, and the last decisions, those before a cursor, or those after it.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/decision-memory",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The maximum number of entries; 100 if not given"),
        ("before" = Option<form::Cursor>, Query, description = "A cursor: the last entries before it"),
        ("after" = Option<form::Cursor>, Query, description = "A cursor: the first entries after it; `0` is the beginning"),
    ),
    responses((status = 200, body = DecisionMemoryPage))
)]
pub(super) async fn decision_memory(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let query = Query::parse(query.as_deref(), &["limit", "before", "after"])?;
    let (limit, place) = query.page()?;
    api.source
        .derive(asked, Work::Quick, LIST_BYTES_MAX, move |derived| {
            Answer::json(&page(derived, limit, place)?)
        })
        .await
}

fn page(derived: &Derived, limit: usize, place: Place) -> Result<DecisionMemoryPage, Problem> {
    let memory = derived.state().memory();
    let (size, limit) = (memory.decisions().len() as u64, limit as u64);
    let (start, end) = match place {
        Place::Last => (size.saturating_sub(limit), size),
        Place::Before(end) => (end.saturating_sub(limit), end),
        Place::After(start) => (start, start.saturating_add(limit).min(size)),
    };
    if start.max(end) > size {
        return Err(place.is_nowhere());
    }
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let mut totals = Vec::new();
    memory.totals().write(&mut totals);
    let entries = memory.decisions_in(index(start)..index(end)).map(|decision| raw(entry(decision)));
    Ok(DecisionMemoryPage {
        totals: raw(totals)?,
        entries: entries.collect::<Result<_, _>>()?,
        next: form::Cursor::at(end),
        previous: (start > 0).then(|| form::Cursor::at(start)),
        as_of: derived.as_of(),
    })
}

fn entry(decision: Decision<'_>) -> Vec<u8> {
    let mut entry = Vec::new();
    decision.write(&mut entry);
    entry
}

pub(super) fn unknown(id: DecisionId) -> Problem {
    Problem::new(Kind::NotFound, format!("the log has no decision {id}"))
}

/// The entry of one decision in Decision Memory.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/decision-memory/{decisionId}",
    tag = "derived",
    params(("decisionId" = form::DecisionId, Path, description = "The decision's id")),
    responses(
        (status = 200, body = form::RememberedDecision),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no such decision"),
    )
)]
pub(super) async fn decision(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    id: Segment,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let id: DecisionId = path_form("decisionId", &id)?;
    api.source
        .derive(asked, Work::Quick, 0, move |derived| {
            let decision = derived.state().memory().decision(id).ok_or_else(|| unknown(id))?;
            with_as_of(entry(decision), derived.as_of())
        })
        .await
}
