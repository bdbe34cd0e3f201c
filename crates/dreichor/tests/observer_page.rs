//! docs/OBSERVER.md names all of the API, and the description says exactly what is sent.

mod support;

use dreichor_observer::document;
use serde_json::{Map, Value, json};
use support::page::Page;

/// Every path has its row, with its parameters; and so has every problem.
#[test]
fn the_tables_are_those_of_the_description() {
    let page = Page::read("docs/OBSERVER.md").text;
    let row = |name: &str| {
        let cell = format!("| `{name}` |");
        let mut rows = page.lines().filter(|line| line.starts_with(&cell));
        rows.next().unwrap_or_else(|| panic!("no row begins with {cell}")).to_owned()
    };
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let row = row(path.trim_start_matches("/v1/observe"));
        let listed = row.split('|').nth(2).unwrap();
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            assert!(listed.contains(&format!("`{name}`")), "{name} is missing: {row}");
        }
    }
    for problem in document["components"]["schemas"]["ProblemType"]["enum"].as_array().unwrap() {
        row(problem.as_str().unwrap().trim_start_matches("urn:dreichor:problem:"));
    }
}

/// Every object has the members that are described, and no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") || members.contains_key("allOf") {
                members.insert("unevaluatedProperties".into(), json!(false));
            }
            // The parts of one object are closed together.
            members.iter_mut().filter(|(name, _)| *name != "allOf").for_each(|(_, member)| close(member));
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// True if a path is one of this template's.
fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(part, given)| part.starts_with('{') || *part == given)
}

#[test]
fn the_golden_answers_are_what_the_description_says() {
    let mut document = document();
    close(&mut document["components"]["schemas"]);
    let golden = Page::read("tests/observer/answers.txt").text;
    let (mut checked, mut types) = (0, Map::new());
    for answer in golden.trim_end().split("\n\n") {
        let mut lines = answer.splitn(3, '\n');
        let path = lines.next().unwrap().strip_prefix("GET ").unwrap().split('?').next().unwrap();
        let (status, body) = (lines.next().unwrap(), lines.next().unwrap());
        let Ok(body) = serde_json::from_str::<Value>(body) else { continue };
        let paths = document["paths"].as_object().unwrap();
        // One that is no parameter comes before one that is.
        let template =
            paths.get_key_value(path).or_else(|| paths.iter().find(|(known, _)| matches(known, path)));
        let schema = match template {
            Some((_, item)) => {
                let content = &item["get"]["responses"][status]["content"];
                content.as_object().unwrap().values().next().unwrap()["schema"].clone()
            }
            None => json!({ "$ref": "#/components/schemas/Problem" }),
        };
        let mut whole = schema;
        whole["components"] = document["components"].clone();
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        if let Err(error) = validator.validate(&body) {
            panic!("{path} {status}: {error} at {}", error.instance_path());
        }
        // An answer with another member is not what is described.
        let mut other = body;
        other["other"] = json!(1);
        assert!(!validator.is_valid(&other), "{path} {status}");
        for event in other["events"].as_array().into_iter().flatten() {
            types.insert(event["type"].as_str().unwrap_or_default().to_owned(), json!(true));
        }
        checked += 1;
    }
    assert!(checked > 60 && types.len() > 3, "{checked} {types:?}");
}

/// Each event on disk has the schema of its type, and of no other; so has each snapshot.
#[test]
fn the_bytes_on_disk_are_what_the_description_says() {
    let document = document();
    let validator = |name: &str| {
        let reference = format!("#/components/schemas/{name}");
        let schema = json!({ "$ref": reference, "components": document["components"] });
        jsonschema::draft202012::new(&schema).unwrap()
    };
    let mapping =
        document["components"]["schemas"]["AuditEvent"]["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(mapping.len(), 8);
    let events: Vec<Value> = support::json_lines(&support::vector("audit_events.ndjson"));
    for (event_type, place) in mapping {
        let only = validator(place.as_str().unwrap().rsplit('/').next().unwrap());
        for event in &events {
            assert_eq!(only.is_valid(event), event["type"] == *event_type, "{event}");
        }
    }
    let event = validator("AuditEvent");
    assert!(events.iter().all(|line| event.is_valid(line)));
    let snapshot = validator("Snapshot");
    for line in support::json_lines(&support::vector("snapshots.ndjson")) {
        assert!(snapshot.is_valid(&line), "{line}");
        for name in line.as_object().unwrap().keys() {
            let mut without = line.clone();
            without.as_object_mut().unwrap().remove(name);
            assert!(!snapshot.is_valid(&without), "{name}");
        }
    }
}

/// Every reference leads somewhere, no schema is empty, and every operation is a GET.
#[test]
fn the_description_is_whole() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(place) = members.get("$ref").and_then(Value::as_str) {
                    let found =
                        document.pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("{place}"));
                    assert!(found != &json!({}) && found != &json!({ "type": "object" }), "{place}");
                }
                members.values().for_each(|member| walk(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(document, item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    walk(&document, &document);
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(item.as_object().unwrap().keys().eq(["get"]), "{path}");
    }
}
