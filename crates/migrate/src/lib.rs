//! The Postgres migration runner: plain SQL files, forward only, in order, each in one transaction.
//!
//! ```text
//! --dir ──folder──▶ migrations ──┐
//!                                ├──comparison──▶ what is applied, pending or contradictory ──runner──▶ applied
//! server ──records──▶ recorded ──┘
//! ```
//!
//! It is a package of its own, so that no database driver is in the program that keeps the audit log: `dreichor
//! migrate` starts the program `dreichor-migrate`, and nothing else does.
//!
//! Invariant: a migration and the record of it come about by one transaction, or not at all.
//!
//! Invariant: [`status`] writes nothing; the server holds it to that, by a read-only transaction.

pub mod comparison;
pub mod error;
pub mod folder;
pub mod records;
pub mod runner;
pub mod script;
pub mod target;

pub use comparison::{Entry, State};
pub use error::Error;
pub use folder::Migration;
pub use runner::{apply, status};
pub use target::Target;
