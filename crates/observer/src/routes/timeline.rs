//! `/v1/observe/derived/timeline`: the lifecycle of each strategy instance over logical time.

use std::collections::BTreeMap;

use axum::extract::{Extension, RawQuery, State};
use dreichor_core::value::StrategyInstanceId;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use super::persistence::ANSWER_BYTES_MAX;
use crate::answer::{Answer, Outcome};
use crate::derived::{AsOf, Derived};
use crate::query::{Key, Query};
use crate::source::{Asked, Work};

/// The most intervals of an answer.
const INTERVALS_MAX: usize = 20_000;

/// The lifecycles of strategy instances over logical time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timeline {
    /// The instances that have decided, in byte order; a page of them.
    instances: Vec<Lane>,
    /// The cursor for `after`: the last instance; null: nothing follows.
    #[schema(required, pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
    next: Option<String>,
    /// The cursor for `before`: the first instance; null: nothing precedes.
    #[schema(required, pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
    previous: Option<String>,
    as_of: AsOf,
}

/// The lifecycle of one instance over logical time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Lane {
    strategy_instance_id: String,
    /// Those that touch the asked stretch of time, in order.
    intervals: Vec<Interval>,
    /// How many more there are, the latest: an answer has at most 20,000. Ask again from the last one on.
    intervals_left_out: u64,
}

/// One state of the lifecycle, from one logical time to another.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Interval {
    /// `READY`, `HOLDING` or `COOLDOWN`. An expired cooldown stays COOLDOWN until the next purchase, as in the lifecycle.
    state: &'static str,
    /// When it began. READY begins with the instance's first decision.
    from: u64,
    /// When the next one began; null: it goes on.
    #[schema(required)]
    to: Option<u64>,
    /// What is held.
    #[schema(required)]
    market_id: Option<String>,
    #[schema(required)]
    quantity: Option<String>,
    /// The decision that began it.
    decision_id: String,
    /// Until when the hold time or cooldown lasts.
    #[schema(required)]
    until: Option<u64>,
}

/// The lifecycle of each strategy instance over logical time.
#[utoipa::path(
    method(get, head),
    path = "/v1/observe/derived/timeline",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The most instances; 100 if not given"),
        ("before" = Option<String>, Query, pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", description = "An instance: the last ones before it"),
        ("after" = Option<String>, Query, pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", description = "An instance: the first ones after it"),
        ("from" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "Only intervals that touch this logical time or a later one"),
        ("to" = Option<u64>, Query, maximum = 9_007_199_254_740_991_u64, description = "Only intervals that touch this logical time or an earlier one"),
    ),
    responses((status = 200, body = Timeline))
)]
pub(super) async fn timeline(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let query = Query::parse(query.as_deref(), &["limit", "before", "after", "from", "to"])?;
    let (limit, place) = query.page_by_key()?;
    let times = query.times()?;
    api.source
        .derive(asked, Work::Large, ANSWER_BYTES_MAX, move |derived| {
            Answer::json(&page(derived, limit, place, times))
        })
        .await
}

fn page(
    derived: &Derived,
    limit: usize,
    place: Key<StrategyInstanceId>,
    times: (Option<u64>, Option<u64>),
) -> Timeline {
    let all = derived.state().lifecycles().instances();
    let cut = place.cut(&all, limit, |instance| instance.id());
    let mut lanes: BTreeMap<StrategyInstanceId, Vec<Interval>> =
        cut.items.iter().map(|instance| (instance.id(), Vec::new())).collect();
    fill(&mut lanes, derived);
    let mut room = INTERVALS_MAX;
    let instances = lanes.into_iter().map(|(instance, mut intervals)| {
        intervals.retain(|interval| interval.touches(times));
        let left_out = intervals.len().saturating_sub(room);
        intervals.truncate(room);
        room -= intervals.len();
        Lane { strategy_instance_id: instance.to_string(), intervals, intervals_left_out: left_out as u64 }
    });
    Timeline {
        instances: instances.collect(),
        next: cut.next.map(|instance| instance.to_string()),
        previous: cut.previous.map(|instance| instance.to_string()),
        as_of: derived.as_of(),
    }
}

/// Adds the intervals of these instances, in order.
fn fill(lanes: &mut BTreeMap<StrategyInstanceId, Vec<Interval>>, derived: &Derived) {
    let memory = derived.state().memory();
    for decision in memory.decisions() {
        if let Some(lane) = lanes.get_mut(&decision.instance()).filter(|lane| lane.is_empty()) {
            lane.push(Interval {
                state: "READY",
                from: decision.first_seen_logical_time().get(),
                to: None,
                market_id: None,
                quantity: None,
                decision_id: decision.id().to_string(),
                until: None,
            });
        }
    }
    for held in derived.holdings.iter(memory) {
        let Some(lane) = lanes.get_mut(&held.bought.instance()) else { continue };
        let time = held.bought.first_seen_logical_time().get();
        begin(
            lane,
            Interval {
                state: "HOLDING",
                from: time,
                to: None,
                market_id: Some(held.market_id.to_string()),
                quantity: Some(held.quantity.to_string()),
                decision_id: held.bought.id().to_string(),
                until: Some(time + held.bought.evaluated().parameter_pool.hold_time()),
            },
        );
        if let Some(sold) = held.sold {
            let time = sold.first_seen_logical_time().get();
            begin(
                lane,
                Interval {
                    state: "COOLDOWN",
                    from: time,
                    to: None,
                    market_id: None,
                    quantity: None,
                    decision_id: sold.id().to_string(),
                    until: Some(time + sold.evaluated().parameter_pool.cooldown()),
                },
            );
        }
    }
}

/// Ends the last interval where the next one begins.
fn begin(lane: &mut Vec<Interval>, interval: Interval) {
    if let Some(last) = lane.last_mut() {
        last.to = Some(interval.from);
    }
    lane.push(interval);
}

impl Interval {
    /// True if any moment of it is within these times, both included.
    fn touches(&self, (from, to): (Option<u64>, Option<u64>)) -> bool {
        from.is_none_or(|from| self.to.is_none_or(|end| end >= from)) && to.is_none_or(|to| self.from <= to)
    }
}
