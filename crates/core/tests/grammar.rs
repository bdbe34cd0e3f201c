//! For every rule of the log's grammar there is a log here that breaks this rule alone, with right ids, and is refused
//! by the rule's name. Logs that only look odd are accepted.
//!
//! A scenario is a log as `support::log` describes it, its events separated by `|`, and after `=>` the result:
//! `accepted`, `interrupted` (accepted, within a tick), or the rule by which the last event is refused; all before it
//! are accepted. `EVENT but WORDS` gives values of the event others, `EVENT but TEXT -> TEXT` changes its line's bytes
//! and makes the id right again, `EVENT but kept TEXT -> TEXT` leaves the id. Without the change the event must be
//! accepted: the change alone breaks the rule.

#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use dreichor_core::event::EventType;
use dreichor_core::value::Spelled;
use dreichor_core::{Event, Fault, Rule, State};
use support::line::{edited, identified};
use support::log::{Context, expanded};

/// The line of `event`, without its LF.
fn written(event: &Event<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    let leaf = event.write_line(&mut line);
    assert_eq!(line.pop(), Some(b'\n'));
    assert_eq!(Event::read_line(&line).unwrap(), (event.clone(), leaf));
    line
}

/// Reads the log's next line, as the program does.
fn read(state: &mut State, line: &[u8]) -> Result<(), Box<Fault>> {
    let (event, _) = Event::read_line(line)?;
    state.apply(&event)
}

/// The bytes of a changed line.
fn changed(context: &Context, line: &str, change: &str) -> Vec<u8> {
    match change.split_once("->") {
        None => written(&context.event(&format!("{line} {change}"))),
        Some((from, to)) => {
            let (kept, from) = match from.trim().strip_prefix("kept ") {
                Some(from) => (true, from),
                None => (false, from.trim()),
            };
            let (bytes, _) = edited(&written(&context.event(line)), from, to.trim());
            if kept { bytes } else { identified(&bytes) }
        }
    }
}

/// Checks the result of a log; returns the fault by which its last event is refused.
fn check(scenario: &str) -> Option<Box<Fault>> {
    let (events, end) = scenario.rsplit_once("=>").unwrap();
    let events = events.split('|').map(str::trim).filter(|event| !event.is_empty()).flat_map(expanded);
    let events: Vec<String> = events.collect();
    let (mut state, mut context) = (State::new(), Context::new());
    let mut becomes = None;
    for (index, event) in events.iter().enumerate() {
        let (words, change) = match event.split_once(" but ") {
            Some((words, change)) => (words, Some(change)),
            None => (event.as_str(), None),
        };
        let event = context.event(words);
        let line = change.map_or_else(|| written(&event), |change| changed(&context, words, change));
        let before = state.clone();
        if let Err(fault) = read(&mut state, &line) {
            assert_eq!(index + 1, events.len(), "{fault}, not in the last event of {scenario}");
            if change.is_some() {
                let unchanged = read(&mut before.clone(), &written(&event));
                assert_eq!(unchanged, Ok(()), "without its change the event is accepted: {scenario}");
            }
            becomes = Some(fault);
            break;
        }
        assert_eq!(change, None, "accepted in spite of its change: {scenario}");
        // An event that begins a tick, or is between ticks, may follow exactly where the last tick is whole.
        let starts_whole = ["decision", "feedback"].iter().any(|verb| words.starts_with(verb));
        assert_eq!(before.open_tick().is_none(), starts_whole, "before {words} in {scenario}");
        context.advance(&event);
    }
    let is_whole = state.open_tick().is_none();
    let accepted = if is_whole { "accepted" } else { "interrupted" };
    assert_eq!(becomes.as_ref().map_or(accepted, |fault| fault.rule.as_str()), end.trim(), "{scenario}");
    becomes
}

/// The scenarios of a table: lines up to one with `=>`, but for those that begin with `#`.
fn scenarios(tables: &[&str]) -> Vec<String> {
    let lines = tables.iter().flat_map(|table| table.lines()).filter(|line| !line.starts_with('#'));
    let mut scenarios = vec![String::new()];
    for line in lines {
        scenarios.last_mut().unwrap().push_str(line);
        if line.contains("=>") {
            scenarios.push(String::new());
        }
    }
    assert_eq!(scenarios.pop(), Some(String::new()));
    scenarios
}

#[test]
fn a_log_that_breaks_one_rule_is_refused_by_its_name() {
    for scenario in scenarios(BROKEN) {
        check(&scenario);
    }
}

#[test]
fn a_log_that_only_looks_odd_is_accepted() {
    for scenario in scenarios(&[ODD]) {
        check(&scenario);
    }
}

/// Which event may follow which: a row for each point in a log, a column for each event.
#[test]
fn the_events_of_a_tick_come_in_their_order() {
    let mut rows = ORDER.trim().lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let columns = rows.next().unwrap();
    let mut seen = 0;
    for row in rows {
        let mut comes_next = Vec::new();
        let mut told = Vec::new();
        for (column, cell) in columns.iter().zip(&row[1..]) {
            let before = POINTS.iter().find(|(name, _)| *name == row[0]).unwrap().1;
            let event = EVENTS.iter().find(|(name, _)| name == column).unwrap().1;
            let end = match *cell {
                "ok" => "interrupted",
                "whole" => "accepted",
                "order" => "tick-order",
                "cut" => "tick-cut-short",
                "origin" => "intent-origin",
                "sale" => "forced-sale",
                cell => panic!("what is {cell}?"),
            };
            let fault = check(&format!("{before} | {event} => {end}"));
            seen += 1;
            match (*cell, fault) {
                (_, None) => comes_next.push(Context::new().event(event).body.event_type()),
                ("order" | "cut", Some(fault)) => told.push(fault.expected),
                (_, Some(_)) => {}
            }
        }
        // The fault names the event that may come next, and nothing else.
        for expected in told {
            let named = EventType::ALL.iter().filter(|name| expected.contains(name.as_str())).copied();
            assert_eq!(named.collect::<Vec<_>>(), comes_next, "at {}: {expected}", row[0]);
        }
    }
    assert_eq!(seen, POINTS.len() * EVENTS.len());
}

#[test]
fn a_tick_may_be_interrupted_at_every_event_but_its_last() {
    let whole = [
        "skipped | safety HALT",
        "forced | intent SAFETY SELL M1 0.5 | attempt | outcome FILLED 0.5 | ledger",
        "bought A t=1 M1 0.5 | sold A t=3 M1 0.5",
        "attempted | outcome FAILED EXECUTION_REJECTED",
    ];
    for tick in whole {
        let events: Vec<String> = tick.split(" | ").flat_map(expanded).collect();
        let start = events.iter().rposition(|event| event.starts_with("decision")).unwrap();
        for end in start + 1..=events.len() {
            let becomes = if end == events.len() { "accepted" } else { "interrupted" };
            check(&format!("{} => {becomes}", events[..end].join(" | ")));
        }
    }
}

/// Rules that no log breaks, or not alone.
const NOT_HERE: &[(Rule, &str)] = &[
    (
        Rule::DecisionOnce,
        "the same decisionId is the same instance and time: instance-time-order comes first",
    ),
    (Rule::InterruptedTick, "of the runtime's recovery: any first events of a tick are sound by the grammar"),
    (Rule::OrderIntentId, "of verification: audit/tests/verify.rs"),
    (Rule::ExecutionId, "of verification: audit/tests/verify.rs"),
    (Rule::FeedbackId, "of verification: audit/tests/verify.rs"),
    (Rule::Reexecution, "of verification: audit/tests/verify.rs"),
    (Rule::CheckpointForm, "of verification: audit/tests/verify.rs"),
    (Rule::CheckpointSignature, "of verification: audit/tests/verify.rs"),
    (Rule::CheckpointAhead, "of verification: audit/tests/verify.rs"),
    (Rule::CheckpointRoot, "of verification: audit/tests/verify.rs"),
    (Rule::SnapshotId, "of snapshots: canonical.rs"),
    (Rule::SnapshotOrder, "of snapshots: canonical.rs"),
    (Rule::SnapshotSequence, "of snapshots to each other: salvage.rs"),
    (Rule::SnapshotAhead, "of snapshots and log together"),
    (Rule::SnapshotBoundary, "of snapshots and log together"),
    (Rule::SnapshotRoot, "of snapshots and log together"),
    (Rule::SnapshotTime, "of snapshots and log together"),
    (Rule::SnapshotPositions, "of snapshots and log together"),
    (Rule::HistoryChanged, "of two looks at a log"),
    (Rule::SnapshotHole, "of snapshots after a crash"),
    (Rule::LogicalStep, "of inputs: tick.rs"),
    (Rule::ConflictingTick, "of inputs: tick.rs"),
    (Rule::Capacity, "takes 2^32 events"),
];

#[test]
fn every_rule_is_broken_by_a_scenario_or_cannot_be() {
    let scenarios = scenarios(BROKEN);
    for rule in Rule::ALL {
        let is_broken = scenarios.iter().any(|scenario| scenario.ends_with(&format!("=> {rule}")));
        let is_excepted = NOT_HERE.iter().any(|(except, _)| except == rule);
        assert_ne!(is_broken, is_excepted, "{rule}");
    }
}

const BROKEN: &[&str] = &[LINES, TICKS, SALES, HISTORY];

/// Rules of a single line.
const LINES: &str = r#"
# too long by far; the comment is too long as well, since no canonical event comes near the limit
feedback t=9 from=1 to=4 but "comment":null -> "comment":"~70000~" => line-length
# one byte too long, and not too long
feedback t=9 from=1 to=4 but "comment":null -> "comment":"~65288~" => line-length
feedback t=9 from=1 to=4 but "comment":null -> "comment":"~65287~" => value
feedback t=9 from=1 to=4 but "comment":null -> "comment":"a~xffb" => json
feedback t=9 from=1 to=4 but "comment":null -> "comment":"\u0041" => canonical
skipped | safety ALLOW but ,"reason":null ->  => members
decided | skip ATTENTION_NEGATIVE but "reason":"ATTENTION_NEGATIVE" -> "reason":"BORED" => value
decided | intent STRATEGY BUY M1 0.5 but "0.5" -> "00.5" => value
decision A t=3 but "version":1 -> "version":2 => version
decided | skip ATTENTION_NEGATIVE but ORDER_INTENT_SKIPPED -> ORDER_INTENT_DROPPED => type
decision A t=3 but kept "confidenceSufficient":true -> "confidenceSufficient":false => event-id
feedback t=9 from=1 to=4 but kept "to":4 -> "to":5 => event-id
decision A t=3 but decision=B@3 => decision-id
decision A t=3 but decision=A@4 => decision-id
ordered | attempt but PAPER -> LIVE => plane
attempted | outcome FILLED 0.5 but PAPER -> LIVE => plane
filled | ledger but PAPER -> LIVE => plane
skipped | safety ALLOW but null -> "BUY_BLOCKED" => safety-pair
skipped | safety HALT but "HALT_ALL_ACTIVE" -> null => safety-pair
skipped | safety HALT but "HALT_ALL_ACTIVE" -> "BUY_BLOCKED" => safety-pair
intended | safety BUY_BLOCKED but "BUY_BLOCKED" -> "FORCE_SELL_ACTIVE" => safety-pair
bought B t=1 M1 0.5 | skipped
    | safety FORCE_SELL but "FORCE_SELL_ACTIVE" -> "POSITION_ALREADY_OPEN" => safety-pair
attempted | outcome FILLED 0.5 but "reason":null -> "reason":"EXECUTION_REJECTED" => outcome-reason
attempted | outcome FAILED EXECUTION_NOT_AVAILABLE but "EXECUTION_NOT_AVAILABLE" -> null => outcome-reason
attempted
    | outcome FAILED EXECUTION_NOT_AVAILABLE but "filledQuantity":"0" -> "filledQuantity":"0.0" => outcome-reason
"#;

/// Rules on the agreement of a tick's events. Their order is in `ORDER`.
const TICKS: &str = r"
decided | skip ATTENTION_NEGATIVE but decision=B@3 => tick-decision
decided | intent STRATEGY BUY M1 0.5 but decision=B@3 => tick-decision
skipped | safety ALLOW but decision=A@4 => tick-decision
ordered | attempt but decision=B@3 => tick-decision
attempted | outcome FILLED 0.5 but decision=B@3 => tick-decision
filled | ledger but decision=B@3 => tick-decision
decided | skip ATTENTION_NEGATIVE but t=4 => tick-time
decided | intent STRATEGY BUY M1 0.5 but t=2 => tick-time
skipped | safety ALLOW but t=4 => tick-time
ordered | attempt but t=4 => tick-time
attempted | outcome FILLED 0.5 but t=4 => tick-time
filled | ledger but t=4 => tick-time
# cut short by the next tick, or by feedback; at every other point too in ORDER
filled | feedback t=3 on=A@3 => tick-cut-short
skipped | safety ALLOW | ledger => tick-order
# FAILED and PARTIALLY_FILLED change no ledger
attempted | outcome FAILED EXECUTION_REJECTED | ledger => tick-order
attempted | outcome PARTIALLY_FILLED 0.2 | ledger => tick-order
# a blocked intent is not executed
intended | safety BUY_BLOCKED | attempt => tick-order
intended | safety HALT | attempt => tick-order
decided | intent STRATEGY BUY M1 0.5 but origin=SAFETY => intent-origin
forced | intent SAFETY SELL M1 0.5 but origin=STRATEGY => intent-origin
ordered | attempt but intent=A@3.STRATEGY.BUY.M2 => tick-agreement
attempted | outcome FILLED 0.5 but intent=A@3.SAFETY.BUY.M1 => tick-agreement
attempted | outcome FILLED 0.5 but execution=A@3.SAFETY.BUY.M1 => tick-agreement
attempted | outcome FILLED 0.5 but side=SELL => tick-agreement
attempted | outcome FAILED EXECUTION_REJECTED but market=M2 => tick-agreement
filled | ledger but execution=A@3.STRATEGY.BUY.M2 => tick-agreement
filled | ledger but market=m1 => tick-agreement
attempted | outcome FILLED 0.5 but fill=0.6 => filled-quantity
# the same number, but not the same text
attempted | outcome FILLED 0.5 but fill=0.50 => filled-quantity
";

/// Rules on buying and selling.
const SALES: &str = r"
bought B t=1 M1 0.5 | decided | executed BUY M2 0.5 => one-position
bought A t=1 M1 0.5 | filled => one-position
decided | executed SELL M1 0.5 => open-position
bought A t=1 M1 0.5 | sold A t=2 M1 0.5 | decided | executed SELL M1 0 => open-position
bought A t=1 M1 0.5 | decided | executed SELL M2 0.5 => open-position
# a part of it, and the same number in another text
bought A t=1 M1 0.5 | decided | executed SELL M1 0.2 => open-position
bought A t=1 M1 0.5 | decided | executed SELL M1 0.50 => open-position
# nothing to sell
skipped | safety ALLOW but verdict=FORCE_SELL => forced-sale
bought A t=1 M1 0.5 | sold A t=2 M1 0.5 | skipped | safety ALLOW but verdict=FORCE_SELL => forced-sale
# the strategy's intent is the sale already
bought A t=1 M1 0.5 | decided | intent STRATEGY SELL M1 0.5 | safety FORCE_SELL
    | intent SAFETY SELL M1 0.5 => forced-sale
# it is not: of another market, of another quantity, a BUY, none
bought A t=1 M1 0.5 | decided | intent STRATEGY SELL M2 0.5 | safety FORCE_SELL | attempt => forced-sale
bought A t=1 M1 0.5 | decided | intent STRATEGY SELL M1 0.50 | safety FORCE_SELL | attempt => forced-sale
bought A t=1 M1 0.5 | intended | safety FORCE_SELL | attempt => forced-sale
bought A t=1 M1 0.5 | skipped | safety FORCE_SELL | attempt intent=A@1.STRATEGY.BUY.M1 => forced-sale
# safety sells something else
bought A t=1 M1 0.5 | skipped | safety FORCE_SELL | intent SAFETY SELL M1 0.5 but market=M2 => forced-sale
bought A t=1 M1 0.5 | skipped | safety FORCE_SELL
    | intent SAFETY SELL M1 0.5 but quantity=0.50 => forced-sale
bought A t=1 M1 0.5 | skipped | safety FORCE_SELL | intent SAFETY SELL M1 0.5 but side=BUY => forced-sale
# safety sells although it allowed
bought A t=1 M1 0.5 | decided | intent STRATEGY SELL M1 0.5 | safety ALLOW
    | intent SAFETY SELL M1 0.5 => forced-sale
";

/// Rules on time, repetition and references between events.
const HISTORY: &str = r"
bought A t=3 M1 0.5 | decision B t=4 but t=2 => time-order
bought A t=3 M1 0.5 | feedback t=3 from=0 to=1 but t=2 => time-order
feedback t=3 from=0 to=1 | decision A t=3 but t=2 => time-order
# the same instance, without a later time; the decisionId is then the same too, so decision-once cannot be
# broken without this rule, and its time is not earlier, or time-order would come first
bought A t=3 M1 0.5 | decision A t=4 but t=3 => instance-time-order
bought A t=3 M1 0.5 | sold A t=4 M1 0.5 | feedback t=4 on=A@3 | decision A t=5 but t=4 => instance-time-order
feedback t=3 from=0 to=1 | feedback t=3 from=0 to=1 => feedback-once
bought A t=3 M1 0.5 | feedback t=3 on=A@3 | feedback t=4 on=A@3 but id-of-time=3 => feedback-once
feedback t=3 on=A@3 => feedback-target
bought A t=3 M1 0.5 | feedback t=3 on=A@3 but on=B@3 => feedback-target
bought A t=3 M1 0.5
    | feedback t=3 on=A@3 execution=A@3.STRATEGY.BUY.M1 but execution=A@3.STRATEGY.BUY.M2 => feedback-target
bought A t=3 M1 0.5 | sold A t=4 M1 0.5
    | feedback t=5 on=A@4 execution=A@4.STRATEGY.SELL.M1 but execution=A@3.STRATEGY.BUY.M1 => feedback-target
intended | safety HALT | feedback t=5 on=A@3 execution=A@3.STRATEGY.BUY.M1 => feedback-target
feedback t=5 from=3 to=3 but from=4 => feedback-window
feedback t=5 from=3 to=5 but to=6 => feedback-window
feedback t=0 from=0 to=0 but to=1 => feedback-window
";

/// Odd, but sound. What only `verify` looks at (ids that are no content ids of what they should be, a tick
/// that the domain would not produce) is no matter of the grammar.
const ODD: &str = r#"
# SELL by an instance that does not hold
bought A t=1 M1 0.5 | sold B t=2 M1 0.5 => accepted
# outcomes that paper does not produce, and feedback on the failed execution
attempted | outcome FAILED EXECUTION_REJECTED | decision B t=3 | intent STRATEGY BUY M2 0.5
    | safety ALLOW | attempt | outcome PARTIALLY_FILLED 7
    | feedback t=3 on=A@3 execution=A@3.STRATEGY.BUY.M1 | bought C t=3 M3 0.5 => accepted
# a BUY while a position is open, and a SELL while none is, if they only are not filled
decision A t=1 | intent STRATEGY SELL M1 0.5 | safety ALLOW | attempt
    | outcome FAILED EXECUTION_REJECTED | bought A t=2 M1 0.5 | attempted
    | outcome FAILED EXECUTION_REJECTED => accepted
# BLOCK_BUY after SELL and after skip, HALT after SELL, ALLOW after skip
decided | intent STRATEGY SELL M1 0.5 | safety BUY_BLOCKED | decision A t=4 | skip ATTENTION_NEGATIVE
    | safety POSITION_ALREADY_OPEN | decision A t=5 | intent STRATEGY SELL M1 0.5 | safety HALT
    | decision A t=6 | skip SAFETY_BLOCKED | safety ALLOW => accepted
# an instance in cooldown buys
bought A t=1 M1 0.5 | sold A t=2 M1 0.5 | bought A t=3 M1 0.5 => accepted
# decimals are opaque
bought A t=1 M1 -0 | sold A t=2 M1 -0 | bought A t=3 M1 -12.50 | sold A t=4 M1 -12.50
    | bought A t=5 M1 0 => accepted
# another instance's cooldown, forced by an instance whose own intent is another BUY
bought A t=1 M1 0.5 | decision B t=2 | intent STRATEGY BUY M2 0.25 | safety FORCE_SELL
    | intent SAFETY SELL M1 0.5 | attempt | outcome FILLED 0.5 | ledger => accepted
# a forced sale that fails leaves the position open
bought A t=1 M1 0.5 | decision B t=2 | skip COOLDOWN_ACTIVE | safety FORCE_SELL
    | intent SAFETY SELL M1 0.5 | attempt | outcome FAILED EXECUTION_NOT_AVAILABLE
    | sold A t=3 M1 0.5 => accepted
# one time for all instances, the nil one too; no reasons, all reasons; zero is a time
decision nil t=0 reasons= attention=00000 | skip MISSING_TARGET_MARKET | safety ALLOW
    | decision A t=0 reasons=COOLDOWN_ACTIVE,UNKNOWN,PREFLIGHT_BLOCKED,ATTENTION_SUPERIOR,ATTENTION_INSUFFICIENT,STABILITY_INSUFFICIENT,HOLD_TIME_ACTIVE,SAFETY_TRIGGERED
    | skip HOLD_TIME_ACTIVE | safety HALT | bought B t=0 a:._-/Z9 0.5 => accepted
# time jumps to the greatest, and holds beyond it
decision B t=0 target=M1 pool=cautious gates=halt,block,force | executed BUY M2 0.5 | ledger
    | sold B t=max M2 0.5 | bought A t=max M1 0.5 | feedback t=max on=B@0
    | feedback t=max from=0 to=max => accepted
# any comment
bought A t=3 M1 0.5 | feedback t=3 on=A@3 comment="" | feedback t=3 on=A@3
    | feedback t=3 on=A@3 comment="\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f\u007f\u0080\"\\/"
    | feedback t=3 on=A@3 comment="\u2028\u2029\ufeff\u202e\ufffd\uffff\ud83d\ude00\udbff\udfffé"
    | feedback t=3 on=A@3 comment="é" | feedback t=3 on=A@3 comment=x*4096
    | feedback t=3 on=A@3 category=RISK_COMFORT | feedback t=3 from=3 to=3 => accepted
# the text of other events' lines in a comment
feedback t=3 from=3 to=3 comment="\"},\n{\"id\":\"" => accepted
# ids that verify would refuse
decided | intent STRATEGY BUY M1 0.5 intent=B@7.SAFETY.SELL.M9 | safety ALLOW
    | attempt execution=B@7.STRATEGY.SELL.M9 | outcome FILLED 0.5 | ledger
    | feedback t=3 on=A@3 execution=B@7.STRATEGY.SELL.M9 id-of-time=0 => accepted
"#;

/// Each point in a log, and a log that leads to it.
const POINTS: &[(&str, &str)] = &[
    ("empty", ""),
    ("between", "bought B t=1 M1 0.5"),
    ("decided", "decided"),
    ("skipped", "skipped"),
    ("intended", "intended"),
    ("ordered", "ordered"),
    ("attempted", "attempted"),
    ("filled", "filled"),
    ("forced", "forced"),
    ("forced-sale", "forced | intent SAFETY SELL M1 0.5"),
    ("own-sale", "bought A t=1 M1 0.5 | decided | intent STRATEGY SELL M1 0.5 | safety FORCE_SELL"),
];

const EVENTS: &[(&str, &str)] = &[
    ("decision", "decision C t=3"),
    ("feedback", "feedback t=3 from=0 to=0"),
    ("strategy", "intent STRATEGY SELL M1 0.5"),
    ("safety's", "intent SAFETY SELL M1 0.5"),
    ("skip", "skip ATTENTION_NEGATIVE"),
    ("safety", "safety HALT"),
    ("attempt", "attempt"),
    ("outcome", "outcome FILLED 0.5"),
    ("ledger", "ledger"),
];

/// `ok` and `whole`: accepted, within a tick and at its end. Otherwise the rule that is broken.
const ORDER: &str = "
            decision feedback strategy safety's skip  safety attempt outcome ledger
empty       ok       whole    order    order    order order  order   order   order
between     ok       whole    order    order    order order  order   order   order
decided     cut      cut      ok       origin   ok    order  order   order   order
skipped     cut      cut      order    order    order whole  order   order   order
intended    cut      cut      order    order    order whole  order   order   order
ordered     cut      cut      order    sale     order order  ok      order   order
own-sale    cut      cut      order    sale     order order  ok      order   order
forced      cut      cut      origin   ok       order order  sale    order   order
forced-sale cut      cut      order    sale     order order  ok      order   order
attempted   cut      cut      order    order    order order  order   ok      order
filled      cut      cut      order    order    order order  order   order   whole
";
