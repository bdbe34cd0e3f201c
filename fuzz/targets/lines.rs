//! Lines of files, forwards, backwards and without holding them, and lines of inputs in batches: each way finds
//! what splitting at LF finds, whatever a read returns and wherever its block ends.
#![no_main]

use std::io;

use dreichor_core::LINE_BYTES_MAX;
use dreichor_log::last::{LastLine, count_lines, find_end, find_nul, line_start};
use dreichor_log::{Lines, ReadAt, ReadError, Spans, Tail};
use dreichor_runtime::batch::{Batcher, Limits, Next, Read, Source};
use libfuzzer_sys::fuzz_target;

/// The readers' largest block: lines before the bytes in question put its end amid them.
const BLOCK_BYTES: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((&[read, limit, pad_high, pad_low, ready], bytes)) = data.split_first_chunk() else { return };
    let line_bytes_max = 64 << (limit % 11);
    let file = Memory {
        bytes: if limit < 128 { bytes.to_vec() } else { padded(bytes, [pad_high, pad_low], line_bytes_max) },
        // Small enough to end within a line, large enough to come to an end.
        read_bytes_max: 1 << (11 + read % 10),
    };
    check_lines(&file, line_bytes_max);
    check_spans(&file);
    check_end(&file);
    check_batches(bytes, 1 + usize::from(read) * usize::from(limit), ready);
});

/// `bytes` after so many short lines that a block ends near their start.
fn padded(bytes: &[u8], pad: [u8; 2], line_bytes_max: usize) -> Vec<u8> {
    let length = BLOCK_BYTES.saturating_sub(usize::from(u16::from_be_bytes(pad)));
    let mut all: Vec<u8> =
        (1..=length).map(|at| if at % line_bytes_max == 0 { b'\n' } else { b'x' }).collect();
    all.extend(bytes);
    all
}

/// The naive reading: each line without LF, with its offset; and what follows the last LF.
fn split(bytes: &[u8]) -> (Vec<(u64, &[u8])>, Option<Tail>) {
    let mut lines = Vec::new();
    let mut offset = 0;
    for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
        if let Some(line) = piece.strip_suffix(b"\n") {
            lines.push((offset, line));
            offset += piece.len() as u64;
        }
    }
    let length = bytes.len() as u64 - offset;
    (lines, (length > 0).then_some(Tail { offset, length }))
}

fn check_lines(file: &Memory, line_bytes_max: usize) {
    let (expected, tail) = split(&file.bytes);
    let mut lines = Lines::new(file, file.bytes.len() as u64, line_bytes_max);
    for (number, (offset, bytes)) in (1..).zip(&expected) {
        assert_eq!(lines.offset(), *offset);
        match lines.next_line() {
            Ok(Some(line)) => {
                assert!(bytes.len() <= line_bytes_max, "line {number} is too long");
                assert_eq!((line.number, line.offset, line.bytes), (number, *offset, *bytes));
            }
            Err(ReadError::TooLong { offset: at, length }) => {
                assert!(bytes.len() > line_bytes_max, "line {number} is not too long");
                assert_eq!((at, length), (*offset, bytes.len() as u64));
                return;
            }
            Ok(None) => panic!("line {number} was not found"),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(matches!(lines.next_line(), Ok(None)));
    assert_eq!((lines.tail(), lines.count()), (tail, expected.len() as u64));
}

fn check_spans(file: &Memory) {
    let (expected, tail) = split(&file.bytes);
    let mut spans = Spans::starting_at(file, 0, 0, file.bytes.len() as u64);
    for (number, (offset, bytes)) in (1..).zip(&expected) {
        let span = spans.next_span().expect("a file that can be read").expect("a line");
        assert_eq!((span.number, span.offset, span.length), (number, *offset, bytes.len() as u64));
    }
    assert!(matches!(spans.next_span(), Ok(None)));
    assert_eq!((spans.tail(), spans.count()), (tail, expected.len() as u64));
}

fn check_end(file: &Memory) {
    let (expected, tail) = split(&file.bytes);
    let end = file.bytes.len() as u64;
    let found = find_end(file, end).expect("a file that can be read");
    let last_line =
        expected.last().map(|(offset, bytes)| LastLine { offset: *offset, length: bytes.len() as u64 });
    assert_eq!(found.last_line, last_line);
    assert_eq!(found.tail, tail);
    assert_eq!(count_lines(file, 0, end).expect("a file that can be read"), expected.len() as u64);
    let nul = file.bytes.iter().position(|&byte| byte == 0).map(|at| at as u64);
    assert_eq!(find_nul(file, 0, end).expect("a file that can be read"), nul);
    if let Some(nul) = nul {
        let mut start =
            file.bytes[..usize::try_from(nul).expect("a small file")].split(|&byte| byte == b'\n');
        let before = start.next_back().unwrap_or_default().len() as u64;
        assert_eq!(line_start(file, nul).expect("a file that can be read"), nul - before);
    }
}

fn check_batches(bytes: &[u8], piece_bytes: usize, ready: u8) {
    let expected: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let limits = Limits { inputs: 1 + usize::from(ready % 16), bytes: LINE_BYTES_MAX + 1 };
    let mut batcher = Batcher::with_limits(Pieces { rest: bytes, piece_bytes, ready, asked: 0 }, limits);
    let (mut number, mut offset) = (0_usize, 0);
    loop {
        let batch = match batcher.next_batch().expect("a source that can be read") {
            Next::Batch(batch) => batch,
            Next::End => break,
            Next::Nothing => panic!("nobody asked for an end"),
        };
        let first = number;
        for line in batch.lines() {
            let whole = expected[number];
            number += 1;
            assert_eq!((line.number, line.offset), (number as u64, offset));
            if whole.len() > LINE_BYTES_MAX + 1 && !whole.starts_with(line.bytes) {
                panic!("another line");
            }
            if line.bytes.len() > LINE_BYTES_MAX {
                // Returned before its end was read, so a reader that asks for the next line has not used it.
                assert!(line.is_terminated && whole.starts_with(line.bytes));
                return;
            }
            assert_eq!(line.bytes, whole.strip_suffix(b"\n").unwrap_or(whole));
            assert_eq!(line.is_terminated, whole.ends_with(b"\n"));
            offset += whole.len() as u64;
        }
        assert_eq!(batch.end(), offset);
        assert!((1..=limits.inputs).contains(&(number - first)), "{} lines", number - first);
        let taken: usize = expected[first..number].iter().map(|line| line.len()).sum();
        assert!(taken <= limits.bytes, "{taken} bytes");
    }
    assert_eq!(number, expected.len(), "lines were held back");
}

/// A file whose reads return no more than so many bytes.
struct Memory {
    bytes: Vec<u8>,
    read_bytes_max: usize,
}

impl ReadAt for Memory {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.bytes.get(usize::try_from(offset).expect("a small file")..).unwrap_or_default();
        let count = rest.len().min(buffer.len()).min(self.read_bytes_max);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// An input that comes in pieces; the bits of `ready` say whether the next is there already.
struct Pieces<'a> {
    rest: &'a [u8],
    piece_bytes: usize,
    ready: u8,
    asked: u32,
}

impl Source for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let count = self.rest.len().min(buffer.len()).min(self.piece_bytes);
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(if count == 0 { Read::End } else { Read::Bytes(count) })
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        self.asked += 1;
        Ok(self.ready.rotate_left(self.asked) & 1 == 1)
    }

    fn is_interrupted(&self) -> bool {
        false
    }

    fn length(&self) -> Option<u64> {
        None
    }
}
