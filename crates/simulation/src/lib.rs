//! A disk that crashes and fails on demand, under the log's storage trait.
//!
//! # What it models
//!
//! A [`Disk`] is two directories and their files. Each file has the bytes that the medium holds and the bytes
//! that the page cache shows; a sync makes the first the second. Each directory has durable entries, and
//! operations on entries (create, rename, remove) that a sync of the directory makes durable.
//!
//! The module [`disk`] lists which faults it injects, where, and why. What a crash leaves ([`Disk::ways`]):
//! of each file's unsynced bytes nothing, all, every byte prefix, every subset of 4 KiB pages (pages that are
//! not kept read as NULs; seeded samples above 2^10 subsets), or the size without the bytes (NULs); of unsynced
//! directory operations every subset (likewise); of an unsynced truncation either size. That is what
//! journaling file systems with delayed allocation may do: ext4 `data=ordered` and `data=writeback`, XFS, btrfs.
//!
//! It does not model: synced bytes that change later, devices that lie about a completed flush, and writes
//! that reach the medium torn within a byte range that no page boundary divides (every byte prefix covers
//! those at the end).
//!
//! A [`SimulatedTree`] is the directories above those two, in the same way: what a sync has not covered, a crash keeps or
//! loses, entry by entry.
//!
//! A disk can also tell a [`Lie`], so that the checks can be tried on a program that has a bug.

pub mod disk;
mod image;
mod lie;
mod plan;
mod tree;

pub use disk::{Call, Directory, Disk, Handle, Mount, Operation};
pub use image::{Image, Kept};
pub use lie::{Lie, LyingDirectory, LyingFile};
pub use plan::{Failure, Fault, Plan, Random};
pub use tree::SimulatedTree;
