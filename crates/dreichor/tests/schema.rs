//! `schema` accepts the inputs that the parser accepts, and no others; and so for the lines on disk.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::{Event, Input, Rule};
use jsonschema::Validator;
use serde_json::{Value, json};
use support::{DREICHOR, clean, json_lines, run, vector};

fn schema(of: &[&str]) -> (Value, Validator) {
    let printed = run(clean(DREICHOR).arg("schema").args(of), b"").expect(0);
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    (schema, validator)
}

/// One input of each kind, of each target and with each absent value: of the vectors, and others.
fn inputs() -> Vec<Value> {
    let feedback = |target: Value, comment: Value| {
        json!({"version": 1, "kind": "FEEDBACK", "logicalTime": 4, "category": "RISK_COMFORT", "target": target,
            "comment": comment})
    };
    let id = "1a18bb8a-ad36-856c-b36d-80ebea140871";
    let mut inputs = json_lines(&vector("inputs.ndjson"));
    inputs.extend([
        feedback(json!({"type": "DECISION", "decisionId": id}), json!(null)),
        feedback(json!({"type": "EXECUTION", "decisionId": id, "executionId": id}), json!("x".repeat(4_096))),
        feedback(json!({"type": "TIME_WINDOW", "from": 0, "to": (1_u64 << 53) - 1}), json!("\u{feff}\n")),
    ]);
    inputs
}

/// The places of all values, as JSON Pointers.
fn places(value: &Value, place: String, places: &mut Vec<String>) {
    places.push(place.clone());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                self::places(member, format!("{place}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                self::places(item, format!("{place}/{index}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Values that some member may have, and some that none may have.
fn others() -> Vec<Value> {
    let mut others = vec![json!(null), json!(true), json!({}), json!([]), json!(["UNKNOWN", "UNKNOWN"])];
    others.extend([
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(0.5),
        json!((1_u64 << 53) - 1),
        json!(1_u64 << 53),
    ]);
    let texts = [
        "",
        " ",
        "x",
        "0",
        "TICK",
        "FEEDBACK",
        "DECISION",
        "TIME_WINDOW",
        "UNKNOWN",
        "cautious@v1",
        "a.b.c@v1",
    ];
    let classes =
        ["a.b@v1", "a.b.c@v0", "a.b.c@v01", "a.b.c.d@v1", "a..c@v1", "a.b.c@1", "a.b.c@v1\n", "ä.b.c@v1"];
    let ids = [
        "27ac435a-1710-4110-a051-8ca566ceab36",
        "27AC435A-1710-4110-A051-8CA566CEAB36",
        "27ac435a17104110a0518ca566ceab36",
    ];
    let content_ids = ["27ac435a-1710-8110-c051-8ca566ceab36", "27ac435a-1710-8110-b051-8ca566ceab36"];
    for texts in [&texts[..], &classes, &ids, &content_ids] {
        others.extend(texts.iter().map(|text| json!(text)));
    }
    others.extend([64, 65, 128, 129, 4_096, 4_097].map(|length| json!("M".repeat(length))));
    others.extend([128, 129].map(|length| json!(format!("a.b.{}@v1", "c".repeat(length - 7)))));
    others
}

/// The input with one thing changed, in every way that is tried.
fn mutations(input: &Value) -> Vec<Value> {
    let (mut all, mut mutations) = (Vec::new(), vec![input.clone()]);
    places(input, String::new(), &mut all);
    for place in &all {
        for other in others() {
            let mut mutation = input.clone();
            *mutation.pointer_mut(place).unwrap() = other;
            mutations.push(mutation);
        }
        if let Some(text) = input.pointer(place).unwrap().as_str() {
            for (at, character) in text.char_indices().take(40) {
                let mut mutation = input.clone();
                *mutation.pointer_mut(place).unwrap() =
                    json!([&text[..at], &text[at + character.len_utf8()..]].concat());
                mutations.push(mutation);
            }
        }
        if let Some(members) = input.pointer(place).unwrap().as_object() {
            for name in members.keys() {
                let mut mutation = input.clone();
                mutation.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
                mutations.push(mutation);
            }
            for name in ["x", "", "type", "comment", "from", "decisionId"] {
                let mut mutation = input.clone();
                mutation.pointer_mut(place).unwrap()[name] = json!(null);
                mutations.push(mutation);
            }
        }
    }
    mutations
}

#[test]
fn the_schema_accepts_what_the_parser_accepts() {
    let (_, validator) = schema(&[]);
    let mut counts = [0, 0];
    for input in inputs() {
        assert!(validator.is_valid(&input), "{input}");
        for mutation in mutations(&input) {
            let line = mutation.to_string();
            let parsed = Input::parse(line.as_bytes());
            assert_eq!(validator.is_valid(&mutation), parsed.is_ok(), "{line}: {parsed:?}");
            counts[usize::from(parsed.is_ok())] += 1;
        }
    }
    assert!(counts.iter().all(|count| *count > 1_000), "{counts:?}");
}

/// The value as JSON, its members in the order of the schema; unknown ones last.
fn ordered(value: &Value, schema: &Value) -> String {
    let Value::Object(members) = value else { return value.to_string() };
    let is_option = |option: &&Value| members.get("type") == Some(&option["properties"]["type"]["const"]);
    let schema =
        schema["oneOf"].as_array().and_then(|options| options.iter().find(is_option)).unwrap_or(schema);
    let place = |name: &str| {
        let names = schema["required"].as_array().into_iter().flatten();
        names.into_iter().position(|known| known == name).unwrap_or(usize::MAX)
    };
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(name, _)| place(name));
    let write = |(name, member): (&String, &Value)| {
        format!("{}:{}", json!(name), ordered(member, &schema["properties"][name]))
    };
    format!("{{{}}}", members.into_iter().map(write).collect::<Vec<_>>().join(","))
}

/// The line of these members with the id of their content, so that only their form is at fault; none without an id.
fn certified(event: &Value, schema: &Value) -> Option<Vec<u8>> {
    let mut content = event.clone();
    content.as_object_mut()?.remove("id")?;
    Event::line_of(ordered(&content, schema).as_bytes())
}

#[test]
fn the_schema_of_events_accepts_what_the_reader_accepts() {
    let (schema, validator) = schema(&["events"]);
    let mut counts = [0, 0];
    let mut seen = std::collections::BTreeSet::new();
    for event in json_lines(&vector("audit_events.ndjson")) {
        assert!(validator.is_valid(&event), "{event}");
        assert!(Event::read_line(ordered(&event, &schema).as_bytes()).is_ok(), "{event}");
        if !seen.insert(format!("{}{}{}", event["type"], event["reason"], event["target"]["type"])) {
            continue;
        }
        for mutation in mutations(&event).into_iter().filter(|mutation| mutation["id"] == event["id"]) {
            let Some(line) = certified(&mutation, &schema) else { continue };
            let read = Event::read_line(&line);
            let is_valid = validator.is_valid(&mutation);
            match &read {
                Ok(_) => assert!(is_valid, "{mutation}"),
                // Members that must agree with each other: a schema does not say that.
                Err(fault) if [Rule::SafetyPair, Rule::OutcomeReason].contains(&fault.rule) => {}
                Err(fault) => assert!(!is_valid, "{mutation}: {fault}"),
            }
            counts[usize::from(read.is_ok())] += 1;
        }
    }
    assert!(counts.iter().all(|count| *count > 200), "{counts:?}");
}

#[test]
fn the_schema_of_snapshots_accepts_snapshots_only() {
    let (_, validator) = schema(&["snapshots"]);
    for snapshot in json_lines(&vector("snapshots.ndjson")) {
        assert!(validator.is_valid(&snapshot), "{snapshot}");
        for place in ["/auditTreeSize", "/positions", "/auditRootHash", "/plane", "/snapshotId", "/version"] {
            let mut mutation = snapshot.clone();
            *mutation.pointer_mut(place).unwrap() = json!(0);
            assert!(!validator.is_valid(&mutation), "{mutation}");
        }
    }
}
