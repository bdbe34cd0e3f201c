//! A filter matches an event if, and only if, its conditions hold for the event's JSON; its words are in every such
//! line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::value::Spelled;
use std::collections::BTreeSet;

use dreichor_core::event::EventType;
use dreichor_core::state::DecisionMemory;
use dreichor_core::value::Form;
use dreichor_core::{Event, State};
use dreichor_replay::Filter;
use dreichor_replay::reference::IdPrefix;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use support::samples::config::config;
use support::samples::line::{lines, vector};
use support::samples::values::event;
use support::{enacted, written};

/// A filter as text, which [`Filter`] and the JSON are compared by. Ids are whole or their first digits.
#[derive(Debug, Clone, Default)]
struct Asked<'v> {
    event_types: Vec<&'v str>,
    decisions: Vec<&'v str>,
    markets: Vec<&'v str>,
    instances: Vec<&'v str>,
    from: Option<u64>,
    to: Option<u64>,
}

impl Asked<'_> {
    fn filter(&self) -> Filter {
        fn formed<T: Form>(texts: &[&str]) -> Vec<T> {
            texts.iter().map(|text| T::parse(text.as_bytes()).unwrap()).collect()
        }
        let ids = |texts: &[&str]| texts.iter().map(|text| IdPrefix::parse(text).unwrap()).collect();
        Filter {
            event_types: formed(&self.event_types),
            decisions: ids(&self.decisions),
            markets: formed(&self.markets),
            instances: ids(&self.instances),
            from: self.from,
            to: self.to,
        }
    }

    fn asks_for(&self, event: &Value, log: &[Value]) -> bool {
        // Feedback on a time window speaks of no decision.
        let target = &event["target"];
        let decision = if target.is_null() { &event["decisionId"] } else { &target["decisionId"] };
        let is = |asked: &[&str], found: &[&Value]| {
            asked.is_empty() || asked.iter().any(|asked| found.iter().any(|found| **found == *asked))
        };
        let begins = |asked: &[&str], found: &Value| {
            let found = found.as_str().map(|id| id.replace('-', ""));
            let is_it =
                |asked: &&str| found.as_ref().is_some_and(|id| id.starts_with(&asked.replace('-', "")));
            asked.is_empty() || asked.iter().any(is_it)
        };
        let evaluated = log.iter().find(|other| {
            other["type"] == "DECISION_EVALUATED" && !decision.is_null() && other["decisionId"] == *decision
        });
        let time = event["logicalTime"].as_u64().unwrap();
        is(&self.event_types, &[&event["type"]])
            && begins(&self.decisions, decision)
            && is(&self.markets, &[&event["marketId"], &event["targetMarketId"]])
            && begins(&self.instances, evaluated.map_or(&Value::Null, |other| &other["strategyInstanceId"]))
            && self.from.is_none_or(|from| time >= from)
            && self.to.is_none_or(|to| time <= to)
    }
}

/// A log, its events as JSON, and all values of a member that they have, with one that none has.
struct Log {
    bytes: Vec<u8>,
    json: Vec<Value>,
}

impl Log {
    fn new(bytes: Vec<u8>) -> Self {
        let json = lines(&bytes).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
        Self { bytes, json }
    }

    fn values<'v>(&'v self, member: &str, absent: &'v str) -> Vec<&'v str> {
        let values: BTreeSet<_> = self.json.iter().filter_map(|event| event[member].as_str()).collect();
        values.into_iter().chain([absent]).collect()
    }

    fn types() -> Vec<&'static str> {
        EventType::ALL.iter().map(|event_type| event_type.as_str()).collect()
    }

    fn decisions(&self) -> Vec<&str> {
        self.values("decisionId", "00000000-0000-8000-8000-000000000000")
    }

    fn markets(&self) -> Vec<&str> {
        self.values("targetMarketId", "nowhere")
    }

    fn instances(&self) -> Vec<&str> {
        self.values("strategyInstanceId", "00000000-0000-0000-0000-000000000000")
    }

    /// The number of selected events; each line is compared with its JSON.
    fn check(&self, asked: &Asked<'_>) -> usize {
        let (filter, mut state) = (asked.filter(), State::new());
        let words = filter.words();
        let mut count = 0;
        for (line, json) in lines(&self.bytes).into_iter().zip(&self.json) {
            let (event, _) = Event::read_line(line).unwrap();
            state.apply(&event).unwrap();
            let is_asked = filter.asks_for(&event, state.memory());
            assert_eq!(is_asked, asked.asks_for(json, &self.json), "{asked:?} {json}");
            if is_asked {
                check_words(&words, line);
                count += 1;
            }
        }
        count
    }
}

fn check_words(lists: &[Vec<String>], line: &[u8]) {
    let text = std::str::from_utf8(line).unwrap();
    for words in lists {
        assert!(words.iter().any(|word| text.contains(word)), "none of {words:?} is in {text}");
    }
}

#[test]
fn each_field_asks_for_what_it_says() {
    for log in [Log::new(vector("audit_events.ndjson")), Log::new(enacted(60))] {
        let any = Asked::default;
        let mut counts = vec![log.check(&any())];
        assert_eq!(counts[0], log.json.len());
        counts
            .extend(Log::types().iter().map(|&name| log.check(&Asked { event_types: vec![name], ..any() })));
        counts.extend(log.decisions().iter().map(|&id| log.check(&Asked { decisions: vec![id], ..any() })));
        counts.extend(log.markets().iter().map(|&id| log.check(&Asked { markets: vec![id], ..any() })));
        counts.extend(log.instances().iter().map(|&id| log.check(&Asked { instances: vec![id], ..any() })));
        // The three that are nowhere, and no more than a type or a market that happens to be missing.
        let empty = counts.iter().filter(|&&count| count == 0).count();
        assert!((3..=5).contains(&empty), "{counts:?}");
        for id in log.decisions().into_iter().chain(log.instances()) {
            for digits in [4, 8, 9, 13, 20, 24, 35] {
                log.check(&Asked { decisions: vec![&id[..digits]], ..any() });
                log.check(&Asked { instances: vec![&id[..digits]], ..any() });
            }
        }
        let last = log.json.last().unwrap()["logicalTime"].as_u64().unwrap();
        for time in [0, 1, 20, 30, last, last + 1, u64::MAX] {
            log.check(&Asked { from: Some(time), ..any() });
            log.check(&Asked { to: Some(time), ..any() });
            log.check(&Asked { from: Some(time), to: Some(time), ..any() });
            log.check(&Asked { from: Some(time), to: Some(20), ..any() });
        }
    }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn all_fields_together_ask_for_what_they_say(
        at: Index, differs in option::of((0..4_u8, any::<Index>())), fields in vec(any::<bool>(), 6),
        others in vec((0..4_u8, any::<Index>()), 0..4),
    ) {
        static LOG: std::sync::LazyLock<Log> = std::sync::LazyLock::new(|| Log::new(vector("audit_events.ndjson")));
        // Conditions that hold for one event, or all but one of them.
        let event = at.get(&LOG.json);
        let decision = event["decisionId"].as_str().or(event["target"]["decisionId"].as_str());
        let evaluated = decision.and_then(|id| LOG.json.iter().find(|other| other["decisionId"] == id));
        let time = event["logicalTime"].as_u64();
        let one = |value: Option<&'static str>, is_asked: bool| -> Vec<&'static str> {
            value.into_iter().filter(|_| is_asked).collect()
        };
        let market = event["marketId"].as_str().or(event["targetMarketId"].as_str());
        let mut asked = Asked {
            event_types: one(event["type"].as_str(), fields[0]),
            decisions: one(decision, fields[1]),
            markets: one(market, fields[2]),
            instances: one(evaluated.and_then(|event| event["strategyInstanceId"].as_str()), fields[3]),
            from: time.filter(|_| fields[4]),
            to: time.filter(|_| fields[5]),
        };
        let all = [Log::types(), LOG.decisions(), LOG.markets(), LOG.instances()];
        let lists = [&mut asked.event_types, &mut asked.decisions, &mut asked.markets, &mut asked.instances];
        if let Some((list, other)) = differs {
            let list = usize::from(list);
            lists[list].clear();
            lists[list].push(*other.get(&all[list]));
        }
        // Alternatives to a condition that is there.
        for (list, other) in others {
            let list = usize::from(list);
            if !lists[list].is_empty() {
                lists[list].push(*other.get(&all[list]));
            }
        }
        let count = LOG.check(&asked);
        prop_assert!(differs.is_some() || count > 0);
    }

    #[test]
    fn the_words_of_whatever_asks_for_an_event_are_in_its_line(event in event()) {
        let filter = Filter {
            event_types: vec![event.body.event_type()],
            decisions: event.body.decision_id().map(|id| id.uuid().into()).into_iter().collect(),
            markets: event.body.market_id().into_iter().collect(),
            ..Filter::default()
        };
        prop_assert!(filter.asks_for(&event, &DecisionMemory::default()));
        let line = written(std::slice::from_ref(&event));
        check_words(&filter.words(), line.strip_suffix(b"\n").unwrap());
    }
}
