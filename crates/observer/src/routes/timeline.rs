//! `/v1/observe/derived/timeline`: the lifecycle of each strategy instance over logical time.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Extension, RawQuery, State};
use dreichor_core::state::{Decision, LifecycleState};
use dreichor_core::value::StrategyInstanceId;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use super::persistence::ANSWER_BYTES_MAX;
use crate::answer::{Answer, Outcome};
use crate::derived::{AsOf, Derived};
use crate::form;
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
    #[schema(required)]
    next: Option<form::StrategyInstanceId>,
    /// The cursor for `before`: the first instance; null: nothing precedes.
    #[schema(required)]
    previous: Option<form::StrategyInstanceId>,
    as_of: AsOf,
}

/// The lifecycle of one instance over logical time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Lane {
    strategy_instance_id: form::StrategyInstanceId,
    /// Those that touch the asked stretch of time, in order.
    intervals: Vec<Interval>,
    /// How many more there are, the latest: an answer has at most 20,000. Ask again from the last one on.
    intervals_left_out: usize,
    /// How many intervals there is room for.
    #[serde(skip)]
    room: usize,
}

/// One state of the lifecycle, from one logical time to another.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Interval {
    /// An expired cooldown stays COOLDOWN until the next purchase, as in the lifecycle.
    state: form::LifecycleState,
    /// When it began. READY begins with the instance's first decision.
    from: u64,
    /// When the next one began; null: it goes on.
    #[schema(required)]
    to: Option<u64>,
    /// What is held.
    #[schema(required)]
    market_id: Option<form::MarketId>,
    #[schema(required)]
    quantity: Option<form::Decimal>,
    /// The decision that began it.
    decision_id: form::DecisionId,
    /// Until when the hold time or cooldown lasts.
    #[schema(required)]
    until: Option<u64>,
}

/// The lifecycle of each strategy instance over logical time.
#[utoipa::path(
    get,
    path = "/v1/observe/derived/timeline",
    tag = "derived",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "The most instances; 100 if not given"),
        ("before" = Option<form::StrategyInstanceId>, Query, description = "An instance: the last ones before it"),
        ("after" = Option<form::StrategyInstanceId>, Query, description = "An instance: the first ones after it"),
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
    let first = first_intervals(derived, cut.items.iter().map(|instance| instance.id()));
    // Counted first, so that no more of them are kept at once than the answer has.
    let mut counts: BTreeMap<StrategyInstanceId, usize> = first.keys().map(|id| (*id, 0)).collect();
    each_interval(derived, first.clone(), |instance, interval| {
        *counts.entry(instance).or_default() += usize::from(interval.touches(times));
    });
    let mut left = INTERVALS_MAX;
    let lane = |(instance, count): (StrategyInstanceId, usize)| {
        let room = count.min(left);
        left -= room;
        let strategy_instance_id = form::StrategyInstanceId(instance);
        let intervals = Vec::with_capacity(room);
        (instance, Lane { strategy_instance_id, intervals, intervals_left_out: count - room, room })
    };
    let mut lanes: BTreeMap<StrategyInstanceId, Lane> = counts.into_iter().map(lane).collect();
    each_interval(derived, first, |instance, interval| {
        if let Some(lane) = lanes.get_mut(&instance)
            && lane.intervals.len() < lane.room
            && interval.touches(times)
        {
            lane.intervals.push(interval);
        }
    });
    Timeline {
        instances: lanes.into_values().collect(),
        next: cut.next.map(form::StrategyInstanceId),
        previous: cut.previous.map(form::StrategyInstanceId),
        as_of: derived.as_of(),
    }
}

/// The first interval of each of these instances, which have all decided.
fn first_intervals(
    derived: &Derived,
    instances: impl Iterator<Item = StrategyInstanceId>,
) -> BTreeMap<StrategyInstanceId, Interval> {
    let mut missing: BTreeSet<StrategyInstanceId> = instances.collect();
    let mut first = BTreeMap::new();
    let mut decisions = derived.state().memory().decisions();
    while !missing.is_empty()
        && let Some(decision) = decisions.next()
    {
        if missing.remove(&decision.instance()) {
            first.insert(decision.instance(), Interval::begun_by(LifecycleState::Ready, decision, None));
        }
    }
    first
}

/// Calls `found` with every interval of these instances, of each in order; `last` has the first of each.
fn each_interval(
    derived: &Derived,
    mut last: BTreeMap<StrategyInstanceId, Interval>,
    mut found: impl FnMut(StrategyInstanceId, Interval),
) {
    for held in derived.holdings.iter(derived.state().memory()) {
        let instance = held.bought.instance();
        let Some(last) = last.get_mut(&instance) else { continue };
        let mut begin = |interval: Interval| {
            let ended = std::mem::replace(last, interval);
            found(instance, Interval { to: Some(interval.from), ..ended });
        };
        let hold_time = held.bought.evaluated().parameter_pool.hold_time();
        begin(Interval {
            market_id: Some(form::MarketId(held.market_id)),
            quantity: Some(form::Decimal(held.quantity)),
            ..Interval::begun_by(LifecycleState::Holding, held.bought, Some(hold_time))
        });
        if let Some(sold) = held.sold {
            let cooldown = sold.evaluated().parameter_pool.cooldown();
            begin(Interval::begun_by(LifecycleState::Cooldown, sold, Some(cooldown)));
        }
    }
    for (instance, interval) in last {
        found(instance, interval);
    }
}

impl Interval {
    /// An interval that begins with a decision and lasts at least so long.
    fn begun_by(state: LifecycleState, decision: Decision<'_>, lasts: Option<u64>) -> Self {
        let from = decision.first_seen_logical_time().get();
        Self {
            state: form::LifecycleState(state),
            from,
            to: None,
            market_id: None,
            quantity: None,
            decision_id: form::DecisionId(decision.id()),
            until: lasts.map(|lasts| from + lasts),
        }
    }

    /// True if any moment of it is within these times, both included.
    fn touches(&self, (from, to): (Option<u64>, Option<u64>)) -> bool {
        from.is_none_or(|from| self.to.is_none_or(|end| end >= from)) && to.is_none_or(|to| self.from <= to)
    }
}
