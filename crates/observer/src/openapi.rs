//! The description of the API: OpenAPI 3.1, generated from the code, and an HTML page of it that needs no network.

use std::fmt::Write;

use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::form;
use crate::guard::holds_data;
use crate::problem::{Document, Kind};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dreichor Observer API",
        description = "The decisions and their reasons, read-only. GET and HEAD only. Given the same \
                       bytes on disk, the same answer. An answer may show events that are written but not yet synced \
                       and acknowledged.",
    ),
    components(schemas(Document<'_>))
)]
struct Description;

/// What the document says of the API as a whole.
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// Adds what every operation shares: the problems that any request may meet, and the headers of every answer; and the
/// schemas that the core declares.
#[expect(clippy::expect_used, reason = "a document has no map with other keys than texts")]
pub(crate) fn complete(api: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(api).expect("a document is JSON");
    complete_document(&mut document);
    document
}

fn complete_document(document: &mut Value) {
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        info.remove("contact");
        info.insert("version".into(), json!("1"));
    }
    let bearer = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "Needed for /v1 and /metrics where a token file is configured."
    });
    put_in(document, "", "security", json!([{}, { "bearer": [] }]));
    put_in(document, "/components", "securitySchemes", json!({ "bearer": bearer }));
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.extend(form::schemas());
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        item.as_object_mut()
            .into_iter()
            .flatten()
            .for_each(|(_, operation)| complete_operation(path, operation));
    }
}

fn complete_operation(path: &str, operation: &mut Value) {
    let etag = json!({ "schema": { "type": "string" }, "description": "A hash of the bytes of the answer" });
    put_in(operation, "/responses/200", "headers", json!({ "ETag": etag }));
    let mut unchanged = json!({ "description": "If-None-Match names the ETag of this answer" });
    put_in(&mut unchanged, "", "headers", json!({ "ETag": etag }));
    put_in(operation, "/responses", "304", unchanged);
    for status in [400, 401, 421, 500, 503].into_iter().filter(|status| *status != 401 || holds_data(path)) {
        put_in(operation, "/responses", &status.to_string(), problems(status));
    }
    let too_large = json!({ "description": "The headers are longer than 8 KiB; without a body" });
    put_in(operation, "/responses", "431", too_large);
}

/// Puts a member into the object at this place (RFC 6901).
fn put_in(document: &mut Value, place: &str, name: &str, value: Value) {
    if let Some(object) = document.pointer_mut(place).and_then(Value::as_object_mut) {
        object.insert(name.into(), value);
    }
}

/// The response of all problems with this status.
fn problems(status: u16) -> Value {
    let of = |kind: &&Kind| kind.status().as_u16() == status;
    let titles: Vec<String> =
        Kind::ALL.iter().filter(of).map(|kind| format!("{} (`{}`)", kind.title(), kind.urn())).collect();
    let headers: serde_json::Map<String, Value> = Kind::ALL
        .iter()
        .filter(of)
        .filter_map(|kind| kind.header())
        .map(|(name, _)| (name.to_string(), json!({ "schema": { "type": "string" } })))
        .collect();
    json!({
        "description": titles.join("; "),
        "headers": headers,
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
    })
}

/// The document as an HTML page: without scripts or other files.
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

/// The policy of the page in a browser: only its own styles are allowed.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Dreichor Observer API</title>\
<meta name=\"viewport\" content=\"width=device-width\"><style>\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h2{margin-top:2.5rem}table{border-collapse:collapse;width:100%;margin:.5rem 0}\
td,th{border-bottom:1px solid #8886;padding:.3rem .6rem;text-align:left;vertical-align:top}\
pre{overflow:auto;background:#8881;padding:1rem}</style></head><body>";

fn put(html: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = html.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
