//! Probes, metrics, and the description of the API.

use std::sync::LazyLock;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;

use super::Shared;
use crate::answer::{Answer, JSON, Outcome};
use crate::metrics::Observation;
use crate::openapi::{self, PAGE_POLICY};
use crate::problem::Problem;
use crate::query::Query;

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&openapi::document()).unwrap_or_default();
    text.push('\n');
    text
});
static PAGE: LazyLock<String> = LazyLock::new(|| openapi::page(&openapi::document()));

/// 200 if the process answers.
#[utoipa::path(method(get, head), path = "/livez", tag = "probes",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn livez(RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    Answer::of(TEXT, "live\n")
}

/// 200 if the stores are sound, as far as it is known: from READY on, until one is found malformed, replaced, truncated
/// or unreadable.
#[utoipa::path(method(get, head), path = "/readyz", tag = "probes",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn readyz(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    api.source.health().await.map_err(Problem::not_ready)?;
    Answer::of(TEXT, "ready\n")
}

/// Metrics, in the text format of OpenMetrics 1.0.
#[utoipa::path(method(get, head), path = "/metrics", tag = "probes",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    let is_ready = api.source.health().await.is_ok();
    let stores = api.source.stores();
    let size = |stat: Option<dreichor_replay::Stat>| stat.map_or(0, |stat| stat.size);
    let bytes = [&stores.events, &stores.snapshots].map(|store| store.stat().map_or(0, size));
    let text = api.metrics.encode(&Observation { bytes, is_ready });
    Answer::of(OPEN_METRICS, text.map_err(|_| Problem::internal("metrics that cannot be written"))?)
}

/// This API, as OpenAPI 3.1.
#[utoipa::path(method(get, head), path = "/openapi.json", tag = "description",
    responses((status = 200, body = Object)))]
pub(super) async fn openapi(RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    Answer::of(JSON, DOCUMENT.as_str())
}

/// This API, as a page for people that needs no network.
#[utoipa::path(method(get, head), path = "/docs", tag = "description",
    responses((status = 200, body = String, content_type = "text/html")))]
pub(super) async fn docs(RawQuery(query): RawQuery) -> Result<impl IntoResponse, Problem> {
    Query::parse(query.as_deref(), &[])?;
    Ok(([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Answer::of(HTML, PAGE.as_str())?))
}
