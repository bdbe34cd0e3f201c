//! The description of the API: OpenAPI 3.1, made from the code, and a page of it that needs no network.

use std::fmt::Write;

use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::problem::{Document, Kind};
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dreichor Observer API",
        description = "What the machine decided, and why: seeing without touching. GET and HEAD only. Given the same \
                       bytes on disk, the same answer. An answer may show events that are written but not yet synced \
                       and acknowledged.",
    ),
    components(schemas(Document<'_>))
)]
struct Description;

/// The OpenAPI document, as JSON.
pub fn document() -> Value {
    let (_, api) = routes::documented(Description::openapi());
    let mut document = serde_json::to_value(&api).unwrap_or_default();
    complete(&mut document);
    document
}

/// Adds what every operation shares: the problems that any request may meet, and the headers of every answer.
fn complete(document: &mut Value) {
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        info.remove("contact");
        info.insert("version".into(), json!("1"));
    }
    if let Some(document) = document.as_object_mut() {
        document.insert("security".into(), json!([{}, { "bearer": [] }]));
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        let bearer = json!({
            "type": "http",
            "scheme": "bearer",
            "description": "Needed where a token file is configured; never for /livez and /readyz."
        });
        components.insert("securitySchemes".into(), json!({ "bearer": bearer }));
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, operations) in paths {
        let Some(operations) = operations.as_object_mut() else { continue };
        for (method, operation) in operations {
            let is_head = method == "head";
            let Some(operation) = operation.as_object_mut() else { continue };
            if is_head && let Some(id) = operation.get("operationId").and_then(Value::as_str) {
                let id = format!("{id}_head");
                operation.insert("operationId".into(), json!(id));
            }
            let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else {
                continue;
            };
            if path.starts_with("/v1/") || path == "/openapi.json" || path == "/docs" {
                let unchanged = json!({ "description": "If-None-Match names the ETag of this answer" });
                responses.insert("304".into(), unchanged);
            }
            for status in [400, 401, 421, 500, 503] {
                if responses.contains_key(&status.to_string()) {
                    continue;
                }
                responses.insert(status.to_string(), problems(status));
            }
            let too_large = json!({ "description": "The headers are longer than 8 KiB; without a body" });
            responses.insert("431".into(), too_large);
            if is_head {
                for response in responses.values_mut().filter_map(Value::as_object_mut) {
                    response.remove("content");
                }
            }
        }
    }
}

/// The response of all problems with this status.
fn problems(status: u16) -> Value {
    let titles: Vec<String> = Kind::ALL
        .iter()
        .filter(|kind| kind.status().as_u16() == status)
        .map(|kind| format!("{} (`{}`)", kind.title(), kind.urn()))
        .collect();
    json!({
        "description": titles.join("; "),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
    })
}

/// The document as a page for people: no script, and nothing from elsewhere.
pub(crate) fn page(document: &Value) -> String {
    let mut html = String::from(HEAD);
    let text =
        |value: &Value, name: &str| escape(value.get(name).and_then(Value::as_str).unwrap_or_default());
    if let Some(info) = document.get("info") {
        put(&mut html, format_args!("<h1>{}</h1><p>{}</p>", text(info, "title"), text(info, "description")));
    }
    let empty = serde_json::Map::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).unwrap_or(&empty) {
        let Some(operation) = item.get("get") else { continue };
        put(&mut html, format_args!("<h2><code>{}</code></h2>", escape(path)));
        put(
            &mut html,
            format_args!("<p>{} {}</p>", text(operation, "summary"), text(operation, "description")),
        );
        if let Some(parameters) = operation.get("parameters").and_then(Value::as_array) {
            html.push_str("<table><tr><th>parameter</th><th>in</th><th>meaning</th></tr>");
            for parameter in parameters {
                put(
                    &mut html,
                    format_args!(
                        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                        text(parameter, "name"),
                        text(parameter, "in"),
                        text(parameter, "description")
                    ),
                );
            }
            html.push_str("</table>");
        }
        html.push_str("<table><tr><th>status</th><th>meaning</th><th>body</th></tr>");
        for (status, response) in operation.get("responses").and_then(Value::as_object).unwrap_or(&empty) {
            let schema = response.pointer("/content").and_then(Value::as_object).and_then(|content| {
                content.values().next()?.pointer("/schema/$ref")?.as_str()?.rsplit('/').next()
            });
            let link =
                schema.map(|name| format!("<a href=\"#{0}\">{0}</a>", escape(name))).unwrap_or_default();
            put(
                &mut html,
                format_args!(
                    "<tr><td>{}</td><td>{}</td><td>{link}</td></tr>",
                    escape(status),
                    text(response, "description")
                ),
            );
        }
        html.push_str("</table>");
    }
    html.push_str("<h1>Schemas</h1>");
    for (name, schema) in document.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&empty)
    {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        put(&mut html, format_args!("<h2 id=\"{0}\">{0}</h2><pre>{1}</pre>", escape(name), escape(&json)));
    }
    html.push_str("</body></html>\n");
    html
}

/// What the page may do: show itself in its own colours.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Dreichor Observer API</title>\
<meta name=\"viewport\" content=\"width=device-width\"><style>\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h2{margin-top:2.5rem}table{border-collapse:collapse;width:100%;margin:.5rem 0}\
td,th{border-bottom:1px solid #8886;padding:.3rem .6rem;text-align:left;vertical-align:top}\
pre{overflow:auto;background:#8881;padding:1rem}</style></head><body>";

fn put(html: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = html.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
