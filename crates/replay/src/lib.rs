//! From the stores to the state. Reads both stores, checks every line, and folds the events by the one fold of
//! the core.
//!
//! ```text
//! stores ──store──▶ opened files ──replay──▶ lines checked, events folded ──▶ History, Receipt
//! ```
//!
//! Invariant: nothing here can write. What a writer does to the stores is `dreichor-runtime`'s, so that a crate
//! which knows only this one has no way to.

pub mod error;
pub mod filter;
pub mod find;
pub mod history;
pub mod leaves;
pub mod page;
pub mod receipt;
pub mod replay;
pub mod store;
pub mod view;

pub use error::Error;
pub use filter::Filter;
pub use history::History;
pub use receipt::Receipt;
pub use replay::{Replay, Replayed, Watch};
pub use store::{Store, Stores};
pub use view::View;
