//! Searches from the end of a file: the last whole line is found as fast in a long file as in a short one.

use crate::medium::ReadAt;
use crate::read::{ReadError, Tail, read_exactly};

/// The sizes of the first read and of each further one, in bytes. The first is small, since most lines are short and
/// most files end with an LF.
const FIRST_BLOCK_BYTES: u64 = 4 << 10;
const BLOCK_BYTES: u64 = 64 << 10;

/// The end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The place of the last whole line; none if there is no LF.
    pub last_line: Option<LastLine>,
    /// The unterminated tail after it.
    pub tail: Option<Tail>,
}

/// The place of the last whole line. The line may have any length, so a caller checks the length before it reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastLine {
    /// The offset of its start in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes, LF excluded.
    pub length: u64,
}

/// Finds the last whole line of the first `end` bytes of `file`, in constant memory.
///
/// # Errors
///
/// The file cannot be read, or is shorter than `end`.
pub fn find_end<F: ReadAt>(file: &F, end: u64) -> Result<End, ReadError> {
    let Some(line_end) = find_line_feed_before(file, end)? else {
        return Ok(End { last_line: None, tail: tail(0, end) });
    };
    let offset = line_start(file, line_end)?;
    let last_line = LastLine { offset, length: line_end - offset };
    Ok(End { last_line: Some(last_line), tail: tail(line_end + 1, end) })
}

/// Finds the offset of the first NUL from `start` to `end`, if there is one.
///
/// # Errors
///
/// The file cannot be read, or is shorter than `end`.
pub fn find_nul<F: ReadAt>(file: &F, start: u64, end: u64) -> Result<Option<u64>, ReadError> {
    let mut block = vec![0; 1 << 20];
    let mut at = start;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(block.len());
        let place = &mut block[..wanted];
        read_exactly(file, place, at)?;
        if let Some(found) = memchr::memchr(0, place) {
            return Ok(Some(at + found as u64));
        }
        at += wanted as u64;
    }
    Ok(None)
}

/// Counts the LFs from `start` to `end`. If `start` is 0, the line that starts at `end` has this number plus one.
///
/// # Errors
///
/// The file cannot be read, or is shorter than `end`.
pub fn count_lines<F: ReadAt>(file: &F, start: u64, end: u64) -> Result<u64, ReadError> {
    let mut block = vec![0; 1 << 20];
    let (mut at, mut count) = (start, 0);
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(block.len());
        let place = &mut block[..wanted];
        read_exactly(file, place, at)?;
        count += memchr::memchr_iter(b'\n', place).count() as u64;
        at += wanted as u64;
    }
    Ok(count)
}

/// Finds the start of the line that holds the byte at `at`.
///
/// # Errors
///
/// The file cannot be read, or is shorter than `at`.
pub fn line_start<F: ReadAt>(file: &F, at: u64) -> Result<u64, ReadError> {
    Ok(find_line_feed_before(file, at)?.map_or(0, |line_feed| line_feed + 1))
}

fn tail(offset: u64, end: u64) -> Option<Tail> {
    (offset < end).then(|| Tail { offset, length: end - offset })
}

fn find_line_feed_before<F: ReadAt>(file: &F, end: u64) -> Result<Option<u64>, ReadError> {
    let mut block = Vec::new();
    let (mut end, mut length) = (end, FIRST_BLOCK_BYTES);
    while end > 0 {
        let start = end.saturating_sub(length);
        block.resize(usize::try_from(end - start).unwrap_or(usize::MAX), 0);
        read_exactly(file, &mut block, start)?;
        if let Some(found) = memchr::memrchr(b'\n', &block) {
            return Ok(Some(start + found as u64));
        }
        (end, length) = (start, BLOCK_BYTES);
    }
    Ok(None)
}
