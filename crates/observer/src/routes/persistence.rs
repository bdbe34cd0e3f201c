//! `/v1/observe/persistence`: the bytes on disk, and the tree over them.

use axum::extract::{Extension, RawQuery, State};
use dreichor_core::LINE_BYTES_MAX;
use dreichor_core::event::EventType;
use dreichor_core::id::DecisionId;
use dreichor_core::value::{LogicalTime, MarketId, Spelled, StrategyInstanceId, Uuid};
use dreichor_replay::find::Found;
use dreichor_replay::page::Search;
use dreichor_replay::{Filter, snapshot};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Shared;
use crate::answer::{Answer, Outcome, raw};
use crate::derived::Derived;
use crate::form;
use crate::held::Held;
use crate::look::Look;
use crate::problem::{Document, Kind, Problem};
use crate::query::{LIMIT, POSITION_MAX, Place, Query, Segment, path_form};
use crate::source::{Asked, Work};

/// Events in file order.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditEvents {
    #[schema(value_type = Vec<form::AuditEvent>)]
    events: Vec<Box<RawValue>>,
    /// The cursor for `after`: the next page, now or when the log has grown.
    next: form::Cursor,
    /// The cursor for `before`: the page before; null if there is none.
    #[schema(required)]
    previous: Option<form::Cursor>,
}

/// Audit events, as a page: the last ones, those before a cursor, or those after it. A cursor is a position in the
/// log, and stays valid for ever.
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/audit-events",
    tag = "persistence",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The maximum number of events; 100 if not given. A page has fewer if they have 16 MiB together"),
        ("before" = Option<form::Cursor>, Query, description = "A cursor: the last events before it"),
        ("after" = Option<form::Cursor>, Query, description = "A cursor: the first events after it; `0` is the log's beginning"),
        ("type" = Option<Vec<form::TypeOfEvent>>, Query, description = "Only events of this type; may be given several times"),
        ("decisionId" = Option<Vec<form::DecisionId>>, Query, description = "Only events of this decision, and feedback on it; may be given several times"),
        ("marketId" = Option<Vec<form::MarketId>>, Query, description = "Only events that name this market; may be given several times"),
        ("strategyInstanceId" = Option<Vec<form::StrategyInstanceId>>, Query, description = "Only events of this instance's decisions, and feedback on them; may be given several times"),
        ("from" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "The least logical time"),
        ("to" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "The greatest logical time"),
    ),
    responses((status = 200, content((AuditEvents = "application/json"), (String = "application/x-ndjson"))))
)]
pub(super) async fn audit_events(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let known =
        ["limit", "before", "after", "type", "decisionId", "marketId", "strategyInstanceId", "from", "to"];
    let query = Query::parse(query.as_deref(), &known)?;
    let (limit, place) = query.page()?;
    let (from, to) = query.times()?;
    let decisions: Vec<DecisionId> = query.forms("decisionId")?;
    let instances: Vec<StrategyInstanceId> = query.forms("strategyInstanceId")?;
    let filter = Filter {
        event_types: query.forms::<EventType>("type")?,
        decisions: decisions.into_iter().map(|id| id.uuid().into()).collect(),
        markets: query.forms::<MarketId>("marketId")?,
        instances: instances.into_iter().map(|id| id.uuid().into()).collect(),
        from,
        to,
    };
    // Only Decision Memory has the instance of an event's decision.
    let derived = if filter.instances.is_empty() { None } else { Some(api.source.derived(asked).await?) };
    let work = if filter != Filter::default() {
        Work::Search
    } else if limit > LIMIT {
        Work::Large
    } else {
        Work::Quick
    };
    let bytes = (limit as u64).saturating_mul(LINE_BYTES_MAX as u64).min(ANSWER_BYTES_MAX);
    let budget = api.source.limits.search_bytes;
    let links = query.links(asked);
    let answer = api.source.answer(asked, work, bytes, move |look, wanted| {
        let goes_on = |bytes| bytes < budget && wanted.is_wanted();
        let page = read_page(look, limit, place, &filter, derived.as_deref(), &goes_on)?;
        match links {
            Some(links) => {
                let link = links.header(page.next, page.previous)?;
                Answer::lines(page.events.iter().map(|event| event.get()), link)
            }
            None => Answer::json(&page),
        }
    });
    answer.await
}

/// The most bytes that a page's answer has.
pub(super) const ANSWER_BYTES_MAX: u64 = 16 << 20;

fn read_page(
    look: &Look,
    limit: usize,
    place: Place,
    filter: &Filter,
    derived: Option<&Derived>,
    goes_on: &dyn Fn(u64) -> bool,
) -> Result<AuditEvents, Problem> {
    let mut view = look.view();
    if let Place::Before(position) | Place::After(position) = place
        && !view.is_boundary(position)?
    {
        return Err(place.is_nowhere());
    }
    if let Some(derived) = derived {
        // Lines after those whose decisions are known must not be passed over: they are of the next page.
        view = view.up_to(derived.replayed.events_bytes);
    }
    let view = view.within(filter.from, filter.to)?;
    let empty = dreichor_core::State::new();
    let memory = derived.map_or(&empty, Derived::state).memory();
    let search = Search {
        limit,
        words: filter.words(),
        is_candidate: &|line: &[u8]| filter.is_candidate(line, memory),
        goes_on,
        asks_for: |event: &dreichor_core::Event<'_>| filter.asks_for(event, memory),
    };
    let page = match place {
        Place::Last => view.page_before(view.end(), &search)?,
        Place::Before(position) => view.page_before(position.clamp(view.start(), view.end()), &search)?,
        Place::After(position) => view.page_after(position.clamp(view.start(), view.end()), &search)?,
    };
    let events = page.lines.into_iter().map(raw).collect::<Result<_, _>>()?;
    Ok(AuditEvents {
        events,
        next: form::Cursor::at(page.next),
        previous: page.previous.map(form::Cursor::at),
    })
}

/// One event, and its place.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundEvent {
    #[schema(value_type = form::AuditEvent)]
    event: Box<RawValue>,
    /// From 1.
    line_number: u64,
    /// From 0: the index of its leaf in the tree.
    leaf_index: u64,
}

/// One audit event, with its line and the index of its leaf.
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/audit-events/{id}",
    tag = "persistence",
    params(("id" = form::Uuid, Path, description = "The event's id")),
    responses(
        (status = 200, body = FoundEvent),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no such event"),
    )
)]
pub(super) async fn audit_event(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    id: Segment,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let id: Uuid = path_form("id", &id)?;
    let derived = api.source.some_derived(asked).await?;
    let answer = api.source.answer(asked, Work::Quick, LINE_BYTES_MAX as u64 * 2, move |look, _| {
        let found = find(&derived, look, id)?.ok_or_else(|| unknown(id))?;
        let leaf_index = found.number - 1;
        Answer::json(&FoundEvent { event: raw(found.bytes)?, line_number: found.number, leaf_index })
    });
    answer.await
}

/// Finds an event by its id: where the derived state has it, or in what the log has grown by since.
fn find(derived: &Derived, look: &Look, id: Uuid) -> Result<Option<Found>, Problem> {
    if let Some(found) = derived.find(&look.view(), id)? {
        return Ok(Some(found));
    }
    let found = look.view().starting_at(derived.replayed.events_bytes).find(id)?;
    Ok(found.map(|found| Found { number: derived.leaves.size() + found.number, ..found }))
}

fn unknown(id: Uuid) -> Problem {
    Problem::new(Kind::NotFound, format!("the log has no event {id}"))
}

/// The log in numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    total_count: u64,
    /// Every type, also those that have not occurred.
    #[schema(value_type = BTreeMap<String, u64>)]
    counts_by_type: Counted,
    /// Null: the log is empty.
    #[schema(required)]
    last_event_id: Option<form::Uuid>,
    #[schema(required)]
    last_logical_time: Option<u64>,
    /// The size of the whole lines.
    bytes: u64,
    /// The size of the unterminated bytes after them.
    unterminated_bytes: u64,
    /// The decision of the last tick, if its last events are missing.
    #[schema(required)]
    interrupted_tick: Option<form::DecisionId>,
}

/// Counts in the format's order, which a map does not keep.
struct Counted(crate::derived::Counts);

impl Serialize for Counted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.by_type().map(|(event_type, count)| (event_type.as_str(), count)))
    }
}

/// The number of events by type, and the end of the log.
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/audit-events/summary",
    tag = "persistence",
    responses((status = 200, body = Summary))
)]
pub(super) async fn summary(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let answer = api.source.derive(asked, Work::Quick, 0, |derived| {
        let replayed = &derived.replayed;
        Answer::json(&Summary {
            total_count: replayed.history.size(),
            counts_by_type: Counted(derived.counts),
            last_event_id: derived.last_event_id.map(form::Uuid),
            last_logical_time: derived.state().last_logical_time().map(LogicalTime::get),
            bytes: replayed.events_bytes,
            unterminated_bytes: derived.unterminated_bytes,
            interrupted_tick: replayed.interrupted_decision().map(form::DecisionId),
        })
    });
    answer.await
}

/// A snapshot that is longer than this, in bytes, waits in the queue of large pages.
const QUICK_BYTES_MAX: u64 = 1 << 20;

/// The latest snapshot.
#[derive(Serialize, ToSchema)]
pub(super) struct LatestSnapshot {
    /// Null: there is none.
    #[schema(value_type = Option<form::Snapshot>, required)]
    snapshot: Option<Box<RawValue>>,
}

/// The latest snapshot.
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/snapshots/latest",
    tag = "persistence",
    responses((status = 200, body = LatestSnapshot))
)]
pub(super) async fn latest_snapshot(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    // How long it is, first: for its room, and its queue.
    let length = api.source.read(Work::Quick, |look, _| Ok(look.latest()?.map_or(0, |found| found.bytes())));
    let bytes = length.await?;
    let work = if bytes > QUICK_BYTES_MAX { Work::Large } else { Work::Quick };
    api.source.answer(asked, work, bytes, |look, _| read_latest(look.latest()?)).await
}

fn read_latest(found: Option<snapshot::Found<'_, Held>>) -> Outcome {
    let line = found.map(|found| found.read().map(|(line, _)| line)).transpose()?;
    Answer::json(&LatestSnapshot { snapshot: line.map(raw).transpose()? })
}

/// The tree over all events: RFC 6962, SHA-256, one leaf for each in file order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TreeHead {
    tree_size: u64,
    root_hash: form::Hash,
}

/// The size and root of the tree over all events (RFC 6962).
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/tree-head",
    tag = "persistence",
    responses((status = 200, body = TreeHead))
)]
pub(super) async fn tree_head(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let answer = api.source.derive(asked, Work::Quick, 0, |derived| {
        let tree_size = derived.replayed.history.size();
        Answer::json(&TreeHead { tree_size, root_hash: form::Hash(derived.root_hash) })
    });
    answer.await
}

/// A proof that an event is in the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InclusionProof {
    leaf_index: u64,
    tree_size: u64,
    /// The hashes, from the leaf's sibling up.
    path: Vec<form::Hash>,
}

/// The proof that an event is in the tree of the log's first events (RFC 6962 section 2.1.1).
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/proof/inclusion",
    tag = "persistence",
    params(
        ("eventId" = form::Uuid, Query, description = "The event's id"),
        ("treeSize" = Option<u64>, Query, minimum = 1, maximum = 999_999_999_999_999_999_u64, description = "The size of the tree; that of the log if not given"),
    ),
    responses(
        (status = 200, body = InclusionProof),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no such event"),
    )
)]
pub(super) async fn inclusion(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let query = Query::parse(query.as_deref(), &["eventId", "treeSize"])?;
    let id: Uuid = Query::required("eventId", query.form("eventId")?)?;
    let tree_size = query.integer("treeSize", 1, POSITION_MAX)?;
    let derived = api.source.derived(asked).await?;
    let answer = api.source.answer(asked, Work::Quick, 0, move |look, _| {
        // An event that was written after the derivation is not in the tree yet.
        let view = look.view().up_to(derived.replayed.events_bytes);
        let leaf_index = derived.find(&view, id)?.ok_or_else(|| unknown(id))?.number - 1;
        let tree_size = tree_size.unwrap_or(derived.leaves.size());
        let path = derived.leaves.inclusion(&view, leaf_index, tree_size)?;
        let path = path.ok_or_else(|| {
            let leaves = derived.leaves.size();
            let detail = format!("treeSize must be from {} to {leaves} for this event", leaf_index + 1);
            Problem::parameter("treeSize", detail)
        })?;
        Answer::json(&InclusionProof {
            leaf_index,
            tree_size,
            path: path.into_iter().map(form::Hash).collect(),
        })
    });
    answer.await
}

/// A proof that a log is the beginning of another.
#[derive(Serialize, ToSchema)]
pub(super) struct ConsistencyProof {
    from: u64,
    to: u64,
    /// The hashes, in the order of RFC 6962.
    path: Vec<form::Hash>,
}

/// The proof that the tree of the log's first events is the beginning of a larger one (RFC 6962 section 2.1.2).
#[utoipa::path(
    get,
    path = "/v1/observe/persistence/proof/consistency",
    tag = "persistence",
    params(
        ("from" = u64, Query, maximum = 999_999_999_999_999_999_u64, description = "The size of the smaller tree"),
        ("to" = Option<u64>, Query, maximum = 999_999_999_999_999_999_u64, description = "The size of the larger tree; that of the log if not given"),
    ),
    responses((status = 200, body = ConsistencyProof))
)]
pub(super) async fn consistency(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let query = Query::parse(query.as_deref(), &["from", "to"])?;
    let from = Query::required("from", query.integer("from", 0, POSITION_MAX)?)?;
    let to = query.integer("to", 0, POSITION_MAX)?;
    let derived = api.source.derived(asked).await?;
    let answer = api.source.answer(asked, Work::Quick, 0, move |look, _| {
        let leaves = derived.leaves.size();
        let to = to.unwrap_or(leaves);
        if to > leaves {
            return Err(Problem::parameter("to", format!("to must be at most {leaves}, the log's size")));
        }
        let path = derived.leaves.consistency(&look.view(), from, to)?;
        let path =
            path.ok_or_else(|| Problem::parameter("from", format!("from must be at most {to}, as `to` is")))?;
        Answer::json(&ConsistencyProof { from, to, path: path.into_iter().map(form::Hash).collect() })
    });
    answer.await
}
