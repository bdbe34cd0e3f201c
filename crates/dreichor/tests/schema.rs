//! `schema` accepts the inputs that the parser accepts, and no others.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::Input;
use jsonschema::Validator;
use serde_json::{Value, json};
use support::{DREICHOR, clean, json_lines, run, vector};

fn validator() -> Validator {
    let printed = run(clean(DREICHOR).arg("schema"), b"").expect(0);
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
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
    let validator = validator();
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
