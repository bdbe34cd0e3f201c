//! `/v1/observe/derived/decisions`: what became of each decision, and the story of one.

use axum::extract::{Extension, RawQuery, State};
use dreichor_core::id::DecisionId;
use dreichor_core::value::{MarketId, ParameterPool, StrategyInstanceId};
use dreichor_explain::decided::Row;
use dreichor_explain::page::{self, Search};
use dreichor_explain::{Decided, Outcome as Became, Selection};
use dreichor_replay::reference::IdPrefix;
use serde::Serialize;
use utoipa::ToSchema;

use super::LIST_BYTES_MAX;
use super::Shared;
use super::memory::unknown;
use crate::answer::{Answer, Outcome};
use crate::derived::AsOf;
use crate::form;
use crate::look::Look;
use crate::problem::{Document, Problem};
use crate::query::{Place, Query, Segment, path_form};
use crate::source::{Asked, Source, Work};

/// Decisions in file order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionsPage {
    #[schema(value_type = Vec<form::DecisionRow>)]
    decisions: Vec<Row>,
    /// The cursor for `after`: the next page, now or when the log has grown.
    next: form::Cursor,
    /// The cursor for `before`: the page before; null if there is none.
    #[schema(required)]
    previous: Option<form::Cursor>,
    as_of: AsOf,
}

/// What became of each decision, newest last, as `dreichor decisions` prints it: the last ones, those before a cursor,
/// or those after it whose ticks are whole.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/decisions",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The most decisions; 100 if not given"),
        ("before" = Option<form::Cursor>, Query, description = "A cursor: the last decisions before it"),
        ("after" = Option<form::Cursor>, Query, description = "A cursor: the first decisions after it; `0` is the log's beginning"),
        ("outcome" = Option<Vec<form::Outcome>>, Query, description = "Only decisions that became this; may be given several times"),
        ("reason" = Option<Vec<form::Reason>>, Query, description = "Only decisions with this reason; may be given several times"),
        ("marketId" = Option<Vec<form::MarketId>>, Query, description = "Only decisions whose target or order has this market; may be given several times"),
        ("strategyInstanceId" = Option<Vec<form::StrategyInstanceId>>, Query, description = "Only decisions of this instance; may be given several times"),
        ("parameterPoolId" = Option<Vec<form::ParameterPool>>, Query, description = "Only decisions with this parameter pool; may be given several times"),
        ("from" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "The least logical time"),
        ("to" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "The greatest logical time"),
    ),
    responses((status = 200, content((DecisionsPage = "application/json"), (String = "application/x-ndjson"))))
)]
pub(super) async fn decisions(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let known = [
        "limit",
        "before",
        "after",
        "outcome",
        "reason",
        "marketId",
        "strategyInstanceId",
        "parameterPoolId",
        "from",
        "to",
    ];
    let query = Query::parse(query.as_deref(), &known)?;
    let (limit, place) = query.page()?;
    let (from, to) = query.times()?;
    let instances: Vec<StrategyInstanceId> = query.forms("strategyInstanceId")?;
    let selection = Selection {
        outcomes: query.forms::<Became>("outcome")?,
        reasons: query.reasons()?,
        instances: instances.into_iter().map(|instance| IdPrefix::from(instance.uuid())).collect(),
        markets: query.forms::<MarketId>("marketId")?,
        pools: query.forms::<ParameterPool>("parameterPoolId")?,
        from,
        to,
    };
    let source = api.source.clone();
    let links = query.links(asked);
    let budget = api.source.limits.search_bytes.min(BUDGET_BYTES);
    let work = if selection == Selection::default() { Work::Large } else { Work::Search };
    let answer = api.source.answer(asked, work, LIST_BYTES_MAX, move |look, wanted| {
        let goes_on = |bytes| bytes < budget && wanted.is_wanted();
        let search = Search { limit, selection: &selection, goes_on: &goes_on };
        let page = read_page(&source, look, place, &search)?;
        match links {
            Some(links) => {
                let rows = page.decisions.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>();
                let rows = rows.map_err(|_| Problem::internal("an answer cannot be written"))?;
                Answer::lines(rows.iter(), links.header(page.next, page.previous)?)
            }
            None => Answer::json(&page),
        }
    });
    answer.await
}

/// How many bytes of the log a page of decisions reads: each of their lines is parsed and hashed.
const BUDGET_BYTES: u64 = 32 << 20;

fn read_page(
    source: &Source,
    look: &Look,
    place: Place,
    search: &Search<'_>,
) -> Result<DecisionsPage, Problem> {
    let whole = look.view();
    if let Place::Before(position) | Place::After(position) = place
        && !(whole.is_boundary(position)? && page::is_position(&whole, position)?)
    {
        return Err(place.is_nowhere());
    }
    let as_of = source.as_of(&whole)?;
    let view = whole.within(search.selection.from, search.selection.to)?;
    let page = match place {
        Place::Last => page::before(&view, view.end(), search)?,
        Place::Before(position) => page::before(&view, position.clamp(view.start(), view.end()), search)?,
        Place::After(position) => page::after(&view, position.clamp(view.start(), view.end()), search)?,
    };
    Ok(DecisionsPage {
        decisions: page.decided.iter().map(Decided::row).collect(),
        next: form::Cursor::at(page.next),
        previous: page.previous.map(form::Cursor::at),
        as_of,
    })
}

/// One decision's story: its events in order, and their explanation in sentences, as `dreichor explain` prints it.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/decisions/{decisionId}",
    tag = "derived",
    params(("decisionId" = form::DecisionId, Path, description = "The decision's id")),
    responses(
        (status = 200, body = form::Story),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no such decision"),
    )
)]
pub(super) async fn story(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    id: Segment,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let id: DecisionId = path_form("decisionId", &id)?;
    let derived = api.source.derived(asked).await?;
    derived.state().memory().decision(id).ok_or_else(|| unknown(id))?;
    api.source.story(id, asked).await
}
