//! A log is folded on two threads or in turn on one, in blocks of any size, with the same result: the same entries,
//! the same tree and digests, and of a corrupted log the same first fault.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use dreichor_core::{Event, History, LINE_BYTES_MAX, Tree};
use dreichor_log::blocks::BLOCK_BYTES;
use dreichor_log::{Blocks, Tail};
use dreichor_replay::digests::digests;
use dreichor_replay::hashing::Hashing;
use dreichor_replay::{Fold, Stores};
use proptest::prelude::*;
use proptest::sample::Index;
use support::samples::config::config;
use support::{Log, enacted, placed};

/// A way to hash.
type Way = fn(Tree) -> Hashing;

const WAYS: [Way; 2] = [Hashing::in_turn, Hashing::beside];

/// The result of a fold, as text.
#[derive(Debug, PartialEq)]
struct Found {
    entries: Vec<(u64, u64, String)>,
    root: String,
    digests: String,
    /// The end of the lines, and the tail; for a log without a fault.
    end: Option<(u64, Option<Tail>)>,
    error: Option<String>,
}

fn fold(log: &Log, way: Way, block_bytes: usize) -> Found {
    let stores: &Stores<_> = log.stores();
    let (file, stat) = stores.events.open().unwrap().unwrap();
    let blocks = Blocks::new(0, stat.size, block_bytes, LINE_BYTES_MAX);
    let mut fold = Fold::with(&stores.events, Some(file), blocks, way(Tree::new()), History::new());
    let mut entries = Vec::new();
    let error = loop {
        match fold.next() {
            Ok(Some(entry)) => {
                assert_eq!(entry.history.size(), entry.line.number, "the event is applied");
                assert_eq!(entry.leaf, Event::leaf(entry.line.bytes));
                entries.push((entry.line.number, entry.line.offset, format!("{:?}", *entry.event)));
            }
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let end = error.is_none().then(|| (fold.offset(), fold.tail()));
    let mut history = fold.into_history();
    let root = history.root().to_string();
    Found { entries, root, digests: format!("{:?}", digests(history.state())), end, error }
}

/// Both ways, in blocks of these sizes, and the way without blocks.
fn check(bytes: &[u8], sizes: impl IntoIterator<Item = usize>) -> Found {
    let log = Log::holding(bytes);
    let expected = fold(&log, Hashing::in_turn, BLOCK_BYTES);
    for block_bytes in sizes {
        for way in WAYS {
            let found = fold(&log, way, block_bytes);
            assert!(found == expected, "blocks of {block_bytes} bytes: {found:?}, not {expected:?}");
        }
    }
    expected
}

/// Sizes around those of one line, of a few, and of all.
fn sizes(bytes: &[u8]) -> Vec<usize> {
    let line = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    vec![1, line - 1, line, line + 1, 2 * line, 1_000, 4_096, bytes.len() - 1, bytes.len(), bytes.len() + 1]
}

#[test]
fn a_sound_log_is_folded_the_same_in_blocks_of_any_size() {
    let bytes = enacted(60);
    let found = check(&bytes, sizes(&bytes));
    assert_eq!(found.entries.len(), placed(&bytes).len());
    assert_eq!(found.error, None);
    // The tree is the one that is built leaf by leaf.
    let mut tree = Tree::new();
    for (_, line) in placed(&bytes) {
        tree.push(Event::leaf(line));
    }
    assert_eq!(found.root, tree.root().to_string());
    let (torn, tail) = ([&bytes[..], b"{\"id\":\"torn"].concat(), Some(bytes.len() as u64));
    assert_eq!(check(&torn, sizes(&bytes)).end.unwrap().1.map(|tail| tail.offset), tail);
}

/// A long log: the second thread is ahead, and parses.
#[test]
fn a_log_of_many_blocks_is_folded_the_same() {
    let bytes = enacted(4_000);
    assert!(bytes.len() > 8 * BLOCK_BYTES);
    let found = check(&bytes, [5_000, 64 << 10, BLOCK_BYTES]);
    assert_eq!((found.error, found.end), (None, Some((bytes.len() as u64, None))));
}

proptest! {
    #![proptest_config(config(60))]

    /// Several changes: only the first in file order is told, whichever thread comes upon one first.
    #[test]
    fn the_first_fault_is_the_same(
        changes in prop::collection::vec((any::<Index>(), 0_u8..8), 1..4),
        block_bytes in prop_oneof![1_usize..2_000, 2_000_usize..40_000],
    ) {
        let mut bytes = enacted(40);
        for (at, bit) in changes {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        check(&bytes, [1, block_bytes]);
    }

    #[test]
    fn a_line_that_is_too_long_is_the_same_fault(extra in 0_usize..3, at: Index, block_bytes in 1_usize..200_000) {
        let bytes = enacted(20);
        let lines = placed(&bytes);
        let offset = usize::try_from(lines[at.index(lines.len())].0).unwrap();
        let long = vec![b'x'; LINE_BYTES_MAX - 1 + extra];
        check(&[&bytes[..offset], &long, b"\n", &bytes[offset..]].concat(), [1, block_bytes]);
        check(&[&bytes[..offset], &long].concat(), [1, block_bytes]);
    }
}
