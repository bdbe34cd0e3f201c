//! Tools for auditors. They trust no writer.
//!
//! - [`salvage`]: the longest valid prefix of corrupted stores, copied into new mounts
//!
//! Invariant: the stores that are looked at are opened for reading only, and no lock is taken.
//!
//! Invariant: there is no second fold and no second parser. What is sound is what replay and recovery say.
//!
//! Invariant: this crate never prints.

pub mod salvage;
