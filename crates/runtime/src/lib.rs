//! Binds the pure core to durable lines.
//!
//! ```text
//! flags, variables ──config──▶ Config
//! stores ──gate──▶ checked, locked ──(dreichor-replay)──▶ History ──recovery──▶ whole ──▶ READY
//! connections ──server, upstreams──▶ lines
//! input ──batch──▶ lines ──orchestrator──▶ Commit ──committer──▶ events ▸ acknowledgements ▸ snapshots
//! ```
//!
//! Invariant: no input is acknowledged, and no snapshot is written, before its events are durable.
//!
//! Invariant: this crate never prints. It logs by `tracing` and returns results and errors to its caller.

pub mod acknowledgement;
pub mod batch;
pub mod committer;
pub mod config;
pub mod database;
pub mod exit_code;
pub mod gate;
pub mod ingest;
pub mod listener;
pub mod orchestrator;
pub mod outgrown;
pub mod recovery;
pub mod sandbox;
pub mod server;
pub mod snapshots;
pub mod upstreams;
pub mod writing;

pub use config::{Config, Setting};
pub use exit_code::ExitCode;
