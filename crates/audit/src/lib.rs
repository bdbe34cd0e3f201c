//! Tools for auditors. They trust no writer.
//!
//! - [`verify`](mod@verify): everything that the stores prove, and every finding
//! - [`salvage`]: the longest valid prefix of corrupted stores, copied to new ones
//!
//! Invariant: the stores are opened for reading only, and no lock is taken.
//!
//! Invariant: there is no second fold and no second parser. What is sound is what replay and recovery say.
//!
//! Invariant: this crate never prints.

pub mod salvage;
mod snapshots;
pub mod verify;

pub use verify::{Finding, KeptCheckpoint, Report, verify};
