//! The plain part of a JSON string: everything up to its closing quote, a backslash or a control character.

/// The number of bytes before the first `"`, `\` or byte below U+0020; all if there is none.
///
/// Most of a line is in strings, so eight bytes are looked at together.
#[inline]
pub(crate) fn plain_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return index * 8 + ends.trailing_zeros() as usize / 8;
        }
    }
    let is_end = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    text.len() - rest.len() + rest.iter().position(is_end).unwrap_or(rest.len())
}

/// The high bit of each byte that ends a plain text. Those above the first one may be set wrongly: the subtraction
/// borrows from them.
#[inline(always)]
fn ends(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let quotes = below(word ^ (EACH * u64::from(b'"')), 1);
    let backslashes = below(word ^ (EACH * u64::from(b'\\')), 1);
    (quotes | backslashes | below(word, 0x20)) & (EACH << 7)
}
