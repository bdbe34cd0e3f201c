//! Durable lines: what is appended stays, in order, whole, or is not history.
//!
//! This crate knows bytes, lines and files; it knows no event. From the bottom up:
//!
//! - [`medium`]: the operations of a disk, as traits, and [`directory`], the real one
//! - [`refusal`]: which files are not touched at all
//! - [`lock`]: one writer
//! - [`appender`]: one write, one sync, and no second try
//! - [`blocks`], [`lines`] and [`last`]: reading forwards in a stream, and the last line from the end; [`spans`]: where
//!   lines of any length are
//! - [`cut`]: the unterminated tail, copied beside the file before it is cut off
//!
//! Invariant: nothing here repairs, retries or guesses. After a failed write or sync the descriptor is
//! never used again, because the kernel may report a failed write-back only once.

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
pub use medium::{File, FileKind, Medium, ReadAt, Stat, WriteFile, WriteMedium};
pub use read::{ReadError, Tail, read_bytes, read_exactly};
pub use refusal::Refusal;
pub use spans::{Span, Spans};
