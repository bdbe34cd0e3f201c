//! The digests of a state: its text is written on one thread and hashed on another.

use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

use dreichor_core::State;
use dreichor_core::canonical::Sink;
use dreichor_core::state::Digests;
use dreichor_core::tree::{Hash, Hasher};

/// How much text is handed over at once, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// How many pieces are on their way.
const PIECES_MAX: usize = 4;

/// The digests by which two machines compare their states.
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

/// Of Decision Memory, whose text is longer than all others: one decision a line.
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
                // A writer that has ended needs no buffer.
                let _ = done.try_send(piece);
            }
            hasher.finish()
        });
        write_in_pieces(state, |piece| {
            // It takes pieces as long as there are any; a panic of it is told by the join below.
            let _ = pieces.send(piece);
            used.try_recv().unwrap_or_default()
        });
        drop(pieces);
        hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Writes Decision Memory and hands its text over by `hand_over`, which returns a buffer to go on with.
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
