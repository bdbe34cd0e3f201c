//! Every line is what the runtime reads: its members, their order, their forms.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{sample_markets, sample_ticks};
use dreichor_rotation::{Pool, Rotation};
use serde_json::{Map, Value};

const REASON_CODES: [&str; 8] = [
    "UNKNOWN",
    "ATTENTION_SUPERIOR",
    "ATTENTION_INSUFFICIENT",
    "STABILITY_INSUFFICIENT",
    "HOLD_TIME_ACTIVE",
    "COOLDOWN_ACTIVE",
    "SAFETY_TRIGGERED",
    "PREFLIGHT_BLOCKED",
];

fn booleans<const N: usize>(object: &Value, names: [&str; N]) -> [bool; N] {
    let object = object.as_object().unwrap();
    assert_eq!(object.len(), N);
    names.map(|name| object[name].as_bool().unwrap())
}

fn check_members(tick: &Map<String, Value>) {
    assert_eq!(tick.len(), 10);
    assert_eq!(tick["version"], 1);
    assert_eq!(tick["kind"], "TICK");
    assert_eq!(tick["decisionClass"], "attention.rotate.candles@v1");
    assert!(tick["logicalTime"].as_u64().unwrap() >= 1);
    assert!(tick["targetMarketId"].is_null() || tick["targetMarketId"].is_string());
    let [halts, blocks, forces] = booleans(&tick["safetyGates"], ["haltAll", "blockBuy", "forceSell"]);
    assert!(!halts && blocks == forces);
}

fn check_reasons(tick: &Map<String, Value>) {
    let facts = booleans(
        &tick["attention"],
        [
            "attentionMeaningfullyHigher",
            "stabilityMeetsMinimum",
            "confidenceSufficient",
            "differencePersistsOverTime",
            "switchingCostsJustified",
        ],
    );
    let mut reasons: Vec<&str> =
        tick["reasonCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    assert!(!reasons.is_empty() && reasons.iter().all(|code| REASON_CODES.contains(code)));
    assert_eq!(reasons.contains(&"ATTENTION_SUPERIOR"), facts == [true; 5]);
    let count = reasons.len();
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), count, "a reason is repeated");
}

#[test]
fn every_tick_of_every_pool() {
    let ticks = sample_ticks(400);
    assert_eq!(ticks.len(), 1200);
    for (place, tick) in ticks.iter().enumerate() {
        let line = tick.to_string();
        assert!(!line.contains([' ', '\n', '\r']), "{line}");
        let parsed: Map<String, Value> = serde_json::from_str(&line).unwrap();
        check_members(&parsed);
        check_reasons(&parsed);
        let pool = Pool::ALL[place % 3];
        assert_eq!(parsed["parameterPoolId"], pool.id());
        assert_eq!(parsed["strategyInstanceId"], pool.instance_id());
        assert_eq!(parsed["logicalTime"], place / 3 + 1);
    }
}

#[test]
fn the_same_markets_give_the_same_ticks_in_whatever_order_they_come() {
    let mut reversed = sample_markets(300);
    reversed.reverse();
    let reversed: Vec<_> = Rotation::new(reversed).unwrap().collect();
    assert_eq!(sample_ticks(300), sample_ticks(300));
    assert_eq!(sample_ticks(300), reversed);
}

#[test]
fn more_steps_change_nothing_before_them() {
    assert_eq!(sample_ticks(300)[..], sample_ticks(400)[..900]);
}

/// As they were when this was written: a change here is a change of the strategy, or of the sample. The
/// first tick, the first with a target, the first switch, and the first step of a crash.
const GOLDEN: [&str; 6] = [
    r#"{"version":1,"kind":"TICK","logicalTime":1,"strategyInstanceId":"c0000000-0000-4000-8000-000000000001","decisionClass":"attention.rotate.candles@v1","reasonCodes":["UNKNOWN"],"attention":{"attentionMeaningfullyHigher":false,"stabilityMeetsMinimum":false,"confidenceSufficient":false,"differencePersistsOverTime":false,"switchingCostsJustified":false},"parameterPoolId":"cautious@v1","targetMarketId":null,"safetyGates":{"haltAll":false,"blockBuy":false,"forceSell":false}}"#,
    r#"{"version":1,"kind":"TICK","logicalTime":18,"strategyInstanceId":"a0000000-0000-4000-8000-000000000003","decisionClass":"attention.rotate.candles@v1","reasonCodes":["ATTENTION_INSUFFICIENT"],"attention":{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":true,"confidenceSufficient":false,"differencePersistsOverTime":false,"switchingCostsJustified":true},"parameterPoolId":"assertive@v1","targetMarketId":"DELTA","safetyGates":{"haltAll":false,"blockBuy":false,"forceSell":false}}"#,
    r#"{"version":1,"kind":"TICK","logicalTime":25,"strategyInstanceId":"a0000000-0000-4000-8000-000000000003","decisionClass":"attention.rotate.candles@v1","reasonCodes":["ATTENTION_SUPERIOR"],"attention":{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":true,"confidenceSufficient":true,"differencePersistsOverTime":true,"switchingCostsJustified":true},"parameterPoolId":"assertive@v1","targetMarketId":"CHARLIE","safetyGates":{"haltAll":false,"blockBuy":false,"forceSell":false}}"#,
    r#"{"version":1,"kind":"TICK","logicalTime":107,"strategyInstanceId":"c0000000-0000-4000-8000-000000000001","decisionClass":"attention.rotate.candles@v1","reasonCodes":["ATTENTION_INSUFFICIENT","STABILITY_INSUFFICIENT","SAFETY_TRIGGERED"],"attention":{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":false,"confidenceSufficient":false,"differencePersistsOverTime":true,"switchingCostsJustified":true},"parameterPoolId":"cautious@v1","targetMarketId":"DELTA","safetyGates":{"haltAll":false,"blockBuy":true,"forceSell":true}}"#,
    r#"{"version":1,"kind":"TICK","logicalTime":107,"strategyInstanceId":"b0000000-0000-4000-8000-000000000002","decisionClass":"attention.rotate.candles@v1","reasonCodes":["ATTENTION_INSUFFICIENT","STABILITY_INSUFFICIENT","SAFETY_TRIGGERED"],"attention":{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":false,"confidenceSufficient":true,"differencePersistsOverTime":false,"switchingCostsJustified":true},"parameterPoolId":"balanced@v1","targetMarketId":"CHARLIE","safetyGates":{"haltAll":false,"blockBuy":true,"forceSell":true}}"#,
    r#"{"version":1,"kind":"TICK","logicalTime":107,"strategyInstanceId":"a0000000-0000-4000-8000-000000000003","decisionClass":"attention.rotate.candles@v1","reasonCodes":["ATTENTION_INSUFFICIENT","SAFETY_TRIGGERED"],"attention":{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":true,"confidenceSufficient":true,"differencePersistsOverTime":true,"switchingCostsJustified":false},"parameterPoolId":"assertive@v1","targetMarketId":"CHARLIE","safetyGates":{"haltAll":false,"blockBuy":true,"forceSell":true}}"#,
];

#[test]
fn golden_lines_of_the_sample() {
    let lines: Vec<String> = sample_ticks(400).iter().map(ToString::to_string).collect();
    let first = |what: &str| lines.iter().position(|line| line.contains(what)).unwrap();
    let crash = first("SAFETY_TRIGGERED");
    let chosen =
        [0, first(r#""targetMarketId":""#), first("ATTENTION_SUPERIOR"), crash, crash + 1, crash + 2];
    assert_eq!(chosen.map(|at| lines[at].as_str()), GOLDEN);
}
