//! `/v1/observe/derived/summary`: the funnel of decisions.

use axum::extract::{Extension, RawQuery, State};
use dreichor_explain::{By, Summary};
use serde::Serialize;

use super::Shared;
use super::persistence::ANSWER_BYTES_MAX;
use crate::answer::{Answer, Outcome};
use crate::derived::AsOf;
use crate::form;
use crate::query::Query;
use crate::source::{Asked, Work};

/// The most groups of an answer.
const GROUPS_MAX: usize = 10_000;

/// The funnel: how many decisions became what, and why.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Funnels {
    #[serde(flatten)]
    summary: Summary,
    /// How many groups more there are, the last: an answer has at most 10,000.
    groups_left_out: usize,
    as_of: AsOf,
}

/// The funnel of the decisions of a stretch of time, as `dreichor summary` prints it.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/summary",
    tag = "derived",
    params(
        ("by" = Option<form::By>, Query, description = "A funnel of each key, too"),
        ("from" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "The least logical time"),
        ("to" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "The greatest logical time"),
    ),
    responses((status = 200, body = form::Funnels))
)]
pub(super) async fn summary(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let query = Query::parse(query.as_deref(), &["by", "from", "to"])?;
    let by: Option<By> = query.form("by")?;
    let (from, to) = query.times()?;
    api.source
        .derive(asked, Work::Large, ANSWER_BYTES_MAX, move |derived| {
            let mut summary = Summary::new(from, to, by);
            for (decision, fate) in derived.state().memory().decisions().zip(&derived.fates) {
                summary.add(decision.first_seen_logical_time(), &decision.evaluated(), *fate);
            }
            let groups_left_out = summary.keep_groups(GROUPS_MAX);
            Answer::json(&Funnels { summary, groups_left_out, as_of: derived.as_of() })
        })
        .await
}
