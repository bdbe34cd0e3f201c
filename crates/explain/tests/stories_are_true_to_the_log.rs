//! For every log: each sentence names the line that it comes from, no event of a decision is left out, text and JSON say
//! the same, and the state before an event is the one that the story of the event before it left.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;

use dreichor_explain::Story;
use proptest::prelude::*;
use serde_json::Value;
use support::config::config;
use support::generated::logs;
use support::{Bench, STRAY, json, lines, vectors_log};

/// The decision that an event is of or speaks of.
fn decision_of(event: &Value) -> Option<&str> {
    event["decisionId"].as_str().or_else(|| event["target"]["decisionId"].as_str())
}

/// The decisions of a log, in its order.
fn decisions(log: &[u8]) -> Vec<String> {
    let events = lines(log).into_iter().map(json);
    let evaluated = events.filter(|event| event["type"] == "DECISION_EVALUATED");
    evaluated.map(|event| event["decisionId"].as_str().unwrap().to_owned()).collect()
}

/// All that holds of a story of `log`.
fn check(story: &Story, decision: &str, log: &[u8]) {
    let lines = lines(log);
    let text = story.to_text(None);
    let told: Value = serde_json::from_slice(&story.to_json()).unwrap();
    assert_eq!(told["decisionId"], decision);
    let events = told["events"].as_array().unwrap();
    let explanation = told["explanation"].as_array().unwrap();

    // Every event of the decision and no other, byte for byte, each the source of a sentence.
    let expected: Vec<u64> = (1..)
        .zip(&lines)
        .filter(|(_, line)| decision_of(&json(line)) == Some(decision))
        .map(|(number, _)| number)
        .collect();
    let found: Vec<u64> = events.iter().map(|event| event["line"].as_u64().unwrap()).collect();
    assert_eq!(found, expected);
    let mut sources: Vec<u64> = explanation.iter().map(|told| told["line"].as_u64().unwrap()).collect();
    assert!(sources.is_sorted(), "sentences are in the order of the log");
    sources.dedup();
    assert_eq!(sources, expected);
    for event in &story.events {
        let line = lines[usize::try_from(event.line).unwrap() - 1];
        assert_eq!(event.bytes, line.strip_suffix(b"\n").unwrap());
    }

    // Every sentence, with the id and line that the file has, and the same in both renderings.
    let written: Vec<&str> = text.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(written.len(), explanation.len());
    for (sentence, written) in explanation.iter().zip(written) {
        let line = sentence["line"].as_u64().unwrap();
        let id = json(lines[usize::try_from(line).unwrap() - 1])["id"].clone();
        assert_eq!(sentence["eventId"], id);
        let words = sentence["sentence"].as_str().unwrap();
        assert_eq!(written, format!("  {words}"));
        let heading = format!(
            "line {line}  {}  {}\n",
            json(lines[usize::try_from(line).unwrap() - 1])["type"].as_str().unwrap(),
            id.as_str().unwrap()
        );
        assert!(text.contains(&heading), "no {heading} in {text}");
        assert!(words.ends_with('.') && !words.contains(".."), "{words}");
        assert!(!words.contains(|c: char| c.is_control() || c == '\u{202e}'), "{words:?}");
    }
}

/// All that stories of `log`, which ticks of the domain's own rules have made, hold together.
fn check_all(log: &[u8], is_cut: bool) {
    let bench = Bench::holding(log);
    let mut positions: BTreeMap<String, String> = BTreeMap::new();
    let mut lifecycles: BTreeMap<String, String> = BTreeMap::new();
    let decisions = decisions(log);
    for decision in &decisions {
        let story = bench.explain(decision).unwrap();
        check(&story, decision, log);
        assert!(!story.is_interrupted || is_cut && decisions.last() == Some(decision));
        assert!(!story.to_text(None).contains(STRAY), "{}", story.to_text(None));
        follow(&story, &mut positions, &mut lifecycles);
    }
}

/// The part of `text` between `from` and `to`.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let rest = text.split_once(from)?.1;
    Some(rest.split_once(to)?.0)
}

/// Each position and lifecycle before an event is what the last story that changed it left.
fn follow(
    story: &Story,
    positions: &mut BTreeMap<String, String>,
    lifecycles: &mut BTreeMap<String, String>,
) {
    let (mut decided, mut time) = ("", 0_u64);
    for sentence in story.events.iter().flat_map(|event| &event.sentences) {
        if let Some(instance) = between(sentence, "strategy instance ", " made decision") {
            decided = instance;
            time = between(sentence, "At logical time ", ",").unwrap().parse().unwrap();
        }
        if let Some(words) = sentence.strip_prefix("The instance was ") {
            let was = lifecycles.get(decided).map_or("READY", String::as_str);
            let (name, until) = (was.split(' ').next().unwrap(), was.split_once(" until "));
            assert!(words.trim_start_matches("in ").starts_with(name), "{words} {was}");
            let is_over = until.is_none_or(|(_, until)| time >= until.parse().unwrap());
            assert_eq!(is_over, !words.contains("was not over yet"), "{words} at {time}");
            assert!(
                until.is_none_or(|(_, until)| words.contains(&format!(" until {until} was "))),
                "{words} {was}"
            );
        }
        if let Some((open, _)) = sentence.split_once(" was open in the Shadow Ledger") {
            let held = positions.iter().find(|(_, position)| position.starts_with("open"));
            let held = held.map_or("No position".into(), |(market, position)| {
                let quantity = between(position, "open with quantity ", ",").unwrap();
                format!("{quantity} of {market}")
            });
            assert_eq!(open, held);
        }
        if let Some(market) = between(sentence, "position of ", " changed: before, ") {
            let before = between(sentence, "before, ", "; after, ").unwrap();
            assert_eq!(before, positions.get(market).map_or("none at all", String::as_str));
            let (_, after) = sentence.split_once("; after, ").unwrap();
            positions.insert(market.to_owned(), after.strip_suffix('.').unwrap().to_owned());
        }
        if let Some(before) = between(sentence, " went from ", " to ") {
            let holder = between(sentence, "strategy instance ", ",").unwrap_or(decided);
            assert_eq!(before, lifecycles.get(holder).map_or("READY", String::as_str));
            let after = between(sentence, " to ", ", which is logical time").unwrap();
            lifecycles.insert(holder.to_owned(), after.to_owned());
        }
    }
}

#[test]
fn stories_of_the_vectors_are_true() {
    check_all(&vectors_log(), false);
}

#[test]
fn stories_of_a_log_that_is_cut_off_anywhere_are_true() {
    let log = vectors_log();
    let lines = lines(&log);
    for count in 1..=60 {
        let log = lines[..count].concat();
        let decision = decisions(&log).pop().unwrap();
        let story = Bench::holding(&log).explain(&decision).unwrap();
        check(&story, &decision, &log);
        // A tick ends where the next line is not of the same decision.
        let next = json(lines[count]);
        let is_cut = next["decisionId"] == *decision;
        assert_eq!(story.is_interrupted, is_cut, "after line {count}");
    }
}

#[test]
fn each_id_of_a_story_tells_the_same_story() {
    let log = vectors_log();
    let bench = Bench::holding(&log);
    for line in lines(&log) {
        let event = json(line);
        let named = ["id", "orderIntentId", "executionId", "feedbackId"];
        for id in named.iter().filter_map(|member| event[*member].as_str()) {
            let story = bench.explain(id).unwrap();
            match decision_of(&event) {
                Some(decision) => assert_eq!(Some(story), bench.explain(decision), "{id}"),
                None => {
                    assert_eq!((story.decision_id, story.is_interrupted), (None, false));
                    let bytes: Vec<_> = story.events.iter().map(|event| event.bytes.as_slice()).collect();
                    assert_eq!(bytes, [line.strip_suffix(b"\n").unwrap()]);
                    assert_eq!(story.events[0].sentences.len(), 1);
                }
            }
        }
    }
}

#[test]
fn what_is_not_in_the_log_has_no_story() {
    let bench = Bench::holding(&vectors_log());
    for id in [
        "00000000-0000-0000-0000-000000000000",
        // A strategy instance: its decisions are many stories.
        "27ac435a-1710-4110-a051-8ca566ceab36",
        // A decision that comes in another log.
        "1a18bb8a-ad36-856c-b36d-80ebea140872",
    ] {
        assert_eq!(bench.explain(id), None, "{id}");
    }
    assert_eq!(Bench::holding(b"").explain("1a18bb8a-ad36-856c-b36d-80ebea140871"), None);
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn stories_of_any_log_are_true(log in logs(), cut in any::<prop::sample::Index>()) {
        check_all(&log, false);
        let lines = lines(&log);
        check_all(&lines[..cut.index(lines.len() + 1)].concat(), true);
    }
}
