//! Proofs from the kept chunks of a log verify against its root, and are refused once the log has changed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::LazyLock;

use dreichor_core::{Event, Hash, Tree};
use dreichor_replay::Error;
use dreichor_replay::leaves::Leaves;
use proptest::prelude::*;
use support::samples::config::config;
use support::samples::line::identified;
use support::samples::rfc6962::{Node, verifies_consistency, verifies_inclusion};
use support::{Log, enacted, placed};

/// A log of a few chunks of 1,024 leaves and a part of one more, its leaves and its roots.
struct History {
    bytes: Vec<u8>,
    starts: Vec<u64>,
    leaves: Vec<Hash>,
    roots: Vec<Node>,
}

static HISTORY: LazyLock<History> = LazyLock::new(|| {
    let bytes = enacted(1_000);
    let mut tree = Tree::new();
    let (mut starts, mut leaves, mut roots) = (Vec::new(), Vec::new(), vec![*tree.root().as_bytes()]);
    for (offset, line) in placed(&bytes) {
        let (_, leaf) = Event::read_line(line).unwrap();
        tree.push(leaf);
        starts.push(offset);
        leaves.push(leaf);
        roots.push(*tree.root().as_bytes());
    }
    starts.push(bytes.len() as u64);
    assert!(leaves.len() > 3 * 1024 + 2 && leaves.len() % 1024 != 0, "{} leaves", leaves.len());
    History { bytes, starts, leaves, roots }
});

impl History {
    fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The chunks of the first `size` lines.
    fn kept(&self, size: u64) -> Leaves {
        let mut kept = Leaves::default();
        for (offset, leaf) in self.starts.iter().zip(&self.leaves).take(usize::try_from(size).unwrap()) {
            kept.push(*offset, *leaf);
        }
        assert_eq!(kept.size(), size);
        kept
    }

    /// The log of the first `size` lines.
    fn log(&self, size: u64) -> Log {
        Log::holding(&self.bytes[..usize::try_from(self.starts[usize::try_from(size).unwrap()]).unwrap()])
    }

    fn root(&self, size: u64) -> (u64, Node) {
        (size, self.roots[usize::try_from(size).unwrap()])
    }

    fn verifies_inclusion(&self, index: u64, size: u64, path: &[Hash]) -> bool {
        let leaf = *self.leaves[usize::try_from(index).unwrap()].as_bytes();
        verifies_inclusion(index, size, &nodes(path), leaf, self.root(size).1)
    }

    fn verifies_consistency(&self, from: u64, to: u64, path: &[Hash]) -> bool {
        verifies_consistency(self.root(from), self.root(to), &nodes(path))
    }
}

fn nodes(path: &[Hash]) -> Vec<Node> {
    path.iter().map(|hash| *hash.as_bytes()).collect()
}

#[test]
fn every_leaf_of_the_whole_log_is_proven() {
    let (size, kept, log) = (HISTORY.size(), HISTORY.kept(HISTORY.size()), HISTORY.log(HISTORY.size()));
    let view = log.view();
    for index in 0..size {
        let path = kept.inclusion(&view, index, size).unwrap().unwrap();
        assert!(HISTORY.verifies_inclusion(index, size, &path), "{index} in {size}");
    }
}

#[test]
fn every_earlier_tree_is_proven_to_begin_the_whole() {
    let (size, kept, log) = (HISTORY.size(), HISTORY.kept(HISTORY.size()), HISTORY.log(HISTORY.size()));
    let view = log.view();
    for from in 0..=size {
        let path = kept.consistency(&view, from, size).unwrap().unwrap();
        assert!(HISTORY.verifies_consistency(from, size, &path), "{from} to {size}");
    }
}

/// Sizes and leaves around the ends of chunks, of logs that end around them.
#[test]
fn proofs_hold_around_the_ends_of_chunks() {
    let around = [0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 3073];
    for end in around {
        let (kept, log) = (HISTORY.kept(end), HISTORY.log(end));
        let view = log.view();
        for size in around.into_iter().chain([1500]) {
            for at in around {
                let path = kept.inclusion(&view, at, size).unwrap();
                assert_eq!(path.is_some(), at < size && size <= end, "{at} in {size} of {end}");
                assert!(
                    path.is_none_or(|path| HISTORY.verifies_inclusion(at, size, &path)),
                    "{at} in {size}"
                );
                let path = kept.consistency(&view, at, size).unwrap();
                assert_eq!(path.is_some(), at <= size && size <= end, "{at} to {size} of {end}");
                assert!(
                    path.is_none_or(|path| HISTORY.verifies_consistency(at, size, &path)),
                    "{at} to {size}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(config(256))]

    /// Also from a log that has grown since.
    #[test]
    fn proofs_hold_of_any_sizes(sizes: [prop::sample::Index; 4]) {
        let [mut from, mut to, mut kept, mut end] = sizes.map(|size| 1 + size.index(HISTORY.leaves.len()) as u64);
        let mut sorted = [from, to, kept, end];
        sorted.sort_unstable();
        [from, to, kept, end] = sorted;
        let (kept, log) = (HISTORY.kept(kept), HISTORY.log(end));
        let view = log.view();
        let path = kept.inclusion(&view, from - 1, to).unwrap().unwrap();
        prop_assert!(HISTORY.verifies_inclusion(from - 1, to, &path));
        let path = kept.consistency(&view, from, to).unwrap().unwrap();
        prop_assert!(HISTORY.verifies_consistency(from, to, &path));
    }
}

#[test]
fn a_log_that_is_no_longer_what_it_was_proves_nothing() {
    let size = HISTORY.size();
    let kept = HISTORY.kept(size);
    let lines = placed(&HISTORY.bytes);
    let (in_second, end) = (1_100, HISTORY.bytes.len());
    let place = |line: usize| usize::try_from(HISTORY.starts[line]).unwrap();
    let unavailable = |log: &Log| {
        for found in
            [kept.inclusion(&log.view(), in_second, size), kept.consistency(&log.view(), in_second, size)]
        {
            let error = found.unwrap_err();
            let Error::Unavailable { path, .. } = &error else { panic!("{error}") };
            assert_eq!(*path, log.path());
        }
    };
    // Shorter than it was; at a boundary, within a line, and empty.
    for left in [place(2_047), place(1_024), place(1_024) - 1, place(1_500) + 10, 0] {
        unavailable(&Log::holding(&HISTORY.bytes[..left]));
    }
    unavailable(&Log::missing());
    // A line is another one, which is sound.
    let (at, line) = (place(1_200), lines[1_200].1);
    let text = String::from_utf8(line.to_vec()).unwrap();
    let other = identified(text.replacen("\"logicalTime\":", "\"logicalTime\":9", 1).as_bytes());
    assert_ne!(other, line);
    let next = at + line.len();
    unavailable(&Log::holding(&[&HISTORY.bytes[..at], &other, &HISTORY.bytes[next..]].concat()));
    // A line before is another one: the chunk starts elsewhere.
    unavailable(&Log::holding(&[&HISTORY.bytes[..place(3)], &HISTORY.bytes[place(4)..]].concat()));
    unavailable(&Log::holding(&[b"\n", &HISTORY.bytes[..end]].concat()));
    // A line is malformed: it is named.
    let mut corrupted = HISTORY.bytes.clone();
    corrupted[at + 60] ^= 1;
    let log = Log::holding(&corrupted);
    log.names(kept.inclusion(&log.view(), in_second, size), 1_201, HISTORY.starts[1_200]);
}
