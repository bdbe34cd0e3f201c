//! Durable lines: an append is whole and durable, or it is not history.
//!
//! This crate knows bytes, lines and files, and no event. From the bottom up:
//!
//! - [`medium`]: the operations of a disk, as traits, and [`directory`], the real one
//! - [`refusal`]: the kinds of files that cannot be a store
//! - [`lock`]: the lock that admits one writer
//! - [`appender`]: one write, one sync, and no second try
//! - [`blocks`] and [`lines`]: reading forwards in constant memory; [`spans`]: the same for lines of any length
//! - [`last`]: searching from the end of a file
//! - [`cut`]: the copy and truncation of an unterminated tail
//!
//! Invariant: nothing here repairs, retries or guesses. After a failed write or sync the descriptor is never used
//! again, because the kernel may report a failed write-back only once.

pub mod appender;
pub mod blocks;
pub mod cut;
pub mod directory;
pub mod interruption;
pub mod last;
pub mod lines;
pub mod lock;
pub mod medium;
pub mod read;
pub mod refusal;
pub mod spans;

pub use appender::{AppendError, Appender};
pub use blocks::{Block, Blocks};
pub use directory::Directory;
pub use interruption::uninterrupted;
pub use lines::{Line, Lines};
pub use lock::Lock;
pub use medium::{File, FileKind, Medium, ReadAt, Stat, SyncFile, WriteFile, WriteMedium};
pub use read::{ReadError, Tail, read_bytes, read_exactly};
pub use refusal::Refusal;
pub use spans::{Span, Spans};
