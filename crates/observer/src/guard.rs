//! The admission of requests: host, token, form and time limit, before a route is called.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Extension, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;
use tokio::time::timeout_at;

use crate::answer::Known;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};
use crate::source::Asked;
use crate::token::Token;

/// The policy of answers in a browser: nothing is allowed.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Admits requests, or refuses them.
pub(crate) struct Guard {
    /// None: every client that reaches loopback may send requests.
    pub(crate) token: Option<Token>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
}

/// The problem of a request that got no place in time.
#[derive(Clone)]
pub(crate) struct Refused(pub(crate) Problem);

/// Checks the request, has it answered in time, and counts it.
pub(crate) async fn pass(
    State(guard): State<Arc<Guard>>,
    Extension(asked): Extension<Asked>,
    mut request: Request,
    next: Next,
) -> Response {
    let refused = request.extensions_mut().remove::<Refused>();
    let path = request.uri().path().to_owned();
    let endpoint = request.extensions().get::<MatchedPath>().cloned();
    let known = Known::of(request.headers());
    let is_last = carries(&request) || !is_read(request.method());
    let mut response = match refused.map_or_else(|| guard.check(&request), |refused| Err(refused.0)) {
        Ok(()) => match timeout_at(asked.until.into(), next.run(request)).await {
            Ok(response) => known.unless_among(response),
            Err(_) => Problem::new(
                Kind::TookTooLong,
                format!(
                    "the answer was not ready in {} s; the computation goes on: ask again",
                    guard.limits.answer.as_secs()
                ),
            )
            .into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    if is_last {
        // Its body is not read, and the bytes after it are not taken for a request.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let endpoint = endpoint.as_ref().map_or("none", MatchedPath::as_str);
    let (status, duration) = (response.status(), asked.at.elapsed());
    tracing::debug!(path, status = status.as_u16(), micros = duration.as_micros(), "observer: request");
    guard.metrics.count(endpoint, status, duration);
    response
}

impl Guard {
    fn check(&self, request: &Request) -> Result<(), Problem> {
        let (headers, uri) = (request.headers(), request.uri());
        let host = host(headers, uri)?;
        match &self.token {
            None => check_loopback(&host)?,
            Some(token) if holds_data(uri.path()) => check_token(token, headers)?,
            Some(_) => {}
        }
        if carries(request) && is_read(request.method()) {
            return Err(Problem::new(Kind::BodyNotAllowed, "send the request without a body"));
        }
        Ok(())
    }
}

/// True if the request has a body. No request needs one, and it may hide a second request.
fn carries(request: &Request) -> bool {
    request.headers().contains_key(header::TRANSFER_ENCODING) || !request.body().is_end_stream()
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// What needs the token: answers of the stores. The rest is the same for every log, or only yes or no.
pub(crate) fn holds_data(path: &str) -> bool {
    path == "/metrics" || path == "/v1" || path.starts_with("/v1/")
}

/// Probes are answered without a place.
pub(crate) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// The one host that the request names, with its port.
fn host(headers: &HeaderMap, uri: &Uri) -> Result<String, Problem> {
    let bad = |detail: &str| Problem::new(Kind::BadHost, detail);
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(bad("send exactly one Host header"));
    };
    let host = host.to_str().map_err(|_| bad("the Host header is not text"))?;
    match uri.authority() {
        // A request in absolute form names its host twice; the two must be equal.
        Some(authority) if !authority.as_str().eq_ignore_ascii_case(host) => {
            Err(bad("the Host header and the URL name different hosts"))
        }
        Some(_) | None => Ok(host.to_owned()),
    }
}

/// Refuses other names that resolve to loopback (DNS rebinding).
fn check_loopback(host: &str) -> Result<(), Problem> {
    let name = without_port(host);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_loopback = name.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback() && (bare == name) == address.is_ipv4());
    if is_loopback {
        Ok(())
    } else {
        Err(Problem::new(
            Kind::MisdirectedHost,
            "without a token, the Host header must be localhost or a loopback address",
        ))
    }
}

/// The host without `:` and digits at its end.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

fn check_token(token: &Token, headers: &HeaderMap) -> Result<(), Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let is_right = match (given.next(), given.next()) {
        (Some(given), None) => bearer(given.as_bytes()).is_some_and(|given| token.is(given)),
        _ => false,
    };
    if is_right {
        Ok(())
    } else {
        Err(Problem::new(Kind::Unauthorized, "send `Authorization: Bearer` and the token, once"))
    }
}

/// The token after the scheme, whose name may be in any case (RFC 9110 section 11.1).
fn bearer(given: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = given.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}
