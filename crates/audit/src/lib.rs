//! Tools for auditors and operators. They trust no writer.
//!
//! - [`verify`](mod@verify): everything that the stores prove, and every finding
//! - [`salvage`]: the longest valid prefix of corrupted stores, copied to new ones
//! - [`publish`](mod@publish): the log as a tree of files that any web server can serve, with the cosignatures of
//!   [`witness`]es; [`clone`](mod@clone): the log back from there, checked by [`tree`]
//!
//! Invariant: the stores are opened for reading only, and no lock of theirs is taken.
//!
//! Invariant: there is no second fold and no second parser. What is sound is what replay and recovery say.
//!
//! Invariant: this crate never prints.

pub mod clone;
pub mod http;
pub mod publish;
pub mod salvage;
pub mod site;
mod snapshots;
pub mod source;
pub mod tree;
pub mod verify;
pub mod witness;

pub use verify::{Finding, KeptCheckpoint, Report, verify};
