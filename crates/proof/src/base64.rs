//! Base64 with one spelling: RFC 4648 section 4, with padding.

use alloc::string::String;
use alloc::vec::Vec;

use data_encoding::BASE64;

/// Encodes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Decodes a text; none for one that [`encode`] does not write.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    // The library reads a text with padding in the middle as if it were two.
    let is_one = !text.trim_end_matches('=').contains('=');
    BASE64.decode(text.as_bytes()).ok().filter(|_| is_one)
}
