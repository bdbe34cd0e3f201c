//! The Observer API: what the stores say, over HTTP. It sees without touching.
//!
//! ```text
//! connection ──server──▶ request ──guard──▶ route ──source──▶ stores read, state derived ──answer──▶ JSON, ETag
//!                                                     └──▶ or a problem: what, where, what next
//! ```
//!
//! Invariant: this crate knows readers alone, and opens nothing but the two stores, for reading.
//!
//! Invariant: given the same bytes on disk, the same answer. What is kept of a computation is used only while the
//! files are the very same.

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
