//! The page for people: one document with its script and its style, embedded, without data of the stores.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use data_encoding::BASE64;
use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;

use super::probes::InBoth;
use super::{Api, Shared, unknown_path};
use crate::answer::{Answer, Outcome};
use crate::joined::joined;
use crate::problem::Problem;
use crate::query::Query;
use crate::source::Asked;

const HTML: &str = "text/html; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// The document, with two empty elements for style and script.
const INDEX: &str = include_str!("../../page/index.html");
const STYLE: &str = include_str!("../../page/style.css");

macro_rules! modules {
    ($($name:literal),*) => { &[$(($name, include_str!(concat!("../../page/", $name)))),*] };
}

const MODULES: &[(&str, &str)] = modules![
    "address.js",
    "api.js",
    "app.js",
    "dom.js",
    "event.js",
    "feed.js",
    "filters.js",
    "live.js",
    "parts.js",
    "sha256.js",
    "text.js",
    "tree.js",
    "views/decision.js",
    "views/decisions.js",
    "views/funnel.js",
    "views/instances.js",
    "views/ledger.js",
    "views/overview.js",
    "views/proof.js",
    "views/tail.js",
    "views/times.js",
    "vendor/preact.mjs",
    "vendor/hooks.mjs",
    "vendor/htm.mjs"
];

/// What modules call those of others.
const PACKAGES: &[(&str, &str)] =
    &[("preact", "vendor/preact.mjs"), ("preact/hooks", "vendor/hooks.mjs"), ("htm", "vendor/htm.mjs")];

/// The name of each file below `/page/`, its content type, and its bytes.
const FILES: &[(&str, &str, &[u8])] = &[
    ("icon.svg", SVG, include_bytes!("../../page/icon.svg")),
    ("vendor/LICENSE-preact", TEXT, include_bytes!("../../page/vendor/LICENSE-preact")),
    ("vendor/LICENSE-htm", TEXT, include_bytes!("../../page/vendor/LICENSE-htm")),
];

/// The document and its policy, made once.
pub(crate) struct Page {
    answer: InBoth,
    policy: HeaderValue,
}

impl Page {
    pub(crate) fn new() -> Result<Self, Problem> {
        let script =
            joined("app.js", MODULES, PACKAGES).map_err(|_| Problem::internal("modules that do not fit"))?;
        let document = INDEX
            .replace("<style></style>", &format!("<style>{STYLE}</style>"))
            .replace("<script></script>", &format!("<script>{script}</script>"));
        let policy = HeaderValue::try_from(policy(&script))
            .map_err(|_| Problem::internal("a policy that is no header"))?;
        Ok(Self { answer: InBoth::of(Answer::of(HTML, document)?)?, policy })
    }
}

/// The policy of the page in a browser: no script and no style but these, by their SHA-256, images and answers of this server
/// only, and no text that becomes a script.
fn policy(script: &str) -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        source(script),
        source(STYLE)
    )
}

/// An inline element in a policy (Content Security Policy Level 3, section 2.3.1).
fn source(text: &str) -> String {
    let mut hasher = Hasher::plain();
    hasher.put(text.as_bytes());
    format!("'sha256-{}'", BASE64.encode(hasher.finish().as_bytes()))
}

/// They are not part of the API, and not described with it.
pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/", get(index)).route("/page/{*name}", get(file))
}

async fn index(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    Query::parse(query.as_deref(), &[])?;
    let Page { answer, policy } = &api.page;
    Ok(([(header::CONTENT_SECURITY_POLICY, policy.clone())], answer.get(asked.encoding)))
}

async fn file(Path(name): Path<String>, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, content_type, bytes)) => Answer::of(content_type, Bytes::from_static(bytes)),
        None => Err(unknown_path().await),
    }
}
