//! `/v1/observe/derived/shadow-ledger`: the position of each market.

use axum::extract::{Extension, RawQuery, State};
use dreichor_core::value::MarketId;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::LIST_BYTES_MAX;
use super::Shared;
use crate::answer::{Answer, Outcome, raw};
use crate::derived::AsOf;
use crate::form;
use crate::query::Query;
use crate::source::{Asked, Work};

/// The Shadow Ledger.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ledger {
    /// Always `PAPER` in this phase.
    plane: &'static str,
    /// The markets that were ever traded, in byte order; a page of them.
    #[schema(value_type = Vec<form::Position>)]
    positions: Vec<Box<RawValue>>,
    /// The cursor for `after`: the last market; null: nothing follows.
    #[schema(required)]
    next: Option<form::MarketId>,
    /// The cursor for `before`: the first market; null: nothing precedes.
    #[schema(required)]
    previous: Option<form::MarketId>,
    as_of: AsOf,
}

/// The Shadow Ledger: the position of each market; the first ones, those before a market, or those after it.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/shadow-ledger",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The most positions; 100 if not given"),
        ("before" = Option<form::MarketId>, Query, description = "A market: the last positions before it"),
        ("after" = Option<form::MarketId>, Query, description = "A market: the first positions after it"),
    ),
    responses((status = 200, body = Ledger))
)]
pub(super) async fn shadow_ledger(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let query = Query::parse(query.as_deref(), &["limit", "before", "after"])?;
    let (limit, place) = query.page_by_key::<MarketId>()?;
    api.source
        .derive(asked, Work::Large, LIST_BYTES_MAX, move |derived| {
            let all: Vec<_> = derived.state().ledger().positions().iter().collect();
            let cut = place.cut(&all, limit, |(market, _)| **market);
            let positions = cut.items.iter().map(|(market, position)| {
                let mut text = Vec::new();
                position.write(**market, &mut text);
                raw(text)
            });
            Answer::json(&Ledger {
                plane: "PAPER",
                positions: positions.collect::<Result<_, _>>()?,
                next: cut.next.map(form::MarketId),
                previous: cut.previous.map(form::MarketId),
                as_of: derived.as_of(),
            })
        })
        .await
}
