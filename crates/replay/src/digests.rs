//! The digests of a state: its text is written on one thread and hashed on another.

use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

use dreichor_core::State;
use dreichor_core::canonical::Sink;
use dreichor_core::state::Digests;
use dreichor_core::tree::{Hash, Hasher};

/// The size of one piece of text, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// The most pieces that wait to be hashed.
const PIECES_MAX: usize = 4;

/// Computes the three digests of a state, by which two machines compare their states.
pub fn digests(state: &State) -> Digests {
    let digest = |write: &dyn Fn(&mut Hasher)| {
        let mut hasher = Hasher::plain();
        write(&mut hasher);
        hasher.finish()
    };
    Digests {
        memory: memory_digest(state),
        ledger: digest(&|hasher| state.write_ledger(hasher)),
        lifecycles: digest(&|hasher| state.write_lifecycles(hasher)),
    }
}

/// Computes the digest of Decision Memory. Its text, one decision a line, is by far the longest of the three.
fn memory_digest(state: &State) -> Hash {
    let mut hasher = Hasher::plain();
    if thread::available_parallelism().map_or(1, NonZero::get) == 1 {
        write_in_pieces(state, |piece| {
            hasher.put(&piece);
            piece
        });
        return hasher.finish();
    }
    thread::scope(|scope| {
        let (pieces, to_hash) = sync_channel::<Vec<u8>>(PIECES_MAX);
        let (done, used) = sync_channel(PIECES_MAX);
        let hashing = scope.spawn(move || {
            for piece in to_hash {
                hasher.put(&piece);
                // If the writer has ended, the buffer is not needed.
                let _ = done.try_send(piece);
            }
            hasher.finish()
        });
        write_in_pieces(state, |piece| {
            // The hashing thread takes every piece. If it panics, the join below returns the panic.
            let _ = pieces.send(piece);
            used.try_recv().unwrap_or_default()
        });
        drop(pieces);
        hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Writes Decision Memory in pieces. `hand_over` takes each piece and returns a buffer for the next one.
fn write_in_pieces(state: &State, mut hand_over: impl FnMut(Vec<u8>) -> Vec<u8>) {
    let mut piece = Vec::with_capacity(PIECE_BYTES + 1_024);
    for decision in state.memory().decisions() {
        decision.write(&mut piece);
        piece.put(b"\n");
        if piece.len() >= PIECE_BYTES {
            piece = hand_over(piece);
            piece.clear();
        }
    }
    hand_over(piece);
}
