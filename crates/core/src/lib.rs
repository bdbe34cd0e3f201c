//! The pure heart of Dreichor: the same state and input give the same bytes on every machine.
//!
//! The data flow:
//!
//! ```text
//! input line ──input──▶ Input ──tick──▶ events ──event──▶ line (its id, its leaf)
//!                                          │
//! log line ───event──▶ Event ──────────────┴──State::apply──▶ memory, ledger, lifecycles
//! ```
//!
//! Invariant: there is no clock, file, socket, thread, random number or float here. The crate is `no_std`, so that none
//! of them is available.
//!
//! Invariant: [`State::apply`] is the only way to compute a state. Replay, ingest and every tool call it.
//!
//! Invariant: each shape on disk has one encoder and one reader, declared together, so that they cannot disagree on
//! members or their order.

#![no_std]
#![expect(
    clippy::inline_always,
    reason = "an event is built in its place only where its parts are read inline: measured, a third of the reading"
)]

extern crate alloc;

pub mod canonical;
mod certified;
pub mod event;
pub mod fault;
pub mod feedback;
pub mod history;
pub mod id;
pub mod input;
mod json;
mod plain;
pub mod proof;
pub mod schema;
pub mod snapshot;
pub mod state;
pub mod tick;
pub mod tree;
pub mod value;

pub use event::Event;
pub use fault::{Fault, Rule};
pub use history::History;
pub use input::Input;
pub use snapshot::Snapshot;
pub use state::State;
pub use tree::{Hash, Tree};

/// The version of the bytes on disk that this crate writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 1;

/// The longest line of the audit log and of an input, in bytes, LF excluded.
pub const LINE_BYTES_MAX: usize = 65_535;
