//! `/v1/observe/derived/lifecycles`: the lifecycle of each strategy instance.

use axum::extract::{Extension, RawQuery, State};
use dreichor_core::value::StrategyInstanceId;
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

/// The lifecycle of each strategy instance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LifecyclesAnswer {
    /// The instances that have decided, in byte order; a page of them.
    #[schema(value_type = Vec<form::Lifecycle>)]
    lifecycles: Vec<Box<RawValue>>,
    /// The cursor for `after`: the last instance; null: nothing follows.
    #[schema(required)]
    next: Option<form::StrategyInstanceId>,
    /// The cursor for `before`: the first instance; null: nothing precedes.
    #[schema(required)]
    previous: Option<form::StrategyInstanceId>,
    as_of: AsOf,
}

/// The lifecycle of each strategy instance; the first ones, those before an instance, or those after it.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/lifecycles",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The most instances; 100 if not given"),
        ("before" = Option<form::StrategyInstanceId>, Query, description = "An instance: the last ones before it"),
        ("after" = Option<form::StrategyInstanceId>, Query, description = "An instance: the first ones after it"),
    ),
    responses((status = 200, body = LifecyclesAnswer))
)]
pub(super) async fn lifecycles(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let query = Query::parse(query.as_deref(), &["limit", "before", "after"])?;
    let (limit, place) = query.page_by_key::<StrategyInstanceId>()?;
    api.source
        .derive(asked, Work::Large, LIST_BYTES_MAX, move |derived| {
            let all = derived.state().lifecycles().instances();
            let cut = place.cut(&all, limit, |instance| instance.id());
            let lifecycles = cut.items.iter().map(|instance| {
                let mut text = Vec::new();
                instance.write(&mut text);
                raw(text)
            });
            Answer::json(&LifecyclesAnswer {
                lifecycles: lifecycles.collect::<Result<_, _>>()?,
                next: cut.next.map(form::StrategyInstanceId),
                previous: cut.previous.map(form::StrategyInstanceId),
                as_of: derived.as_of(),
            })
        })
        .await
}
