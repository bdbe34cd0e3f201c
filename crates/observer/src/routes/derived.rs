//! `/v1/observe/derived`: the state that follows from the events, by the one fold.

use axum::extract::{RawQuery, State};
use dreichor_core::id::DecisionId;
use dreichor_core::value::LogicalTime;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Shared;
use super::persistence::AuditEvent;
use crate::answer::{Answer, JSON, Outcome, raw};
use crate::problem::{Document, Kind, Problem};
use crate::query::{Place, Query, Segment, path_form};

/// The totals of Decision Memory.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what the core writes")]
pub(super) struct Totals {
    decisions: u64,
    execution: ExecutionTotals,
    safety: SafetyTotals,
    feedback: Feedback,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
struct ExecutionTotals {
    executions_observed: u64,
    filled_count: u64,
    failed_count: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
struct SafetyTotals {
    evaluations_observed: u64,
    blocked_count: u64,
    forced_sell_count: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
struct Feedback {
    feedback_count: u64,
    categories: Categories,
}

#[derive(ToSchema)]
#[expect(dead_code, non_snake_case, reason = "it describes what the core writes")]
struct Categories {
    DECISION_QUALITY: u64,
    RISK_COMFORT: u64,
    SYSTEM_BEHAVIOR: u64,
}

/// The entry of one decision in Decision Memory.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
pub(super) struct MemoryEntry {
    decision_id: String,
    strategy_instance_id: String,
    decision_class: String,
    first_seen_logical_time: u64,
    execution: Execution,
    safety: Safety,
    feedback: Feedback,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
struct Execution {
    executions_observed: u64,
    filled_count: u64,
    failed_count: u64,
    #[schema(required)]
    last_execution_status: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
struct Safety {
    evaluations_observed: u64,
    blocked_count: u64,
    forced_sell_count: u64,
    #[schema(required)]
    last_safety_result: Option<String>,
}

/// Decision Memory, a page of it.
#[derive(Serialize, ToSchema)]
pub(super) struct DecisionMemoryPage {
    #[schema(value_type = Totals)]
    totals: Box<RawValue>,
    /// In the order of their first appearance.
    #[schema(value_type = Vec<MemoryEntry>)]
    entries: Vec<Box<RawValue>>,
    /// The cursor for `after`: the next page, now or when the log has grown.
    next: String,
    /// The cursor for `before`: the page before; null if there is none.
    #[schema(required)]
    previous: Option<String>,
}

/// Decision Memory: totals, and the last decisions, those before a cursor, or those after it.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/derived/decision-memory",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The maximum number of entries; 100 if not given"),
        ("before" = Option<String>, Query, description = "A cursor: the last entries before it"),
        ("after" = Option<String>, Query, description = "A cursor: the first entries after it; `0` is the beginning"),
    ),
    responses((status = 200, body = DecisionMemoryPage))
)]
pub(super) async fn decision_memory(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    let query = Query::parse(query.as_deref(), &["limit", "before", "after"])?;
    let (limit, place) = query.page()?;
    let derived = api.source.derived().await?;
    let memory = derived.replayed.history.state().memory();
    let size = memory.decisions().len() as u64;
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
    let entries = memory.decisions_in(index(start)..index(end)).map(entry).collect::<Result<_, _>>()?;
    Answer::json(&DecisionMemoryPage {
        totals: raw(totals)?,
        entries,
        next: end.to_string(),
        previous: (start > 0).then(|| start.to_string()),
    })
}

fn entry(decision: dreichor_core::state::Decision<'_>) -> Result<Box<RawValue>, Problem> {
    let mut entry = Vec::new();
    decision.write(&mut entry);
    raw(entry)
}

fn unknown(id: DecisionId) -> Problem {
    Problem::new(Kind::NotFound, format!("the log has no decision {id}"))
}

/// The entry of one decision in Decision Memory.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/derived/decision-memory/{decisionId}",
    tag = "derived",
    params(("decisionId" = String, Path, description = "The decision's id")),
    responses(
        (status = 200, body = MemoryEntry),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no such decision"),
    )
)]
pub(super) async fn decision(State(api): Shared, id: Segment, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let id: DecisionId = path_form("decisionId", &id)?;
    let derived = api.source.derived().await?;
    let decision = derived.replayed.history.state().memory().decision(id).ok_or_else(|| unknown(id))?;
    Answer::json(&entry(decision)?)
}

/// One decision's story.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the story writes")]
pub(super) struct Story {
    decision_id: String,
    /// What became of the decision, in a sentence or two.
    outcome: String,
    /// True if the log ends within the decision's tick.
    interrupted: bool,
    /// The number of the latest feedback events that are left out for their size.
    feedback_left_out: u64,
    /// The decision's events and the feedback on it, in file order.
    events: Vec<StoryEvent>,
    /// The same as sentences.
    explanation: Vec<Sentence>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what the story writes")]
struct StoryEvent {
    /// From 1.
    line: u64,
    event: AuditEvent,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, clippy::struct_field_names, reason = "it describes what the story writes")]
struct Sentence {
    sentence: String,
    /// The line that the sentence comes from, from 1.
    line: u64,
    /// The event that the sentence comes from.
    event_id: String,
}

/// One decision's story: its events in order, and their explanation in sentences, as `dreichor explain` prints it.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/derived/decisions/{decisionId}",
    tag = "derived",
    params(("decisionId" = String, Path, description = "The decision's id")),
    responses(
        (status = 200, body = Story),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no such decision"),
    )
)]
pub(super) async fn story(State(api): Shared, id: Segment, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let id: DecisionId = path_form("decisionId", &id)?;
    let derived = api.source.derived().await?;
    if derived.replayed.history.state().memory().decision(id).is_none() {
        return Err(unknown(id));
    }
    Answer::of(JSON, api.source.story(id).await?)
}

/// The Shadow Ledger.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ledger {
    /// Always `PAPER` in this phase.
    plane: &'static str,
    /// Every market with a trade, in byte order.
    #[schema(value_type = Vec<Position>)]
    positions: Vec<Box<RawValue>>,
    as_of: AsOf,
}

/// The number of folded events, and the time of the last.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AsOf {
    tree_size: u64,
    /// Null: there is no event.
    #[schema(required)]
    logical_time: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
struct Position {
    market_id: String,
    /// A decimal number.
    quantity: String,
    is_open: bool,
    last_execution_id: String,
}

/// The Shadow Ledger: the position of each market.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/derived/shadow-ledger",
    tag = "derived",
    responses((status = 200, body = Ledger))
)]
pub(super) async fn shadow_ledger(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let derived = api.source.derived().await?;
    let history = &derived.replayed.history;
    let positions = history.state().ledger().positions().iter().map(|(market, position)| {
        let mut text = Vec::new();
        position.write(*market, &mut text);
        raw(text)
    });
    Answer::json(&Ledger {
        plane: "PAPER",
        positions: positions.collect::<Result<_, _>>()?,
        as_of: AsOf {
            tree_size: history.size(),
            logical_time: history.state().last_logical_time().map(LogicalTime::get),
        },
    })
}

/// The lifecycle of each strategy instance.
#[derive(Serialize, ToSchema)]
pub(super) struct LifecyclesAnswer {
    /// Every instance that has decided, in byte order.
    #[schema(value_type = Vec<LifecycleEntry>)]
    lifecycles: Vec<Box<RawValue>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what the core writes")]
struct LifecycleEntry {
    strategy_instance_id: String,
    /// `READY`, `HOLDING` or `COOLDOWN`.
    state: String,
    #[schema(required)]
    market_id: Option<String>,
    #[schema(required)]
    quantity: Option<String>,
    #[schema(required)]
    until: Option<u64>,
    last_logical_time: u64,
}

/// The lifecycle of each strategy instance.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/derived/lifecycles",
    tag = "derived",
    responses((status = 200, body = LifecyclesAnswer))
)]
pub(super) async fn lifecycles(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let derived = api.source.derived().await?;
    let instances = derived.replayed.history.state().lifecycles().instances();
    let lifecycles = instances.into_iter().map(|instance| {
        let mut text = Vec::new();
        instance.write(&mut text);
        raw(text)
    });
    Answer::json(&LifecyclesAnswer { lifecycles: lifecycles.collect::<Result<_, _>>()? })
}
