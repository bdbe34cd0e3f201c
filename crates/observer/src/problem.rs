//! Problem documents: RFC 9457.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dreichor_replay::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::form;

/// The problem of a request.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    parameter: Option<String>,
    place: Option<Box<Place>>,
}

/// The place of a fault in a store.
#[derive(Debug, Clone)]
struct Place {
    file: String,
    line: Option<u64>,
    offset: Option<u64>,
    rule: Option<String>,
}

/// The problem of a request. Every member is always present; null if it does not apply.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'p> {
    /// The identifier of the problem. It is stable; compare it as a whole.
    #[serde(rename = "type")]
    #[schema(value_type = form::ProblemType)]
    urn: &'static str,
    /// The problem in few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The fault of this request, or of the store.
    detail: &'p str,
    /// The parameter concerned.
    #[schema(required)]
    parameter: Option<&'p str>,
    /// The file concerned.
    #[schema(required)]
    file: Option<&'p str>,
    /// The line in the file, from 1.
    #[schema(required)]
    line: Option<u64>,
    /// The offset of the line's start in the file, in bytes.
    #[schema(required)]
    offset: Option<u64>,
    /// The broken rule of the format.
    #[schema(required)]
    rule: Option<&'p str>,
}

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident = $status:ident, $urn:literal, $title:literal; )*) => {
        /// The kinds of problems.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $( $(#[$doc])* $name ),* }

        impl Kind {
            /// All of them, for the documentation.
            pub(crate) const ALL: &'static [Self] = &[$( Self::$name ),*];

            pub(crate) const fn urn(self) -> &'static str {
                match self { $( Self::$name => concat!("urn:dreichor:problem:", $urn) ),* }
            }

            pub(crate) const fn title(self) -> &'static str {
                match self { $( Self::$name => $title ),* }
            }

            pub(crate) const fn status(self) -> StatusCode {
                match self { $( Self::$name => StatusCode::$status ),* }
            }
        }
    };
}

kinds! {
    /// A parameter breaks its rule.
    BadParameter = BAD_REQUEST, "bad-parameter", "A parameter is wrong";
    /// The request has a body.
    BodyNotAllowed = BAD_REQUEST, "body-not-allowed", "A request must not have a body";
    /// The request names no host, or several.
    BadHost = BAD_REQUEST, "bad-host", "The request must name one host";
    /// No token, or not the token.
    Unauthorized = UNAUTHORIZED, "unauthorized", "The bearer token is missing or wrong";
    /// No such path.
    UnknownPath = NOT_FOUND, "unknown-path", "There is no such path";
    /// No such event, decision or leaf.
    NotFound = NOT_FOUND, "not-found", "Not found";
    /// Another method than GET and HEAD.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "Only GET and HEAD are allowed";
    /// A name that is not loopback, without a token.
    MisdirectedHost = MISDIRECTED_REQUEST, "misdirected-host", "This host is not served";
    /// A store breaks its contract.
    StoreMalformed = INTERNAL_SERVER_ERROR, "store-malformed", "A store breaks its contract";
    /// A store cannot be read, or is not the one that it was.
    StoreUnavailable = INTERNAL_SERVER_ERROR, "store-unavailable", "A store cannot be read";
    /// The stores are not sound, as the answer to a probe.
    NotReady = SERVICE_UNAVAILABLE, "not-ready", "The stores are not sound";
    /// A bug.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Internal error";
    /// The system gives no file descriptor.
    NoDescriptor = SERVICE_UNAVAILABLE, "no-descriptor", "The system has no file descriptor left";
    /// Others are served first.
    Busy = SERVICE_UNAVAILABLE, "busy", "Others are served first";
    /// The answer is not ready yet; it is being computed.
    TookTooLong = SERVICE_UNAVAILABLE, "took-too-long", "The answer took too long";
}

impl Kind {
    /// The header that this problem demands (RFC 9110 sections 10.2.1, 10.2.3, 11.6.1).
    pub(crate) const fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Unauthorized => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"dreichor\"")),
            Self::NotReady | Self::NoDescriptor | Self::Busy | Self::TookTooLong => {
                Some((header::RETRY_AFTER, "1"))
            }
            Self::MethodNotAllowed => Some((header::ALLOW, "GET, HEAD")),
            Self::BadParameter
            | Self::BodyNotAllowed
            | Self::BadHost
            | Self::UnknownPath
            | Self::NotFound
            | Self::MisdirectedHost
            | Self::StoreMalformed
            | Self::StoreUnavailable
            | Self::Internal => None,
        }
    }
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), parameter: None, place: None }
    }

    pub(crate) fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { parameter: Some(name.into()), ..Self::new(Kind::BadParameter, detail) }
    }

    /// A bug.
    pub(crate) fn internal(detail: &str) -> Self {
        Self::new(Kind::Internal, format!("{detail}; please report it"))
    }

    /// The same for a probe, without path and content, since every client may send it.
    pub(crate) fn not_ready(self) -> Self {
        let title = self.kind.title();
        Self::new(
            Kind::NotReady,
            format!("{title}; `/v1/observe` reports the fault to clients that are admitted"),
        )
    }

    /// True if the same bytes would be refused again.
    pub(crate) fn is_of_the_bytes(&self) -> bool {
        self.kind == Kind::StoreMalformed
    }

    /// True if the fault is in the stores, not in the request.
    pub(crate) fn is_of_the_stores(&self) -> bool {
        matches!(self.kind, Kind::StoreMalformed | Kind::StoreUnavailable)
    }

    /// Logs what is wrong with a store, as one error.
    pub(crate) fn log(&self) {
        let Document { title, detail, file, line, offset, rule, .. } = self.document();
        tracing::error!(file, line, offset, rule, "{title}: {detail}");
    }

    fn document(&self) -> Document<'_> {
        let place = self.place.as_deref();
        Document {
            urn: self.kind.urn(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            parameter: self.parameter.as_deref(),
            file: place.map(|place| place.file.as_str()),
            line: place.and_then(|place| place.line),
            offset: place.and_then(|place| place.offset),
            rule: place.and_then(|place| place.rule.as_deref()),
        }
    }
}

/// A store that cannot be read is the server's fault; the problem names its place.
impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Malformed { path, line, offset, fault } => {
                let place = Place {
                    file: path.display().to_string(),
                    line: Some(*line),
                    offset: Some(*offset),
                    rule: Some(fault.rule.to_string()),
                };
                Self { place: Some(Box::new(place)), ..Self::new(Kind::StoreMalformed, detail) }
            }
            Error::Unavailable { source: Some(source), .. } if is_want_of_descriptors(&**source) => {
                Self::new(Kind::NoDescriptor, detail)
            }
            Error::Unavailable { path, .. } => {
                let place = Place { file: path.display().to_string(), line: None, offset: None, rule: None };
                Self { place: Some(Box::new(place)), ..Self::new(Kind::StoreUnavailable, detail) }
            }
        }
    }
}

/// EMFILE and ENFILE of Linux: this process, or the system, has no descriptor left.
const WANT_OF_DESCRIPTORS: [i32; 2] = [24, 23];

fn is_want_of_descriptors(error: &(dyn std::error::Error + 'static)) -> bool {
    let code = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
    code.is_some_and(|code| WANT_OF_DESCRIPTORS.contains(&code))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        // Serializing a struct of texts and numbers cannot fail.
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.kind.header() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
