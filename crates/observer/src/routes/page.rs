//! The page for people, and its files: embedded, without data of the stores.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;

use super::{Api, unknown_path};
use crate::answer::{Answer, Outcome};
use crate::problem::Problem;
use crate::query::Query;

/// The policy of the page in a browser: scripts, styles and answers of this server only, no text that becomes a script, and one
/// inline element, the import map, by its SHA-256.
const POLICY: &str = "default-src 'none'; script-src 'self' 'sha256-At6xNYidasGjjWIXArXKCQc+p+ImvAs7LPKqbcKt4GU='; \
    style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! files {
    ($($content_type:ident: $($name:literal),*;)*) => {
        &[$($((($name), $content_type, include_bytes!(concat!("../../page/", $name)))),*),*]
    };
}

/// The name of each file below `/page/`, its content type, and its bytes.
const FILES: &[(&str, &str, &[u8])] = files! {
    CSS: "style.css";
    SVG: "icon.svg";
    SCRIPT: "address.js", "api.js", "app.js", "dom.js", "event.js", "feed.js", "filters.js", "live.js", "parts.js",
        "sha256.js", "text.js", "tree.js",
        "views/decision.js", "views/decisions.js", "views/funnel.js", "views/instances.js", "views/ledger.js",
        "views/overview.js", "views/proof.js", "views/tail.js", "views/times.js",
        "vendor/preact.mjs", "vendor/hooks.mjs", "vendor/htm.mjs";
    TEXT: "vendor/LICENSE-preact", "vendor/LICENSE-htm";
};

/// They are not part of the API, and not described with it.
pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/", get(index)).route("/page/{*name}", get(file))
}

async fn index(RawQuery(query): RawQuery) -> Result<impl IntoResponse, Problem> {
    Query::parse(query.as_deref(), &[])?;
    let answer = Answer::of(HTML, Bytes::from_static(include_bytes!("../../page/index.html")))?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], answer))
}

async fn file(Path(name): Path<String>, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, content_type, bytes)) => Answer::of(content_type, Bytes::from_static(bytes)),
        None => Err(unknown_path().await),
    }
}
