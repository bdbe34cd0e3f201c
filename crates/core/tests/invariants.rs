//! Invariants that hold for any inputs in any order and any safety mode: the log is sound, the state is the fold of the
//! log, an interrupted tick can be completed, an input that is sent again changes nothing, at most one position is
//! open, and no snapshot is much longer than its log.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]

mod support;

use std::borrow::Cow;

use dreichor_core::event::{Body, DecisionEvaluated, FeedbackTarget, UserFeedbackRecorded};
use dreichor_core::id::{DecisionId, ExecutionId, FeedbackId, OrderIntentId};
use dreichor_core::input::Kind;
use dreichor_core::snapshot::check_length;
use dreichor_core::state::{Lifecycle, OpenPosition};
use dreichor_core::tick::{Policy, SafetyMode, Step, enact, step};
use dreichor_core::value::{
    Attention, FeedbackCategory, LogicalTime, Origin, ParameterPool, Plane, ReasonCodes, SafetyGates, Side,
    Spelled,
};
use dreichor_core::{Event, Input, Snapshot, State, Tree};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use support::config::config;
use support::line::lines;
use support::words::{formed, instance};

/// An input to send; ids and times that refer to earlier inputs are filled in later.
#[derive(Debug, Clone)]
enum Sent {
    Tick {
        of: &'static str,
        attention: [bool; 5],
        pool: ParameterPool,
        target: Option<&'static str>,
        gates: [bool; 3],
    },
    OnDecision {
        at: Index,
        with_execution: bool,
        category: FeedbackCategory,
    },
    OnWindow {
        from: u64,
        to: u64,
        category: FeedbackCategory,
    },
    /// An earlier input, at its own time.
    Again(Index),
}

/// An input, how much later (or earlier) than the last event it is, and the safety mode.
type Message = (Sent, i64, SafetyMode);

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let attention = prop_oneof![4 => Just([true; 5]), 1 => any::<[bool; 5]>()];
    let gates = prop_oneof![4 => Just([false; 3]), 1 => any::<[bool; 3]>(), 1 => Just([false, false, true])];
    let pool = select(ParameterPool::ALL);
    let category = select(FeedbackCategory::ALL);
    let tick =
        (select(&["A", "B", "C"]), attention, pool, option::weighted(0.8, select(&["M1", "M2"])), gates)
            .prop_map(|(of, attention, pool, target, gates)| Sent::Tick {
                of,
                attention,
                pool,
                target,
                gates,
            });
    let on_decision = (any::<Index>(), any::<bool>(), category.clone())
        .prop_map(|(at, with_execution, category)| Sent::OnDecision { at, with_execution, category });
    let on_window = (0..60_u64, 0..60_u64, category).prop_map(|(from, to, category)| Sent::OnWindow {
        from,
        to,
        category,
    });
    let sent = prop_oneof![
        8 => tick,
        2 => on_decision,
        1 => on_window,
        1 => any::<Index>().prop_map(Sent::Again),
    ];
    let ahead = prop_oneof![4 => Just(0), 4 => 1..3_i64, 2 => 3..12_i64, 1 => -2..0_i64];
    let mode = prop_oneof![6 => Just(SafetyMode::Normal), 1 => Just(SafetyMode::Halt), 1 => Just(SafetyMode::Flatten)];
    vec((sent, ahead, mode), 1..60)
}

impl Sent {
    fn input(&self, time: LogicalTime, state: &State, before: &[Input<'static>]) -> Option<Input<'static>> {
        let feedback = |category, target| {
            let feedback_id = FeedbackId::of(time, category, &target, &None);
            Kind::Feedback(UserFeedbackRecorded { feedback_id, category, target, comment: None })
        };
        let kind = match self {
            Self::Tick { of, attention, pool, target, gates } => Kind::Tick(DecisionEvaluated {
                decision_id: DecisionId::of(instance(of), time),
                strategy_instance_id: instance(of),
                decision_class: formed("a.b.c@v1"),
                reason_codes: ReasonCodes::EMPTY,
                attention: Attention::new(*attention),
                parameter_pool: *pool,
                target_market_id: target.map(formed),
                safety_gates: SafetyGates::new(*gates),
            }),
            Self::OnDecision { at, with_execution, category } => {
                let decisions: Vec<_> = state.memory().decisions().collect();
                // Sometimes of a decision, or an execution, that does not exist.
                let decision = decisions.get(at.index(decisions.len() + 1));
                let id =
                    decision.map_or_else(|| DecisionId::of(instance("X"), time), |decision| decision.id());
                let intent = OrderIntentId::of(id, Origin::Strategy, Side::Buy, formed("M1"));
                let execution = decision
                    .and_then(|decision| decision.execution_id())
                    .unwrap_or_else(|| ExecutionId::of(intent, Plane::Paper));
                let target = match with_execution {
                    true => FeedbackTarget::Execution(id, execution),
                    false => FeedbackTarget::Decision(id),
                };
                feedback(*category, target)
            }
            Self::OnWindow { from, to, category } => {
                let [from, to] = [*from, *to].map(|time| LogicalTime::new(time).unwrap());
                feedback(*category, FeedbackTarget::TimeWindow { from, to })
            }
            Self::Again(at) => return (!before.is_empty()).then(|| at.get(before).clone()),
        };
        Some(Input { logical_time: time, kind })
    }
}

/// A recorded input: the state before it, and its events.
struct Recorded {
    input: Input<'static>,
    before: State,
    events: Vec<Event<'static>>,
}

struct History {
    recorded: Vec<Recorded>,
    state: State,
    log: Vec<u8>,
}

/// Folds all inputs into a log and a state: the state accepts every event of every tick.
fn history(messages: &[Message]) -> History {
    let mut history = History { recorded: Vec::new(), state: State::new(), log: Vec::new() };
    let mut sent: Vec<Input<'static>> = Vec::new();
    for (message, ahead, safety_mode) in messages {
        let last = history.state.last_logical_time().map_or(0, LogicalTime::get);
        let at = LogicalTime::new(last.saturating_add_signed(*ahead)).unwrap();
        let Some(input) = message.input(at, &history.state, &sent) else { continue };
        sent.push(input.clone());
        let policy = Policy { safety_mode: *safety_mode, logical_step_max: Some(10) };
        if let Ok(Step::Events(events)) = step(&history.state, &input, policy) {
            let before = history.state.clone();
            for event in &events {
                event.write_line(&mut history.log);
                history.state.apply(event).unwrap_or_else(|fault| panic!("{fault}: {event:?}"));
            }
            assert_eq!(history.state.open_tick(), None, "a tick is whole");
            history.recorded.push(Recorded { input, before, events });
        }
    }
    history
}

/// Memory, ledger and lifecycles as they are shown and compared.
fn shown(state: &State) -> String {
    let mut bytes = Vec::new();
    state.write_memory(&mut bytes);
    state.write_ledger(&mut bytes);
    state.write_lifecycles(&mut bytes);
    state.memory().totals().write(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

/// At most one position is open, and exactly one instance holds it.
fn check_one_position(state: &State) -> Result<(), TestCaseError> {
    let open: Vec<OpenPosition> = state
        .ledger()
        .positions()
        .iter()
        .filter(|(_, position)| position.is_open)
        .map(|(market, position)| OpenPosition { market_id: *market, quantity: position.quantity })
        .collect();
    let held: Vec<OpenPosition> = state
        .lifecycles()
        .instances()
        .iter()
        .filter_map(|instance| match instance.lifecycle() {
            Lifecycle::Holding { position, .. } => Some(position),
            Lifecycle::Ready | Lifecycle::Cooldown { .. } => None,
        })
        .collect();
    prop_assert!(open.len() <= 1);
    prop_assert_eq!(&open, &held);
    prop_assert_eq!(open.first().copied(), state.ledger().open_position());
    for position in state.ledger().positions().values().filter(|position| !position.is_open) {
        prop_assert_eq!(position.quantity.as_str(), "0");
    }
    Ok(())
}

/// Adds the numbers of `entry` to those at the same places in `sums`.
fn add(sums: &mut Value, entry: &Value) {
    for (name, sum) in sums.as_object_mut().unwrap() {
        if let Some(number) = sum.as_u64() {
            *sum = (number + entry[name].as_u64().unwrap_or_default()).into();
        } else if let Some(entry) = entry.get(name) {
            add(sum, entry);
        }
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn the_state_is_what_the_log_says(messages in messages()) {
        let history = history(&messages);
        let mut state = State::new();
        for line in lines(&history.log) {
            let (event, _) = Event::read_line(line).unwrap();
            state.apply(&event).unwrap();
        }
        prop_assert_eq!(shown(&state), shown(&history.state));
        prop_assert_eq!(state.digests(), history.state.digests());
        prop_assert_eq!(state.last_logical_time(), history.state.last_logical_time());
        prop_assert_eq!(state.open_tick(), None);
    }

    #[test]
    fn an_interrupted_tick_is_completed_as_it_was_begun(messages in messages()) {
        for Recorded { input, before, events } in history(&messages).recorded {
            let mut state = before;
            for (index, event) in events.iter().enumerate() {
                state.apply(event).unwrap();
                let Body::DecisionEvaluated(decision) = &events[0].body else { continue };
                let remembered = state.memory().decision(decision.decision_id).unwrap();
                prop_assert_eq!(&remembered.evaluated(), decision);
                prop_assert_eq!(remembered.first_seen_logical_time(), input.logical_time);
                if index + 1 < events.len() {
                    prop_assert_eq!(state.open_tick(), Some(decision.decision_id));
                    prop_assert_eq!(&enact(&state, input.logical_time, remembered.evaluated()), &events);
                }
            }
        }
    }

    #[test]
    fn what_is_recorded_changes_nothing_when_it_comes_again(messages in messages(), safety_mode in select(&[SafetyMode::Normal, SafetyMode::Halt, SafetyMode::Flatten])) {
        let history = history(&messages);
        let policy = Policy { safety_mode, logical_step_max: Some(0) };
        for (end, Recorded { before, .. }) in history.recorded.iter().enumerate() {
            for Recorded { input, .. } in &history.recorded[..end] {
                prop_assert_eq!(step(before, input, policy), Ok(Step::AlreadyRecorded));
            }
        }
        for Recorded { input, .. } in &history.recorded {
            prop_assert_eq!(step(&history.state, input, policy), Ok(Step::AlreadyRecorded));
        }
    }

    #[test]
    fn at_most_one_position_is_open_and_one_instance_holds_it(messages in messages()) {
        for Recorded { mut before, events, .. } in history(&messages).recorded {
            for event in &events {
                before.apply(event).unwrap();
                check_one_position(&before)?;
            }
        }
    }

    #[test]
    fn totals_are_the_sums_of_the_entries(messages in messages()) {
        let history = history(&messages);
        let json = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            write(&mut bytes);
            serde_json::from_slice::<Value>(&bytes).unwrap()
        };
        let mut sums = json(&|bytes| State::new().memory().totals().write(bytes));
        for decision in history.state.memory().decisions() {
            add(&mut sums, &serde_json::json!({"decisions": 1}));
            add(&mut sums, &json(&|bytes| decision.write(bytes)));
        }
        // Feedback on a time window belongs to no decision.
        for event in history.recorded.iter().flat_map(|recorded| &recorded.events) {
            if let Body::UserFeedbackRecorded(feedback) = &event.body
                && let FeedbackTarget::TimeWindow { .. } = feedback.target
            {
                let categories = serde_json::json!({feedback.category.as_str(): 1});
                add(&mut sums, &serde_json::json!({"feedback": {"feedbackCount": 1, "categories": categories}}));
            }
        }
        prop_assert_eq!(json(&|bytes| history.state.memory().totals().write(bytes)), sums);
    }
}

/// Readers go by that before they ask the memory to hold a line. The shortest log for the longest ledger: every tick
/// opens or closes a position, each market is traded once.
#[test]
fn a_snapshot_is_hardly_longer_than_its_log() {
    for length in [1, 64] {
        let markets = ('A'..='Z').map(|letter| &*letter.to_string().repeat(length).leak());
        let messages: Vec<Message> = markets
            .flat_map(|market| [(market, false), (market, true)])
            .map(|(market, forces)| {
                let sent = Sent::Tick {
                    of: "A",
                    attention: [true; 5],
                    pool: ParameterPool::Assertive,
                    target: Some(market),
                    gates: [false, false, forces],
                };
                (sent, 3, SafetyMode::Normal)
            })
            .collect();
        let history = history(&messages);
        let positions = history.state.ledger().positions();
        assert_eq!(positions.len(), 26, "not every market was traded");
        let snapshot = Snapshot {
            logical_time: history.state.last_logical_time().unwrap(),
            audit_tree_size: lines(&history.log).len() as u64,
            audit_root_hash: Tree::new().root(),
            positions: Cow::Borrowed(positions),
        };
        let mut line = Vec::new();
        snapshot.write_line(&mut line);
        let [line, log] = [line.len(), history.log.len()];
        println!("names of {length}: a snapshot of {line} bytes, a log of {log}");
        assert_eq!(check_length(line as u64, log as u64), Ok(()));
        assert!(line < log / 8, "less is to spare than was thought");
    }
}
