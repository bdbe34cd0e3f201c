//! Answers: bodies that are complete before their first byte is sent, each with its ETag.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use http_body::{Frame, SizeHint};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::derived::AsOf;
use crate::encoding::Encoding;
use crate::flight::Size;
use crate::problem::Problem;
use crate::room::Taken;

pub(crate) const JSON: &str = "application/json";
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// The number of characters of the body's SHA-256 in an ETag.
const TAG_LENGTH: usize = 32;

/// How much of an answer is handed over at once, in bytes.
const FRAME_BYTES: usize = 64 << 10;

/// A body, and its kind.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    content_type: &'static str,
    body: Bytes,
    is_compressed: bool,
    /// Weak for a compressed body.
    etag: HeaderValue,
    /// The cursors of a page whose body has none.
    link: Option<HeaderValue>,
    room: Option<Arc<Taken>>,
}

/// The result of a handler.
pub(crate) type Outcome = Result<Answer, Problem>;

impl Answer {
    /// A value as JSON. Bodies are boxed where they have grown: they are counted by their length, also where they are kept.
    pub(crate) fn json(value: &impl Serialize) -> Outcome {
        let body = serde_json::to_vec(value).map_err(|_| Problem::internal("an answer cannot be written"))?;
        Self::of(JSON, body.into_boxed_slice())
    }

    /// The lines of a page as NDJSON, and its cursors.
    pub(crate) fn lines<L: AsRef<[u8]>>(lines: impl Iterator<Item = L>, link: HeaderValue) -> Outcome {
        let mut body = Vec::new();
        for line in lines {
            body.extend_from_slice(line.as_ref());
            body.push(b'\n');
        }
        Self::linked(NDJSON, body.into_boxed_slice().into(), Some(link))
    }

    /// A body of another kind.
    pub(crate) fn of(content_type: &'static str, body: impl Into<Bytes>) -> Outcome {
        Self::linked(content_type, body.into(), None)
    }

    fn linked(content_type: &'static str, body: Bytes, link: Option<HeaderValue>) -> Outcome {
        let mut hasher = Hasher::plain();
        hasher.put(&body);
        if let Some(link) = &link {
            hasher.put(link.as_bytes());
        }
        let hash = hasher.finish().to_string();
        let etag = tag(&format!("\"{}\"", hash.get(..TAG_LENGTH).unwrap_or_default()))?;
        Ok(Self { content_type, body, is_compressed: false, etag, link, room: None })
    }

    /// The answer in this content coding.
    pub(crate) fn encoded(self, encoding: Encoding) -> Outcome {
        let encoded = encoding.encode(&self.body);
        match encoded.map_err(|_| Problem::internal("an answer cannot be compressed"))? {
            Some(body) => {
                let etag = tag(&format!("W/{}", self.etag.to_str().unwrap_or_default()))?;
                Ok(Self { body: body.into_boxed_slice().into(), is_compressed: true, etag, ..self })
            }
            None => Ok(self),
        }
    }

    /// The answer in room that was taken for it.
    pub(crate) fn within(self, mut room: Taken) -> Self {
        room.shrink(self.body.len() as u64);
        Self { room: Some(Arc::new(room)), ..self }
    }
}

fn tag(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| Problem::internal("a tag that is no header"))
}

/// True if the request accepts this media type by name.
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains(media_type))
}

/// A JSON object that is written already, with `asOf` as its last member.
pub(crate) fn with_as_of(mut object: Vec<u8>, as_of: AsOf) -> Outcome {
    object.pop();
    object.extend(b",\"asOf\":");
    serde_json::to_writer(&mut object, &as_of)
        .map_err(|_| Problem::internal("an answer cannot be written"))?;
    object.push(b'}');
    Answer::of(JSON, object.into_boxed_slice())
}

/// A part of an answer that is JSON already: bytes from the stores, or written by the core's one encoder.
pub(crate) fn raw(json: impl Into<Vec<u8>>) -> Result<Box<RawValue>, Problem> {
    let text = String::from_utf8(json.into()).map_err(|_| Problem::internal("text that is not UTF-8"))?;
    RawValue::from_string(text).map_err(|_| Problem::internal("JSON that is not well-formed"))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Body::new(Framed { rest: self.body, _room: self.room }).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::ETAG, self.etag);
        if self.is_compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(link) = self.link {
            headers.insert(header::LINK, link);
        }
        response
    }
}

/// A body in frames: the client's pace shows between one and the next.
struct Framed {
    rest: Bytes,
    _room: Option<Arc<Taken>>,
}

impl HttpBody for Framed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(FRAME_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

impl Size for Answer {
    /// In bytes, with a little more for what is around it.
    fn size(&self) -> usize {
        self.body.len() + 512
    }
}

/// The entity tags that a client has (RFC 9110 section 13.1.2).
pub(crate) struct Known(Vec<HeaderValue>);

impl Known {
    /// The tags in `If-None-Match`.
    pub(crate) fn of(request: &HeaderMap) -> Self {
        Self(request.get_all(header::IF_NONE_MATCH).iter().cloned().collect())
    }

    /// The response, or 304 if the client has this answer.
    pub(crate) fn unless_among(&self, response: Response) -> Response {
        match response.headers().get(header::ETAG) {
            Some(etag)
                if response.status().is_success() && self.0.iter().any(|tags| is_among(etag, tags)) =>
            {
                let mut unchanged =
                    (StatusCode::NOT_MODIFIED, [(header::ETAG, etag.clone())]).into_response();
                // A browser puts the headers of a 304 in place of those that it has.
                if let Some(policy) = response.headers().get(header::CONTENT_SECURITY_POLICY) {
                    unchanged.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
                }
                // RFC 9110 section 8.6: the length of the 200, or none.
                if let Some(length) = response.body().size_hint().exact() {
                    unchanged.headers_mut().insert(header::CONTENT_LENGTH, length.into());
                }
                unchanged
            }
            Some(_) | None => response,
        }
    }
}

/// True if the list of entity tags has this one, by the weak comparison.
fn is_among(etag: &HeaderValue, tags: &HeaderValue) -> bool {
    fn opaque(tag: &[u8]) -> &[u8] {
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    let tags = tags.as_bytes();
    tags.trim_ascii() == b"*"
        || tags.split(|byte| *byte == b',').any(|tag| opaque(tag.trim_ascii()) == opaque(etag.as_bytes()))
}
