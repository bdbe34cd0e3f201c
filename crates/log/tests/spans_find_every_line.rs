//! Spans give number, place and length of every line, wherever blocks end and however long lines are.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::io::Write;

use dreichor_log::{Spans, Tail};

/// How much is read at once: lines that end around its multiples are the interesting ones.
const BLOCK: usize = 1 << 20;

/// A file of lines of these lengths (LF excluded) and a tail, all of it compared with what was written.
fn check(lengths: &[usize], tail: usize) {
    let mut file = tempfile::tempfile().unwrap();
    let mut written = Vec::new();
    for &length in lengths {
        written.extend(vec![b'x'; length]);
        written.push(b'\n');
    }
    written.extend(vec![0; tail]);
    file.write_all(&written).unwrap();
    // From the second line on, too: what stands before is not looked at.
    for skipped in 0..=lengths.len().min(1) {
        let start: usize = lengths[..skipped].iter().map(|length| length + 1).sum();
        let end = written.len() as u64;
        let mut spans: Spans<'_, File> = Spans::starting_at(&file, start as u64, skipped as u64, end);
        let mut offset = start;
        for (index, &length) in lengths.iter().enumerate().skip(skipped) {
            let span = spans.next_span().unwrap().unwrap();
            let found = (span.number, span.offset, span.length);
            assert_eq!(found, (index as u64 + 1, offset as u64, length as u64), "{lengths:?}");
            assert!(span.read(&file).unwrap() == written[offset..offset + length]);
            offset += length + 1;
        }
        assert_eq!(spans.next_span().unwrap(), None);
        assert_eq!(spans.count(), lengths.len() as u64);
        let expected = (tail > 0).then_some(Tail { offset: offset as u64, length: tail as u64 });
        assert_eq!(spans.tail(), expected);
    }
}

#[test]
fn around_the_ends_of_blocks() {
    for tail in [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK] {
        check(&[], tail);
        check(&[0, 0], tail);
        for first in [BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            check(&[first], tail);
            check(&[first, 0, 1], tail);
            check(&[5, first, BLOCK - 1], tail);
        }
    }
}
