//! The status of the process.

use dreichor_replay::Receipt;
use dreichor_replay::receipt::PROGRAM_VERSION;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::answer::raw;
use crate::form;
use crate::problem::Problem;

/// The facts that are fixed at the start of the process.
#[derive(Debug, Clone)]
pub struct About {
    /// `normal`, `halt` or `flatten`; none: this process only observes.
    pub safety_mode: Option<&'static str>,
    /// `on-ledger-update`, `every:N` or `manual`; none: this process only observes.
    pub snapshot_strategy: Option<String>,
    /// True if a database was configured, and so answered at the start.
    pub database: bool,
    /// The promises that the kernel enforces.
    pub sandbox: SandboxReport,
    /// The receipt at READY.
    pub started_with: Receipt,
}

/// The promises that the kernel enforces.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxReport {
    /// The setting: `auto`, `require` or `off`.
    pub mode: &'static str,
    /// The kernel's version of Landlock; null if it has none, or the sandbox is off.
    #[schema(required)]
    pub abi: Option<u32>,
    /// The promises that the kernel enforces, by name.
    pub enforced: Vec<&'static str>,
    /// The promises that it does not enforce.
    pub not_enforced: Vec<Gap>,
}

/// A promise that the kernel does not enforce.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Gap {
    /// The promise, by name.
    pub promise: &'static str,
    /// Why not.
    pub reason: String,
}

/// The runtime's status. It stays the same for as long as the process runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    runtime_version: &'static str,
    format_version: u64,
    /// Always `paper` in this phase.
    execution_plane: &'static str,
    /// Always `filesystem` in this phase.
    persistence_mode: &'static str,
    /// Null: this process only observes (`observe`).
    #[schema(required)]
    snapshot_strategy: Option<String>,
    /// Null: this process only observes (`observe`).
    #[schema(required)]
    safety_mode: Option<&'static str>,
    /// `inactive`, or `reachableAtStart`.
    database: &'static str,
    sandbox: SandboxReport,
    /// The receipt at READY.
    #[schema(value_type = form::Receipt)]
    started_with: Box<RawValue>,
}

impl About {
    pub(crate) fn status(&self) -> Result<Status, Problem> {
        Ok(Status {
            runtime_version: PROGRAM_VERSION,
            format_version: dreichor_core::FORMAT_VERSION,
            execution_plane: "paper",
            persistence_mode: "filesystem",
            snapshot_strategy: self.snapshot_strategy.clone(),
            safety_mode: self.safety_mode,
            database: if self.database { "reachableAtStart" } else { "inactive" },
            sandbox: self.sandbox.clone(),
            started_with: raw(self.started_with.to_json().as_bytes())?,
        })
    }
}
