//! Batches hold every line once and in order: as many together as can be read without waiting within the limits.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::io;

use dreichor_core::LINE_BYTES_MAX;
use dreichor_runtime::batch::{Batcher, Limits, Next, Read, Source};
use proptest::collection::vec;
use proptest::prelude::*;
use support::config::config;

/// Returns at most this many bytes a read. More can always be read, except after the byte at which the upstream waits
/// for an answer.
struct Pieces<'a> {
    rest: &'a [u8],
    given: usize,
    piece_bytes: usize,
    waits_at: Option<usize>,
}

impl Source for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let before_wait = self.waits_at.and_then(|at| at.checked_sub(self.given)).filter(|&bytes| bytes > 0);
        let count =
            self.rest.len().min(buffer.len()).min(self.piece_bytes).min(before_wait.unwrap_or(usize::MAX));
        assert!(!buffer.is_empty(), "asked for nothing");
        let (piece, rest) = self.rest.split_at(count);
        buffer[..count].copy_from_slice(piece);
        self.rest = rest;
        self.given += count;
        Ok(if count == 0 { Read::End } else { Read::Bytes(count) })
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        Ok(self.waits_at != Some(self.given))
    }

    fn is_interrupted(&self) -> bool {
        false
    }

    fn length(&self) -> Option<u64> {
        None
    }
}

/// The number of lines in each batch, for lines of these lengths (LF included).
fn check(lengths: &[usize], limits: Limits, piece_bytes: usize, waits_at: Option<usize>) -> Vec<usize> {
    let bytes: Vec<u8> =
        lengths.iter().flat_map(|length| [vec![b'x'; length - 1], b"\n".to_vec()].concat()).collect();
    let source = Pieces { rest: &bytes, given: 0, piece_bytes, waits_at };
    let mut batcher = Batcher::with_limits(source, limits);
    let (mut counts, mut number, mut offset) = (Vec::new(), 0, 0);
    loop {
        let batch = match batcher.next_batch().unwrap() {
            Next::Batch(batch) => batch,
            Next::End => break,
            Next::Nothing => panic!("nobody asked for an end"),
        };
        let (first, start) = (number, offset);
        for line in batch.lines() {
            assert_eq!((line.number, line.offset), (number as u64 + 1, offset as u64));
            assert!(line.is_terminated && line.bytes.len() == lengths[number] - 1);
            offset += lengths[number];
            number += 1;
        }
        assert_eq!(batch.end(), offset as u64);
        assert!(number - first <= limits.inputs && offset - start <= limits.bytes, "{lengths:?}: too much");
        let is_full = number - first == limits.inputs
            || lengths.get(number).is_none_or(|next| offset - start + next > limits.bytes);
        let is_waited_for = waits_at.is_some_and(|at| {
            // The line that the upstream had begun to write is not whole.
            start < at && lengths.get(number).is_none_or(|next| offset + next > at)
        });
        assert!(
            is_full || is_waited_for,
            "{lengths:?}: lines {first} to {number} are not all that was there"
        );
        counts.push(number - first);
    }
    assert_eq!(number, lengths.len(), "lines were held back");
    counts
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_batch_is_all_that_is_there_within_the_limits(
        lengths in vec(prop_oneof![3 => 1..400_usize, 1 => 1..=LINE_BYTES_MAX + 1], 1..40),
        inputs in 1..20_usize,
        bytes in LINE_BYTES_MAX + 1..4 * LINE_BYTES_MAX,
        piece_bytes in 1_000..200_000_usize,
        waits_at in any::<prop::sample::Index>(),
    ) {
        let limits = Limits { inputs, bytes };
        check(&lengths, limits, piece_bytes, None);
        let total: usize = lengths.iter().sum();
        check(&lengths, limits, piece_bytes, Some(1 + waits_at.index(total)));
    }
}

#[test]
fn the_limits_are_those_that_are_published() {
    let limits = Limits::default();
    let longest = LINE_BYTES_MAX + 1;
    for (lengths, expected) in [
        (vec![2; 8_191], vec![8_191]),
        (vec![2; 8_192], vec![8_192]),
        (vec![2; 8_193], vec![8_192, 1]),
        (vec![longest; 64], vec![64]),
        ([vec![longest; 64], vec![1]].concat(), vec![64, 1]),
        ([vec![1], vec![longest; 64]].concat(), vec![64, 1]),
    ] {
        assert_eq!(check(&lengths, limits, 64 << 10, None), expected);
    }
}
