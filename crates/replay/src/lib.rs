//! From the stores to the state. Reads both stores, checks every line, and folds the events by the one fold of
//! the core.
//!
//! ```text
//! stores ──store──▶ opened files ──replay──▶ lines checked, events folded ──▶ History, Receipt
//! ```
//!
//! Invariant: nothing here can write. What a writer does to the stores is `dreichor-runtime`'s, by traits of
//! `dreichor-log` that are not given on here: a crate which knows only this one cannot name them.

pub mod error;
pub mod filter;
pub mod find;
pub mod history;
pub mod leaves;
pub mod page;
pub mod receipt;
pub mod replay;
pub mod snapshot;
pub mod store;
pub mod view;

/// What reading needs of the log's crate. Of what writes there, nothing.
pub use dreichor_log::{Directory, Line, Medium, Stat};
pub use error::Error;
pub use filter::Filter;
pub use history::History;
pub use receipt::Receipt;
pub use replay::{Replay, Replayed, Watch};
pub use store::{Store, Stores};
pub use view::View;
