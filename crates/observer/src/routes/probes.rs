//! Probes, metrics, and the description of the API.

use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::time::timeout;

use super::Shared;
use crate::answer::{Answer, JSON, Outcome, accepts};
use crate::encoding::Encoding;
use crate::metrics::Metrics;
use crate::openapi::{self, PAGE_POLICY};
use crate::problem::Problem;
use crate::query::Query;
use crate::source::{Asked, Work};

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// 200 if the process answers.
#[utoipa::path(get, path = "/livez", tag = "probes",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn livez(RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    Answer::of(TEXT, "live\n")
}

/// 200 if the stores are sound, as far as it is known: from READY on, until one is found malformed, replaced, truncated
/// or unreadable.
#[utoipa::path(get, path = "/readyz", tag = "probes",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn readyz(State(api): Shared, RawQuery(query): RawQuery) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    api.source.probe().await.map_err(Problem::not_ready)?;
    Answer::of(TEXT, "ready\n")
}

/// Metrics, in the text format of OpenMetrics 1.0 where `Accept` asks for it, otherwise in that of Prometheus 0.0.4.
#[utoipa::path(get, path = "/metrics", tag = "probes",
    responses((status = 200, content((String = "application/openmetrics-text"), (String = "text/plain")))))]
pub(super) async fn metrics(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    // Where the stores cannot be looked at, the metrics of them stay what they were.
    let source = Arc::clone(&api.source);
    let looked = api.source.read(Work::Quick, move |look, _| source.observe(look));
    if let Ok(Ok(observation)) = timeout(api.source.limits.probe, looked).await {
        api.metrics.observe(&observation);
    }
    let is_ready = api.source.probe().await.is_ok();
    let text =
        api.metrics.encode(is_ready).map_err(|_| Problem::internal("metrics that cannot be written"))?;
    let answer = if accepts(&headers, "application/openmetrics-text") {
        Answer::of(OPEN_METRICS, text)
    } else {
        Answer::of(PROMETHEUS, Metrics::as_prometheus(&text))
    };
    // Here and not on a thread that reads, since a disk that hangs would hold it. It is a few KiB.
    answer?.encoded(asked.encoding)
}

/// This API, as OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "description",
    responses((status = 200, body = Object)))]
pub(super) async fn openapi(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Outcome {
    Query::parse(query.as_deref(), &[])?;
    Ok(api.description.document.get(asked.encoding))
}

/// This API, as a page for people that needs no network.
#[utoipa::path(get, path = "/docs", tag = "description",
    responses((status = 200, body = String, content_type = "text/html")))]
pub(super) async fn docs(
    State(api): Shared,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, Problem> {
    Query::parse(query.as_deref(), &[])?;
    Ok(([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], api.description.page.get(asked.encoding)))
}

/// The API's own description, made once.
pub(crate) struct Described {
    document: InBoth,
    page: InBoth,
}

/// An answer in both content codings.
pub(super) struct InBoth {
    identity: Answer,
    gzip: Answer,
}

impl InBoth {
    pub(super) fn of(answer: Answer) -> Result<Self, Problem> {
        Ok(Self { identity: answer.clone(), gzip: answer.encoded(Encoding::Gzip)? })
    }

    pub(super) fn get(&self, encoding: Encoding) -> Answer {
        match encoding {
            Encoding::Identity => self.identity.clone(),
            Encoding::Gzip => self.gzip.clone(),
        }
    }
}

impl Described {
    pub(crate) fn of(document: &Value) -> Result<Self, Problem> {
        let text = serde_json::to_string_pretty(document);
        let text = text.map_err(|_| Problem::internal("a description that cannot be written"))?;
        Ok(Self {
            document: InBoth::of(Answer::of(JSON, text + "\n")?)?,
            page: InBoth::of(Answer::of(HTML, openapi::page(document))?)?,
        })
    }
}
