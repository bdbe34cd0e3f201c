//! Decision Memory counts the events of the log, also outcomes that paper does not produce.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]

mod support;

use dreichor_core::State;
use serde_json::Value;
use support::log::{Context, expanded};

/// The counts of an entry, or of the totals, in words.
fn described(entry: &[u8]) -> String {
    let entry: Value = serde_json::from_slice(entry).unwrap();
    let [execution, safety, feedback] = ["execution", "safety", "feedback"].map(|part| &entry[part]);
    let last = |value: &Value| value.as_str().map_or_else(String::new, |last| format!(" {last}"));
    format!(
        "executions {} filled {} failed {}{}, evaluations {} blocked {} forced {}{}, feedback {}: {} {} {}",
        execution["executionsObserved"],
        execution["filledCount"],
        execution["failedCount"],
        last(&execution["lastExecutionStatus"]),
        safety["evaluationsObserved"],
        safety["blockedCount"],
        safety["forcedSellCount"],
        last(&safety["lastSafetyResult"]),
        feedback["feedbackCount"],
        feedback["categories"]["DECISION_QUALITY"],
        feedback["categories"]["RISK_COMFORT"],
        feedback["categories"]["SYSTEM_BEHAVIOR"],
    )
}

/// A scenario is a log as `support::log` describes it, on one line; then a line for each decision, and a last
/// one for the totals.
fn check(scenario: &str) {
    let mut lines = scenario.trim().lines().filter(|line| !line.starts_with('#'));
    let events = lines.next().unwrap().split('|').map(str::trim).flat_map(expanded);
    let (mut state, mut context) = (State::new(), Context::new());
    for event in events {
        let event = context.event(&event);
        state.apply(&event).unwrap_or_else(|fault| panic!("{fault} in {scenario}"));
        context.advance(&event);
    }
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        described(&bytes)
    };
    let memory = state.memory();
    let mut found: Vec<_> =
        memory.decisions().map(|decision| written(&|bytes| decision.write(bytes))).collect();
    found.push(written(&|bytes| memory.totals().write(bytes)));
    assert_eq!(found, lines.map(str::trim).collect::<Vec<_>>(), "{scenario}");
    assert_eq!(memory.totals().decisions, memory.decisions().len() as u64);
}

#[test]
fn counts_are_those_of_the_log() {
    SCENARIOS.split("\n\n").for_each(check);
}

const SCENARIOS: &str = "
bought A t=3 M1 0.5
executions 1 filled 1 failed 0 FILLED, evaluations 1 blocked 0 forced 0 ALLOW, feedback 0: 0 0 0
executions 1 filled 1 failed 0, evaluations 1 blocked 0 forced 0, feedback 0: 0 0 0

# outcomes that paper does not produce
attempted | outcome FAILED EXECUTION_REJECTED | decision B t=3 | intent STRATEGY BUY M1 0.5 | safety ALLOW | attempt | outcome PARTIALLY_FILLED 0.2
executions 1 filled 0 failed 1 FAILED, evaluations 1 blocked 0 forced 0 ALLOW, feedback 0: 0 0 0
executions 1 filled 0 failed 0 PARTIALLY_FILLED, evaluations 1 blocked 0 forced 0 ALLOW, feedback 0: 0 0 0
executions 2 filled 0 failed 1, evaluations 2 blocked 0 forced 0, feedback 0: 0 0 0

# what blocks, and what forces
forced | intent SAFETY SELL M1 0.5 | attempt | outcome FILLED 0.5 | ledger | decision C t=3 | skip ATTENTION_NEGATIVE | safety HALT | decision D t=3 | intent STRATEGY BUY M1 0.5 | safety BUY_BLOCKED | decision E t=3 | intent STRATEGY BUY M1 0.5 | safety POSITION_ALREADY_OPEN
executions 1 filled 1 failed 0 FILLED, evaluations 1 blocked 0 forced 0 ALLOW, feedback 0: 0 0 0
executions 1 filled 1 failed 0 FILLED, evaluations 1 blocked 0 forced 1 FORCE_SELL, feedback 0: 0 0 0
executions 0 filled 0 failed 0, evaluations 1 blocked 1 forced 0 HALT, feedback 0: 0 0 0
executions 0 filled 0 failed 0, evaluations 1 blocked 1 forced 0 BLOCK_BUY, feedback 0: 0 0 0
executions 0 filled 0 failed 0, evaluations 1 blocked 1 forced 0 BLOCK_BUY, feedback 0: 0 0 0
executions 2 filled 2 failed 0, evaluations 5 blocked 3 forced 1, feedback 0: 0 0 0

# an interrupted tick counts as far as it goes
decided
executions 0 filled 0 failed 0, evaluations 0 blocked 0 forced 0, feedback 0: 0 0 0
executions 0 filled 0 failed 0, evaluations 0 blocked 0 forced 0, feedback 0: 0 0 0

attempted
executions 0 filled 0 failed 0, evaluations 1 blocked 0 forced 0 ALLOW, feedback 0: 0 0 0
executions 0 filled 0 failed 0, evaluations 1 blocked 0 forced 0, feedback 0: 0 0 0

filled
executions 1 filled 1 failed 0 FILLED, evaluations 1 blocked 0 forced 0 ALLOW, feedback 0: 0 0 0
executions 1 filled 1 failed 0, evaluations 1 blocked 0 forced 0, feedback 0: 0 0 0

# feedback counts for its decision, that on a window for none but in the totals
bought A t=3 M1 0.5 | decision B t=3 | skip ATTENTION_NEGATIVE | safety ALLOW | feedback t=3 on=A@3 | feedback t=3 on=A@3 comment=\"x\" | feedback t=4 on=A@3 execution=A@3.STRATEGY.BUY.M1 category=RISK_COMFORT | feedback t=5 on=B@3 category=SYSTEM_BEHAVIOR | feedback t=5 from=3 to=5 category=SYSTEM_BEHAVIOR
executions 1 filled 1 failed 0 FILLED, evaluations 1 blocked 0 forced 0 ALLOW, feedback 3: 2 1 0
executions 0 filled 0 failed 0, evaluations 1 blocked 0 forced 0 ALLOW, feedback 1: 0 0 1
executions 1 filled 1 failed 0, evaluations 2 blocked 0 forced 0, feedback 5: 2 1 2
";
