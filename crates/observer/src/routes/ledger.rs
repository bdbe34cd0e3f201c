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
use crate::query::Query;
use crate::source::{Asked, Work};

/// The Shadow Ledger.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ledger {
    /// Always `PAPER` in this phase.
    plane: &'static str,
    /// The markets that were ever traded, in byte order; a page of them.
    #[schema(value_type = Vec<Position>)]
    positions: Vec<Box<RawValue>>,
    /// The cursor for `after`: the last market; null: nothing follows.
    #[schema(required, pattern = "^[A-Za-z0-9._:/-]{1,64}$")]
    next: Option<String>,
    /// The cursor for `before`: the first market; null: nothing precedes.
    #[schema(required, pattern = "^[A-Za-z0-9._:/-]{1,64}$")]
    previous: Option<String>,
    as_of: AsOf,
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

/// The Shadow Ledger: the position of each market; the first ones, those before a market, or those after it.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/derived/shadow-ledger",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The most positions; 100 if not given"),
        ("before" = Option<String>, Query, pattern = "^[A-Za-z0-9._:/-]{1,64}$", description = "A market: the last positions before it"),
        ("after" = Option<String>, Query, pattern = "^[A-Za-z0-9._:/-]{1,64}$", description = "A market: the first positions after it"),
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
                next: cut.next.map(|market| market.to_string()),
                previous: cut.previous.map(|market| market.to_string()),
                as_of: derived.as_of(),
            })
        })
        .await
}
