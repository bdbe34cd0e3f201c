//! Sizes and indexes: decimal numbers with one spelling.

/// Parses an ASCII decimal without sign and leading zeros; none for another text, and for 2^64 and more.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let is_canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_canonical)
}
