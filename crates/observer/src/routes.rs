//! The paths, each with its parameters and its answer. The OpenAPI document is made from here.

mod decisions;
mod ledger;
mod lifecycles;
mod memory;
mod persistence;
mod probes;
mod runtime;
mod summary;
mod timeline;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::about::About;
use crate::guard::{self, Guard};
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};
use crate::source::Source;

/// What every path needs.
pub(crate) struct Api {
    pub(crate) source: Arc<Source>,
    pub(crate) about: About,
    pub(crate) metrics: Arc<Metrics>,
}

type Shared = State<Arc<Api>>;

/// The router, with the document of what it serves.
pub(crate) fn documented(description: OpenApi) -> (Router<Arc<Api>>, OpenApi) {
    OpenApiRouter::with_openapi(description)
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
        .split_for_parts()
}

/// The router, behind its guard.
pub(crate) fn router(api: Arc<Api>, guard: Arc<Guard>) -> Router {
    let (router, _) = documented(OpenApi::default());
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
    Problem::new(Kind::MethodNotAllowed, "nothing can be changed here")
}
