//! Replay: reads both stores, checks every line, and folds the events to a state by the one fold of the core.
//!
//! ```text
//! stores ──store──▶ opened files ──hashing, fold──▶ entries ──replay──▶ History, Receipt
//! ```
//!
//! Invariant: nothing here can write. A writer's operations are in `dreichor-runtime`, by traits of `dreichor-log` that
//! this crate does not export: a crate that depends on this one alone cannot import them.

pub mod digests;
pub mod directories;
pub mod durable;
pub mod error;
pub mod filter;
pub mod find;
pub mod fold;
pub mod hashing;
pub mod interrupted;
pub mod leaves;
pub mod page;
pub mod point;
pub mod progress;
pub mod receipt;
pub mod reference;
pub mod replay;
pub mod snapshot;
pub mod store;
pub mod view;

pub use directories::Directories;
/// The types of `dreichor-log` that reading needs. None of them can write.
pub use dreichor_log::{Directory, File, Line, Medium, ReadAt, Stat};
pub use durable::Durable;
pub use error::Error;
pub use filter::Filter;
pub use fold::{Entry, Fold};
pub use interrupted::InterruptedTick;
pub use progress::Progress;
pub use receipt::Receipt;
pub use replay::{Replay, Replayed};
pub use store::{Store, Stores};
pub use view::View;
