//! The Observer API: the content of the stores, over HTTP, read-only.
//!
//! ```text
//! connection ──server──▶ request ──guard──▶ route ──source──▶ stores read, state derived ──answer──▶ JSON, ETag
//!                                                     └──▶ or a problem: what, where, what next
//! ```
//!
//! Invariant: this crate depends on readers only, and opens only the two stores, for reading.
//!
//! Invariant: the same bytes on disk give the same answer. A cached result is used only while the files are the same.

mod about;
mod answer;
mod connection;
mod derived;
mod guard;
mod metrics;
mod openapi;
mod problem;
mod query;
mod routes;
mod server;
mod source;
mod token;

pub use about::{About, Gap, SandboxReport};
pub use openapi::document;
pub use server::{Observer, Running};
pub use token::{Token, TokenError};
