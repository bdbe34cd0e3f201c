//! The sink of canonical bytes: a buffer or a hash.

use alloc::vec::Vec;

use crate::plain::plain_length;
use crate::value::INTEGER_MAX;

/// A sink of bytes. It cannot fail: the caller writes a buffer to disk afterwards.
pub trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Appends `value` in decimal digits.
#[inline]
pub fn write_integer(sink: &mut impl Sink, value: u64) {
    // `until` alone may exceed 2^53 − 1, by at most a pool's longest time.
    debug_assert!(value <= INTEGER_MAX + 1_000);
    sink.put(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `text` as a JSON string: `"`, `\` and U+0000…U+001F escaped, nothing else.
pub fn write_string(sink: &mut impl Sink, text: &str) {
    sink.put(b"\"");
    let mut rest = text.as_bytes();
    loop {
        let (plain, end) = rest.split_at(plain_length(rest));
        sink.put(plain);
        let Some((&escaped, after)) = end.split_first() else { break };
        write_escape(sink, escaped);
        rest = after;
    }
    sink.put(b"\"");
}

fn write_escape(sink: &mut impl Sink, byte: u8) {
    match short_escape(byte) {
        Some(letter) => sink.put(&[b'\\', letter]),
        None => {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            sink.put(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0x0f)]);
        }
    }
}

/// The letter of the two-byte escape, for the bytes that have one.
pub(super) fn short_escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' => Some(byte),
        0x08 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0x0c => Some(b'f'),
        b'\r' => Some(b'r'),
        _ => None,
    }
}
