//! The Observer API: the content of the stores, over HTTP, read-only.
//!
//! ```text
//! connection ──server──▶ request ──guard──▶ route ──source──▶ a look at the stores ──▶ answer: JSON, ETag
//!              one thread                              threads that read  └──▶ or a problem: what, where, what next
//! ```
//!
//! Invariant: this crate depends on readers only, and opens only the two stores, for reading.
//!
//! Invariant: the same bytes on disk give the same answer. A cached result is used only while the files are the same.

mod about;
mod answer;
mod connection;
mod derived;
mod encoding;
mod flight;
mod form;
mod guard;
mod held;
mod joined;
mod limits;
mod look;
mod metrics;
mod openapi;
mod problem;
mod query;
mod readers;
mod room;
mod routes;
mod server;
mod source;
mod token;

pub use about::{About, Gap, SandboxReport};
pub use limits::Limits;
pub use server::{Observer, Running};
pub use source::StartError;
pub use token::{Token, TokenError};

/// The OpenAPI document, as JSON.
pub fn document() -> serde_json::Value {
    routes::documented().1
}
