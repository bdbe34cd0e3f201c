//! Every reader finds the same lines, wherever blocks end, however long lines are, and however few bytes a read
//! returns.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::ErrorKind;

use dreichor_log::last::{LastLine, count_lines, find_end, find_nul, line_start};
use dreichor_log::{Lines, ReadAt, ReadError, Spans, Tail, read_bytes};
use support::Reluctant;

/// The size of one read: lines that end around its multiples are the interesting ones.
const BLOCK: usize = dreichor_log::blocks::BLOCK_BYTES;
/// The sizes of the first read from the end and of each further one.
const FIRST_END_BLOCK: usize = 4 << 10;
const END_BLOCK: usize = 64 << 10;

/// The written bytes: lines of `x` and a tail of NULs.
struct Written {
    bytes: Vec<u8>,
    /// The start of each line, and its length without LF.
    lines: Vec<(usize, usize)>,
    /// The length of all lines.
    whole: usize,
}

impl Written {
    fn new(lengths: &[usize], tail: usize) -> Self {
        let (mut bytes, mut lines) = (Vec::new(), Vec::new());
        for &length in lengths {
            lines.push((bytes.len(), length));
            bytes.resize(bytes.len() + length, b'x');
            bytes.push(b'\n');
        }
        let whole = bytes.len();
        bytes.resize(whole + tail, 0);
        Self { bytes, lines, whole }
    }

    fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn tail(&self) -> Option<Tail> {
        let tail = Tail { offset: self.whole as u64, length: self.end() - self.whole as u64 };
        (tail.length > 0).then_some(tail)
    }

    /// Also from the second line on: the bytes before it are not read.
    fn starts(&self) -> impl Iterator<Item = (usize, u64)> {
        let second = self.lines.first().map(|(_, length)| (1, *length as u64 + 1));
        [(0, 0)].into_iter().chain(second)
    }

    fn check_spans(&self, file: &impl ReadAt) {
        for (skipped, start) in self.starts() {
            let mut spans = Spans::starting_at(file, start, skipped as u64, self.end());
            for (index, &(offset, length)) in self.lines.iter().enumerate().skip(skipped) {
                let span = spans.next_span().unwrap().unwrap();
                let found = (span.number, span.offset, span.length);
                assert_eq!(found, (index as u64 + 1, offset as u64, length as u64));
                assert!(
                    read_bytes(file, span.offset, span.length).unwrap()
                        == self.bytes[offset..offset + length]
                );
            }
            assert_eq!(spans.next_span().unwrap(), None);
            assert_eq!(spans.count(), self.lines.len() as u64);
            assert_eq!(spans.tail(), self.tail());
        }
    }

    /// Lines of at most `max` bytes; the first that is longer ends the reading.
    fn check_lines(&self, file: &Reluctant<'_>, max: usize) {
        for (skipped, start) in self.starts() {
            file.reads();
            let mut lines = Lines::starting_at(file, start, skipped as u64, self.end(), max);
            let mut is_too_long = false;
            for (index, &(offset, length)) in self.lines.iter().enumerate().skip(skipped) {
                assert_eq!((lines.count(), lines.offset()), (index as u64, offset as u64));
                let next = lines.next_line();
                if length > max {
                    let Err(ReadError::TooLong { offset: at, length: seen }) = next else {
                        unreachable!("{next:?} of {length} bytes, and at most {max}")
                    };
                    assert_eq!((at, seen), (offset as u64, length as u64));
                    is_too_long = true;
                    break;
                }
                let line = next.unwrap().unwrap();
                assert_eq!((line.number, line.offset), (index as u64 + 1, offset as u64));
                assert!(line.bytes == &self.bytes[offset..offset + length]);
            }
            let ends = is_too_long || lines.next_line().unwrap().is_none();
            assert!(ends);
            // No byte twice, and an interruption before each read.
            let reads = self.bytes.len() / file.at_once + self.bytes.len() / BLOCK + 3;
            assert!(file.reads() <= 2 * reads, "more than {reads} reads");
            if !is_too_long {
                assert!(lines.next_line().unwrap().is_none(), "however often it is asked");
                assert_eq!((lines.count(), lines.offset()), (self.lines.len() as u64, self.whole as u64));
                assert_eq!(lines.tail(), self.tail());
            }
        }
    }

    fn check_end(&self, file: &impl ReadAt) {
        let end = find_end(file, self.end()).unwrap();
        let last_line = self
            .lines
            .last()
            .map(|&(offset, length)| LastLine { offset: offset as u64, length: length as u64 });
        assert_eq!(end.last_line, last_line);
        assert_eq!(end.tail, self.tail());

        for (before, &(offset, length)) in self.lines.iter().enumerate() {
            for at in [offset, offset + length / 2, offset + length] {
                assert_eq!(line_start(file, at as u64).unwrap(), offset as u64, "at {at}");
                assert_eq!(count_lines(file, 0, at as u64).unwrap(), before as u64, "before {at}");
            }
        }
        assert_eq!(line_start(file, self.end()).unwrap(), self.whole as u64);
        for before in 0..=self.lines.len() {
            let start = self.lines.get(before).map_or(self.whole, |(offset, _)| *offset) as u64;
            let counted = count_lines(file, start, self.end()).unwrap();
            assert_eq!(counted, (self.lines.len() - before) as u64, "from {start}");
        }

        let nul = self.tail().map(|tail| tail.offset);
        for start in [0, self.whole as u64 / 2, self.whole as u64] {
            assert_eq!(find_nul(file, start, self.whole as u64).unwrap(), None);
            assert_eq!(find_nul(file, start, self.end()).unwrap(), nul, "from {start}");
        }
    }

    /// A file of which one byte less can be read than it was said to have is not taken for whole.
    fn check_cut_short(&self, file: &impl ReadAt, offset_of: impl Fn(&ReadError) -> Option<u64>) {
        let end = self.end() + 1;
        let check = |result: Result<(), ReadError>| {
            let error = result.unwrap_err();
            assert_eq!(offset_of(&error), Some(self.end()), "{error:?}");
        };
        let mut spans = Spans::starting_at(file, 0, 0, end);
        check((0..=self.lines.len()).try_for_each(|_| spans.next_span().map(drop)));
        let longest = self.lines.iter().map(|(_, length)| *length).max().unwrap_or_default();
        for max in [longest, longest + 2 * BLOCK] {
            let mut lines = Lines::new(file, end, max);
            check((0..=self.lines.len()).try_for_each(|_| lines.next_line().map(drop)));
        }
        check(find_end(file, end).map(drop));
        check(line_start(file, end).map(drop));
        check(count_lines(file, 0, end).map(drop));
        check(find_nul(file, self.end(), end).map(drop));
    }
}

/// Writes lines of these lengths (LF excluded) and a tail, and compares what each reader finds.
fn check(lengths: &[usize], tail: usize) {
    let written = Written::new(lengths, tail);
    // Readers do not see what is appended while they read.
    let grown = [&written.bytes[..], b"\0\nappended\n"].concat();
    for at_once in [usize::MAX, 300_007] {
        let file = Reluctant::new(&grown, at_once);
        written.check_spans(&file);
        for max in [1, END_BLOCK, BLOCK] {
            written.check_lines(&file, max);
        }
        written.check_end(&file);
        let file = Reluctant::new(&written.bytes, at_once);
        written.check_cut_short(&file, |error| match error {
            ReadError::Shrank { offset } => Some(*offset),
            ReadError::Refused { .. } | ReadError::TooLong { .. } => None,
        });
        written.check_cut_short(&file.broken(), |error| match error {
            ReadError::Refused { offset, error } if error.kind() == ErrorKind::Other => Some(*offset),
            ReadError::Refused { .. } | ReadError::Shrank { .. } | ReadError::TooLong { .. } => None,
        });
    }
}

#[test]
fn around_the_ends_of_blocks() {
    for tail in [0, FIRST_END_BLOCK, END_BLOCK, FIRST_END_BLOCK + END_BLOCK, BLOCK - 1, 3 * BLOCK] {
        check(&[], tail);
        check(&[0], tail);
    }
    for tail in [0, 1, BLOCK] {
        check(&[0, 0], tail);
        for first in [
            FIRST_END_BLOCK - 1,
            FIRST_END_BLOCK,
            END_BLOCK - 1,
            END_BLOCK,
            BLOCK - 2,
            BLOCK - 1,
            BLOCK,
            BLOCK + 1,
            3 * BLOCK,
        ] {
            check(&[first, 0, 1], tail);
            check(&[5, first], tail);
        }
    }
}

/// Lines that are short for a block and cross its end, one after the other.
#[test]
fn across_the_ends_of_blocks() {
    check(&[40_000; 80], 1);
}

/// Regression: a line that no memory holds ended the process by an abort.
#[test]
fn a_line_that_no_memory_holds_is_an_error() {
    let error = read_bytes(&Reluctant::new(b"one\n", usize::MAX), 3, 1 << 62).unwrap_err();
    assert!(matches!(error, ReadError::Refused { offset: 3, .. }), "{error:?}");
}
