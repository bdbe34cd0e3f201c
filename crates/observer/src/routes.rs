//! The paths, each with its parameters and its answer. The OpenAPI document is generated from them.

mod decisions;
mod ledger;
mod lifecycles;
mod memory;
mod page;
mod persistence;
mod probes;
mod runtime;
mod summary;
mod timeline;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::about::About;
use crate::guard::{self, Guard};
use crate::metrics::Metrics;
use crate::openapi;
use crate::problem::{Kind, Problem};
use crate::source::Source;
pub(crate) use page::Page;
pub(crate) use probes::Described;

/// The state that all paths share.
pub(crate) struct Api {
    pub(crate) source: Arc<Source>,
    pub(crate) about: About,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) description: Described,
    pub(crate) page: Page,
}

type Shared = State<Arc<Api>>;

/// The most bytes that a page of up to 1000 entries or rows has.
const LIST_BYTES_MAX: u64 = 1 << 20;

/// The router, with the document of its paths.
pub(crate) fn documented() -> (Router<Arc<Api>>, Value) {
    let (router, api) = OpenApiRouter::with_openapi(openapi::description())
        .routes(routes!(runtime::status))
        .routes(routes!(runtime::paths))
        .routes(routes!(persistence::audit_events))
        .routes(routes!(persistence::summary))
        .routes(routes!(persistence::audit_event))
        .routes(routes!(persistence::latest_snapshot))
        .routes(routes!(persistence::tree_head))
        .routes(routes!(persistence::inclusion))
        .routes(routes!(persistence::consistency))
        .routes(routes!(memory::decision_memory))
        .routes(routes!(memory::decision))
        .routes(routes!(decisions::decisions))
        .routes(routes!(decisions::story))
        .routes(routes!(ledger::shadow_ledger))
        .routes(routes!(lifecycles::lifecycles))
        .routes(routes!(summary::summary))
        .routes(routes!(timeline::timeline))
        .routes(routes!(probes::livez))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::metrics))
        .routes(routes!(probes::openapi))
        .routes(routes!(probes::docs))
        .split_for_parts();
    (router.merge(page::routes()), openapi::complete(&api))
}

/// The router, with its guard.
pub(crate) fn guarded(router: Router<Arc<Api>>, api: Arc<Api>, guard: Arc<Guard>) -> Router {
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(guard, guard::pass))
        .with_state(api)
}

async fn unknown_path() -> Problem {
    Problem::new(Kind::UnknownPath, "`/docs` lists the paths, `/openapi.json` describes them")
}

async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "this API is read-only")
}
