//! What an auditor keeps and checks: checkpoints of a log, signatures on them, and proofs of inclusion and consistency.
//!
//! ```text
//! bytes ──note──▶ text, signatures ──checkpoint──▶ origin, size, root
//!                        └──trust──▶ signed by the log, cosigned by a quorum
//! bytes ──tlog_proof, add_checkpoint──▶ path, checkpoint ──inclusion, consistency──▶ proven
//! ```
//!
//! The formats are those of C2SP: signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy, and the body of
//! a tlog-witness `add-checkpoint` request. The tree is that of RFC 6962 (RFC 9162). `docs/AUDITING.md` names the versions.
//!
//! Invariant: a text has one reading. What is read is written back to the same bytes, or refused.
//!
//! Invariant: there is no file, clock or random number here. The crate is `no_std`.

#![no_std]

extern crate alloc;

pub mod add_checkpoint;
mod base64;
pub mod checkpoint;
pub mod consistency;
mod decimal;
pub mod inclusion;
pub mod key;
mod lines;
pub mod malformed;
pub mod note;
mod policy;
pub mod tile;
pub mod tlog_proof;
pub mod trust;

pub use add_checkpoint::AddCheckpoint;
pub use checkpoint::{Checkpoint, CheckpointError, CosignError, Kept, SignedCheckpoint, read_checkpoint};
pub use key::{KeyError, KeyName, SignerKey, VerifierKey};
pub use malformed::{Malformed, Problem};
pub use note::Note;
pub use tlog_proof::TlogProof;
pub use trust::{Trust, TrustError};

/// The longest text that is read, in bytes: a proof with the longest event and dozens of post-quantum signatures fits.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
