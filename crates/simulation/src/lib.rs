//! A disk that crashes and fails on demand, under the log's storage trait.
//!
//! # What it models
//!
//! A [`Disk`] is two directories and their files. Each file has the bytes that the medium holds and the bytes
//! that the page cache shows; a sync makes the first the second. Each directory has durable entries, and
//! operations on entries (create, rename, remove) that a sync of the directory makes durable.
//!
//! # Which faults it injects, where, and why
//!
//! - **Crash** ([`Plan::crash_at`]): the process and the machine stop just before any one call to the disk,
//!   counted over both directories. Reads count too: a process may die there as well.
//! - **What a crash leaves** ([`Disk::ways`]): of each file's unsynced bytes nothing, all, every byte prefix,
//!   every subset of 4 KiB pages (pages that are not kept read as NULs; seeded samples above 2^10 subsets), or
//!   the size without the bytes (NULs); of unsynced directory operations every prefix and every single one left
//!   out; of an unsynced truncation either size. That is what journaling file systems with delayed allocation
//!   may do: ext4 `data=ordered` and `data=writeback`, XFS, btrfs.
//! - **Errors** ([`Plan::fault`]): any call fails with any errno, once or from then on; a write is short by any
//!   number of bytes.
//! - **A failed sync loses pages** (as Linux does): the cache goes on showing bytes that the medium will never
//!   hold, later syncs of them succeed without effect, and only dropping the cache tells the truth.
//!
//! - **A kill of the process alone** ([`Disk::fork`], and another life on the same disk): the page cache stays.
//!
//! What it does not model: bytes that were synced and rot, devices that lie about a completed flush, and writes
//! that reach the medium torn within a byte range that no page boundary divides (every byte prefix covers
//! those at the end).

mod disk;
mod image;
mod plan;

pub use disk::{Directory, Disk, Handle, Mount};
pub use image::{Image, Kept};
pub use plan::{Fault, Plan, Random};
