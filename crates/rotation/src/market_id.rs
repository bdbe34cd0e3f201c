//! The name of a market, as a tick carries it.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

const BYTES_MAX: usize = 64;

/// 1 to 64 of `[A-Za-z0-9._:/-]`: no character that JSON would escape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarketId(Arc<str>);

/// A text that is no [`MarketId`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("market id {found:?}: expected 1 to {BYTES_MAX} of A-Z a-z 0-9 . _ : / -")]
pub struct MarketIdError {
    /// The text.
    pub found: String,
}

impl MarketId {
    /// Checks the form.
    pub fn new(text: &str) -> Result<Self, MarketIdError> {
        let in_form = (1..=BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        if in_form { Ok(Self(text.into())) } else { Err(MarketIdError { found: text.to_owned() }) }
    }

    /// The market of a candle file: the file's name without its extension, up to the first `-`.
    /// `ETHBTC-5m.csv` holds the candles of `ETHBTC`.
    pub fn from_file_name(file_name: &str) -> Result<Self, MarketIdError> {
        let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
        Self::new(stem.split_once('-').map_or(stem, |(market, _)| market))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MarketId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_gives_its_market() {
        let longest = "M".repeat(BYTES_MAX);
        for (file_name, expected) in [
            ("ETHBTC-5m.csv", Some("ETHBTC")),
            ("ETHBTC.csv", Some("ETHBTC")),
            ("ETHBTC", Some("ETHBTC")),
            ("eth_btc-2018-01-5m.csv", Some("eth_btc")),
            ("BRK.B-5m.csv", Some("BRK.B")),
            (longest.as_str(), Some(longest.as_str())),
            (&format!("{longest}M.csv"), None),
            ("-5m.csv", None),
            (".csv", None),
            ("", None),
            ("ETH BTC-5m.csv", None),
            ("ÆTH-5m.csv", None),
            ("ETH\"-5m.csv", None),
        ] {
            let found = MarketId::from_file_name(file_name).ok();
            assert_eq!(found.as_ref().map(MarketId::as_str), expected, "{file_name:?}");
        }
    }
}
