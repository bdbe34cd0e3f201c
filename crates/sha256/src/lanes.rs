//! Four messages at once by the SHA instructions of x86-64.
//!
//! `sha256rnds2` has a latency of several cycles, and each of its rounds waits for the one before. Four messages
//! side by side fill those cycles. Each lane holds one message and takes the next one when it is done, so messages of
//! different lengths need no sorting.
//!
//! This is the only module of the workspace with `unsafe`: a function that is compiled for instructions which not
//! every processor has may be called only where they are known to be there. All else here is safe code.

use alloc::vec::Vec;
use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};

cpufeatures::new!(instructions, "sha", "sse2", "ssse3", "sse4.1");

const BLOCK_BYTES: usize = 64;
const LANES: usize = 4;

/// The initial hash value, FIPS 180-4 section 5.3.3.
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The constants of the rounds, FIPS 180-4 section 4.2.2.
#[rustfmt::skip]
const ROUNDS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5], [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3], [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc], [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7], [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13], [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3], [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5], [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// True if this processor has the instructions.
pub(crate) fn are_available() -> bool {
    instructions::get()
}

/// Appends the hash of `prefix ‖ body` for each of `bodies`, in order. The instructions must be available.
pub(crate) fn hash_each<'b>(
    prefix: &[u8],
    bodies: impl ExactSizeIterator<Item = &'b [u8]>,
    hashes: &mut Vec<[u8; 32]>,
) {
    assert!(are_available() && prefix.len() <= BLOCK_BYTES);
    #[expect(
        unsafe_code,
        reason = "the instructions that the function is compiled for are there: asserted above"
    )]
    // SAFETY: a function with `target_feature` is sound to call where the processor has those features.
    unsafe {
        hash_in_lanes(prefix, bodies, hashes);
    }
}

/// A message on its way through a lane: its padded blocks, one after the other.
struct Message<'b> {
    body: &'b [u8],
    /// How many bytes of prefix and body, not yet of the padding, are in the blocks before the next one.
    taken: usize,
    /// The block that is not a part of the body alone: the first one, and those with the padding.
    staged: [u8; BLOCK_BYTES],
    is_marked: bool,
    is_last: bool,
    /// Where the hash goes.
    place: usize,
}

impl<'b> Message<'b> {
    const fn new(body: &'b [u8], place: usize) -> Self {
        Self { body, taken: 0, staged: [0; BLOCK_BYTES], is_marked: false, is_last: false, place }
    }

    /// A lane's filler once there are no more messages.
    const fn none() -> Self {
        Self::new(&[], usize::MAX)
    }

    /// The next block of the padded message (FIPS 180-4 section 5.1.1).
    #[inline]
    fn next_block(&mut self, prefix: &[u8]) -> &[u8; BLOCK_BYTES] {
        let start = self.taken;
        if start >= prefix.len()
            && let Some(block) = self.body.get(start - prefix.len()..).and_then(<[u8]>::first_chunk)
        {
            self.taken += BLOCK_BYTES;
            return block;
        }
        self.stage(prefix)
    }

    fn stage(&mut self, prefix: &[u8]) -> &[u8; BLOCK_BYTES] {
        self.staged = [0; BLOCK_BYTES];
        let mut filled = 0;
        if self.taken == 0 {
            self.staged[..prefix.len()].copy_from_slice(prefix);
            filled = prefix.len();
            self.taken = filled;
        }
        let rest = &self.body[self.taken - prefix.len()..];
        let count = rest.len().min(BLOCK_BYTES - filled);
        self.staged[filled..filled + count].copy_from_slice(&rest[..count]);
        self.taken += count;
        filled += count;
        if filled < BLOCK_BYTES && !self.is_marked {
            self.staged[filled] = 0x80;
            filled += 1;
            self.is_marked = true;
        }
        if self.is_marked && filled <= BLOCK_BYTES - 8 {
            let bits = (prefix.len() + self.body.len()) as u64 * 8;
            self.staged[BLOCK_BYTES - 8..].copy_from_slice(&bits.to_be_bytes());
            self.is_last = true;
        }
        &self.staged
    }
}

/// A hash value as the instructions take it: words A, B, E, F and C, D, G, H.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn hash_in_lanes<'b>(
    prefix: &[u8],
    bodies: impl ExactSizeIterator<Item = &'b [u8]>,
    hashes: &mut Vec<[u8; 32]>,
) {
    let first = hashes.len();
    hashes.resize(first + bodies.len(), [0; 32]);
    let mut messages = bodies.zip(first..).map(|(body, place)| Message::new(body, place));
    let mut lanes = [const { Message::none() }; LANES];
    let mut states = [initial(); LANES];
    let mut busy = 0;
    for lane in &mut lanes {
        if let Some(message) = messages.next() {
            *lane = message;
            busy += 1;
        }
    }
    while busy > 0 {
        let blocks = lanes.each_mut().map(|lane| lane.next_block(prefix));
        compress(&mut states, blocks);
        for (lane, state) in lanes.iter_mut().zip(&mut states) {
            if !lane.is_last {
                continue;
            }
            if let Some(hash) = hashes.get_mut(lane.place) {
                *hash = digest(*state);
                busy -= 1;
            }
            *state = initial();
            *lane = match messages.next() {
                Some(message) => {
                    busy += 1;
                    message
                }
                None => Message::none(),
            };
        }
    }
}

#[target_feature(enable = "sse2")]
fn vector([a, b, c, d]: [u32; 4]) -> __m128i {
    _mm_set_epi32(d.cast_signed(), c.cast_signed(), b.cast_signed(), a.cast_signed())
}

#[expect(clippy::many_single_char_names, reason = "the standard's names of the words")]
#[target_feature(enable = "sse2")]
fn initial() -> State {
    let [a, b, c, d, e, f, g, h] = INITIAL;
    State { abef: vector([f, e, b, a]), cdgh: vector([h, g, d, c]) }
}

/// The hash in bytes, FIPS 180-4 section 6.2.2.
#[target_feature(enable = "sse2,sse4.1")]
fn digest(State { abef, cdgh }: State) -> [u8; 32] {
    let words = [
        _mm_extract_epi32::<3>(abef),
        _mm_extract_epi32::<2>(abef),
        _mm_extract_epi32::<3>(cdgh),
        _mm_extract_epi32::<2>(cdgh),
        _mm_extract_epi32::<1>(abef),
        _mm_extract_epi32::<0>(abef),
        _mm_extract_epi32::<1>(cdgh),
        _mm_extract_epi32::<0>(cdgh),
    ];
    let mut bytes = [0; 32];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// The sixteen words of a block, four a vector, first word lowest.
#[target_feature(enable = "sse2,ssse3")]
fn load(block: &[u8; BLOCK_BYTES]) -> [__m128i; 4] {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (halves, _) = block.as_chunks::<8>();
    let mut words = [_mm_setzero_si128(); 4];
    for (vector, pair) in words.iter_mut().zip(halves.chunks_exact(2)) {
        let raw = _mm_set_epi64x(i64::from_le_bytes(pair[1]), i64::from_le_bytes(pair[0]));
        *vector = _mm_shuffle_epi8(raw, big_endian);
    }
    words
}

/// Compresses one block of each lane, FIPS 180-4 section 6.2.2: four rounds of each lane in turn.
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn compress(states: &mut [State; LANES], blocks: [&[u8; BLOCK_BYTES]; LANES]) {
    let before = *states;
    let mut words = [[_mm_setzero_si128(); 4]; LANES];
    for (words, block) in words.iter_mut().zip(blocks) {
        *words = load(block);
    }
    macro_rules! rounds {
        ($($group:literal)*) => { $(
            for (state, words) in states.iter_mut().zip(&mut words) {
                four_rounds::<$group>(state, words);
            }
        )* };
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    for (state, before) in states.iter_mut().zip(before) {
        state.abef = _mm_add_epi32(state.abef, before.abef);
        state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
    }
}

/// Rounds 4 × `GROUP` and the three after it; of `words`, those of the last sixteen rounds, and what of the next
/// four words can be computed already.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn four_rounds<const GROUP: usize>(state: &mut State, words: &mut [__m128i; 4]) {
    let [now, next, before] = [GROUP % 4, (GROUP + 1) % 4, (GROUP + 3) % 4];
    let sum = _mm_add_epi32(words[now], vector(ROUNDS[GROUP]));
    state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, sum);
    if GROUP >= 3 && GROUP <= 14 {
        let middle = _mm_alignr_epi8::<4>(words[now], words[before]);
        words[next] = _mm_sha256msg2_epu32(_mm_add_epi32(words[next], middle), words[now]);
    }
    state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32::<0x0e>(sum));
    if GROUP >= 1 && GROUP <= 12 {
        words[before] = _mm_sha256msg1_epu32(words[before], words[now]);
    }
}
