//! The content coding of answers: gzip where the client accepts it and the answer is not small.

use std::io::{self, Write as _};

use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// An answer that is no longer than this, in bytes, is not compressed.
const SMALL_BYTES: usize = 1 << 10;

/// The content coding of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// The bytes as they are.
    Identity,
    /// RFC 1952.
    Gzip,
}

impl Encoding {
    /// The coding that a request asks for (RFC 9110 section 12.5.3): what is named outweighs `*`, and the weight 0 refuses.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let mut is_any_accepted = false;
        for coding in values.flat_map(|value| value.split(',')) {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = parameters.trim().strip_prefix("q=").unwrap_or("1");
            let is_accepted = weight.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
            match name.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => return if is_accepted { Self::Gzip } else { Self::Identity },
                "*" => is_any_accepted = is_accepted,
                _ => {}
            }
        }
        if is_any_accepted { Self::Gzip } else { Self::Identity }
    }

    /// How many bytes of memory an answer of so many takes while it is made: a compressed one is made beside the other.
    pub(crate) fn memory(self, bytes: u64) -> u64 {
        match self {
            Self::Identity => bytes,
            Self::Gzip => bytes.saturating_mul(2),
        }
    }

    /// The body in this coding; none: it stays as it is, since it is small, or would not become smaller.
    pub(crate) fn encode(self, body: &[u8]) -> io::Result<Option<Vec<u8>>> {
        if self == Self::Identity || body.len() <= SMALL_BYTES {
            return Ok(None);
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(body)?;
        let encoded = gzip.finish()?;
        Ok(Some(encoded).filter(|encoded| encoded.len() < body.len()))
    }
}
