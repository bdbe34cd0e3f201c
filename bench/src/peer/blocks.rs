//! A file in parts of whole lines, each read and worked on by any thread.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::fold::THREADS;

const BLOCK: u64 = 1 << 20;
/// No line of a log is longer, LF included.
const LINE: u64 = 1 << 16;

/// Calls `work` with each block of lines, on two threads. Returns the results in the order of the file.
///
/// A line belongs to the block in which it starts.
pub(super) fn map<T: Send>(path: &Path, work: impl Fn(&[u8]) -> Result<T> + Sync) -> Result<Vec<T>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let block = |buffer: &mut Vec<u8>, index: u64| {
        // The byte before the block tells whether a line starts with it.
        let start = (index * BLOCK).saturating_sub(1);
        let end = length.min((index + 1) * BLOCK + LINE);
        buffer.resize(usize::try_from(end - start)?, 0);
        file.read_exact_at(buffer, start)?;
        let first = if index == 0 { 0 } else { after_lf(buffer, 0)? };
        // The start of the next block's first line is found in the same way.
        let boundary = (index + 1) * BLOCK;
        let last = if boundary >= length {
            buffer.len()
        } else {
            after_lf(buffer, usize::try_from(boundary - 1 - start)?)?
        };
        work(buffer.get(first..last).unwrap_or_default())
    };
    pool()?.install(|| (0..length.div_ceil(BLOCK)).into_par_iter().map_init(Vec::new, block).collect())
}

/// The threads.
pub(super) fn pool() -> Result<ThreadPool> {
    Ok(ThreadPoolBuilder::new().num_threads(THREADS).build()?)
}

/// Position after the first LF at or after `from`.
fn after_lf(bytes: &[u8], from: usize) -> Result<usize> {
    let at = memchr::memchr(b'\n', bytes.get(from..).unwrap_or_default());
    Ok(from + at.with_context(|| format!("a line is longer than {LINE} bytes, or has no LF"))? + 1)
}

/// The lines of a block, without LF.
pub(crate) fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', block).map(move |end| {
        let line = block.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
}
