//! A UUID has one spelling: of every byte at every place, only the lower-case hexadecimal digits and the hyphens are read.

use dreichor_core::value::{Form, Uuid};

/// Regression: eight digits were read at once, and the letters from g to o passed as digits above 15.
#[test]
fn every_byte_at_every_place() {
    let sound = *b"0123abcd-4567-89ef-fedc-ba9876543210";
    for place in 0..sound.len() {
        for byte in 0..=u8::MAX {
            let mut text = sound;
            text[place] = byte;
            let is_hyphen = sound[place] == b'-';
            let is_digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let read = Uuid::parse(&text);
            assert_eq!(read.is_some(), if is_hyphen { byte == b'-' } else { is_digit }, "{byte} at {place}");
            if let Some(read) = read {
                assert_eq!(read.to_string().as_bytes(), text, "{byte} at {place}");
            }
        }
    }
}
