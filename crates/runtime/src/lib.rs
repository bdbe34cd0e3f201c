//! Binds the pure core to durable lines.
//!
//! ```text
//! flags, variables ──config──▶ Config
//! stores ──gate──▶ checked, locked ──(dreichor-replay)──▶ History ──recovery──▶ whole ──▶ READY
//! input ──batch──▶ lines ──ingest──▶ events appended ──▶ snapshots appended ──▶ acknowledgements
//! ```
//!
//! Invariant: nothing is acknowledged, and no snapshot is written, before the events it speaks of are durable.
//!
//! Invariant: this crate never prints. It logs by `tracing`, and gives results and errors to its caller.

pub mod acknowledgement;
pub mod batch;
pub mod config;
pub mod database;
pub mod gate;
pub mod ingest;
pub mod recovery;
pub mod sandbox;
pub mod snapshots;
pub mod writing;

pub use config::{Config, Settings};
