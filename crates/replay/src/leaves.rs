//! The leaves of a log's tree, for proofs. Only one root per 1,024 leaves is kept in memory; the leaves that a proof
//! needs are read again.

use std::ops::Range;

use dreichor_core::id::content_id;
use dreichor_core::value::Uuid;
use dreichor_core::{Hash, Tree, proof};
use dreichor_log::Medium;

use crate::error::Error;
use crate::find::Found;
use crate::view::View;

/// The number of leaves of a chunk: a perfect subtree whose lines are read quickly.
const CHUNK_LEAVES: u64 = 1 << 10;

/// For each chunk of leaves: the offset of its first line, and its root.
#[derive(Debug, Clone, Default)]
pub struct Leaves {
    size: u64,
    chunks: Vec<Chunk>,
}

#[derive(Debug, Clone)]
struct Chunk {
    offset: u64,
    tree: Tree,
}

impl Leaves {
    /// Adds the leaf of the next line, which starts at `offset` bytes.
    #[expect(clippy::expect_used, reason = "the first leaf of a chunk has just added it")]
    pub fn push(&mut self, offset: u64, leaf: Hash) {
        if self.size.is_multiple_of(CHUNK_LEAVES) {
            self.chunks.push(Chunk { offset, tree: Tree::new() });
        }
        let chunk = self.chunks.last_mut().expect("there is a chunk for every leaf");
        chunk.tree.push(leaf);
        self.size += 1;
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Computes the root of the tree of the first `size` leaves; none if there are fewer.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn root<M: Medium>(&self, view: &View<'_, M>, size: u64) -> Result<Option<Hash>, Error> {
        (size <= self.size).then(|| self.subtree_root(view, &(0..size), &mut None)).transpose()
    }

    /// Computes the path that proves that leaf `index` is in the tree of the first `size` leaves; none if there is no
    /// such leaf or no such tree.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn inclusion<M: Medium>(
        &self,
        view: &View<'_, M>,
        index: u64,
        size: u64,
    ) -> Result<Option<Vec<Hash>>, Error> {
        self.path(view, proof::inclusion(index, size), size)
    }

    /// Computes the path that proves that the tree of the first `to` leaves begins with that of the first `from`; none
    /// if there are no such trees.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or its lines are not what they were.
    pub fn consistency<M: Medium>(
        &self,
        view: &View<'_, M>,
        from: u64,
        to: u64,
    ) -> Result<Option<Vec<Hash>>, Error> {
        self.path(view, proof::consistency(from, to), to)
    }

    /// Reads the line of leaf `index`, with the id of its event; none if there is no such leaf.
    ///
    /// # Errors
    ///
    /// The log cannot be read or has changed, or the line is malformed.
    pub fn line<M: Medium>(&self, view: &View<'_, M>, index: u64) -> Result<Option<(Uuid, Found)>, Error> {
        let Some(chunk) = self.chunks.get(place(index / CHUNK_LEAVES)).filter(|_| index < self.size) else {
            return Ok(None);
        };
        if !view.is_boundary(chunk.offset)? {
            return Err(view.changed(chunk.offset));
        }
        let mut lines = view.lines(chunk.offset, view.end());
        for _ in 0..index % CHUNK_LEAVES {
            lines.next()?;
        }
        let Some(line) = lines.next()? else { return Err(view.changed(chunk.offset)) };
        let (_, leaf) = view.read_event(line.offset, line.bytes)?;
        let found = Found { number: index + 1, offset: line.offset, bytes: line.bytes.to_vec() };
        Ok(Some((content_id(leaf), found)))
    }

    fn path<M: Medium>(
        &self,
        view: &View<'_, M>,
        ranges: Option<Vec<Range<u64>>>,
        size: u64,
    ) -> Result<Option<Vec<Hash>>, Error> {
        let Some(ranges) = ranges.filter(|_| size <= self.size) else { return Ok(None) };
        // Consecutive subtrees of a path are often in the same chunk.
        let mut read = None;
        ranges
            .into_iter()
            .map(|range| self.subtree_root(view, &range, &mut read))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Computes the root of the subtree over `range`. A subtree starts at a multiple of a power of two that is at least
    /// its length, so it lies within one chunk or starts with one.
    fn subtree_root<M: Medium>(
        &self,
        view: &View<'_, M>,
        range: &Range<u64>,
        read: &mut Option<(u64, Vec<Hash>)>,
    ) -> Result<Hash, Error> {
        // The roots of several chunks are hashed like leaves of the levels above; the root of one chunk is the result.
        let mut roots = Tree::new();
        let mut at = range.start;
        while at < range.end {
            let number = at / CHUNK_LEAVES;
            let end = range.end.min((number + 1) * CHUNK_LEAVES);
            // The paths are those of trees of at most `self.size` leaves, which the chunks have.
            let chunk = &self.chunks[place(number)];
            roots.push(if end - at == chunk.tree.size() {
                chunk.tree.root()
            } else {
                let leaves = match read {
                    Some((kept, leaves)) if *kept == number => leaves,
                    Some(_) | None => &mut read.insert((number, chunk.read(view)?)).1,
                };
                subtree(leaves, at % CHUNK_LEAVES, end - at)
            });
            at = end;
        }
        Ok(roots.root())
    }
}

impl Chunk {
    /// Reads the chunk's leaves again and checks that they have the chunk's root.
    fn read<M: Medium>(&self, view: &View<'_, M>) -> Result<Vec<Hash>, Error> {
        if !view.is_boundary(self.offset)? {
            return Err(view.changed(self.offset));
        }
        let mut leaves = Vec::new();
        let mut tree = Tree::new();
        let mut lines = view.lines(self.offset, view.end());
        while tree.size() < self.tree.size()
            && let Some(line) = lines.next()?
        {
            let (_, leaf) = view.read_event(line.offset, line.bytes)?;
            leaves.push(leaf);
            tree.push(leaf);
        }
        if tree.size() == self.tree.size() && tree.root() == self.tree.root() {
            Ok(leaves)
        } else {
            Err(view.changed(self.offset))
        }
    }
}

/// The index of an item that is in memory.
#[expect(clippy::expect_used, reason = "as many as that are in memory")]
fn place(at: u64) -> usize {
    usize::try_from(at).expect("an index in memory")
}

fn subtree(leaves: &[Hash], start: u64, length: u64) -> Hash {
    let mut tree = Tree::new();
    leaves.iter().skip(place(start)).take(place(length)).for_each(|leaf| tree.push(*leaf));
    tree.root()
}
