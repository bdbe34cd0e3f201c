//! The Postgres migration runner: plain SQL files, forward only, in the order of their numbers.
//!
//! ```text
//! --dir ──▶ Migrator (sqlx) ──┐
//!                             ├──▶ status: applied, pending or contradictory ──▶ apply
//! server ──▶ its records  ────┘
//! ```
//!
//! It is a package of its own, so that no database driver is in the program that writes the audit log: `dreichor
//! migrate` executes the program `dreichor-migrate`.
//!
//! `sqlx::migrate` reads the files, computes their checksums, keeps the table of records, and runs each file in one
//! transaction with its record. This crate adds a lock that refuses a second runner at once, a status that writes
//! nothing, the refusal of a new file before an applied one, a clean session for each file, and errors that name
//! file and line.

pub mod error;
pub mod runner;
pub mod status;
pub mod target;

pub use error::Error;
pub use status::{Entry, State};
pub use target::Target;
