//! Where canonical bytes go: a buffer, or straight into a hash.

use alloc::vec::Vec;

use crate::value::INTEGER_MAX;

/// Takes bytes. Cannot fail: whoever writes to the world does it later, in one piece.
pub trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Appends `value` in decimal digits.
pub fn write_integer(sink: &mut impl Sink, value: u64) {
    // `until` alone may pass 2^53 − 1, by at most a pool's longest time.
    debug_assert!(value <= INTEGER_MAX + 1_000);
    let mut digits = [0_u8; 20];
    let mut rest = value;
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    sink.put(&digits[start..]);
}

/// Appends `text` as a JSON string: `"`, `\` and U+0000…U+001F escaped, nothing else.
pub fn write_string(sink: &mut impl Sink, text: &str) {
    sink.put(b"\"");
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        sink.put(&rest[..at]);
        write_escape(sink, rest[at]);
        rest = &rest[at + 1..];
    }
    sink.put(rest);
    sink.put(b"\"");
}

fn write_escape(sink: &mut impl Sink, byte: u8) {
    match short_escape(byte) {
        Some(letter) => sink.put(&[b'\\', letter]),
        None => {
            sink.put(b"\\u00");
            sink.put(&crate::value::hex_digits(byte));
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
