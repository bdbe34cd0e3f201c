//! One market and its candles, as a CSV file holds them.

use std::collections::BTreeMap;
use std::io::Read;

use rust_decimal::Decimal;
use serde::Deserialize;
use thiserror::Error;

/// A market with its rows by time.
#[derive(Debug, Clone)]
pub struct Market {
    pub(crate) id: String,
    pub(crate) rows: BTreeMap<u64, Row>,
}

/// What the strategy needs of a candle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) close: Decimal,
    /// Close × volume.
    pub(crate) value: Decimal,
}

/// The columns that are read; further ones are ignored.
#[derive(Deserialize)]
struct Columns {
    /// Milliseconds since the Unix epoch.
    open_time: u64,
    #[serde(with = "rust_decimal::serde::str")]
    close: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    volume: Decimal,
}

/// Why a candle file cannot be used.
#[derive(Debug, Error)]
pub enum CandleError {
    /// The file's name gives no market id: 1 to 64 of `A-Za-z0-9._:/-`, up to the first hyphen.
    #[error("{file}: the name begins with no market, as ETHBTC-5m.csv does")]
    Name {
        /// The file.
        file: String,
    },
    /// A line is not a candle.
    #[error("{file}:{line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// Larger traded values are taken for a mistake. Sums of them stay within what a decimal holds.
const VALUE_MAX: Decimal = Decimal::from_parts(0, 1_000_000_000, 0, false, 0);

impl Market {
    /// Reads the candles of `file`, whose name begins with the market: `ETHBTC-5m.csv` holds ETHBTC.
    ///
    /// # Errors
    ///
    /// The name gives no market, or a line is not a candle.
    pub fn read(file: &str, csv: impl Read) -> Result<Self, CandleError> {
        let name = file.rsplit('/').next().unwrap_or(file);
        let id = name.split(['-', '.']).next().unwrap_or(name);
        if id.is_empty()
            || id.len() > 64
            || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(CandleError::Name { file: file.to_owned() });
        }
        let fault = |line, problem: String| CandleError::Line { file: file.to_owned(), line, problem };
        let of_csv =
            |error: csv::Error| fault(error.position().map_or(1, csv::Position::line), error.to_string());
        let mut reader = csv::Reader::from_reader(csv);
        let header = reader.headers().map_err(of_csv)?.clone();
        let mut rows = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(of_csv)?;
            let line = record.position().map_or(1, csv::Position::line);
            let Columns { open_time, close, volume } = record.deserialize(Some(&header)).map_err(of_csv)?;
            let value = close.checked_mul(volume).filter(|value| *value <= VALUE_MAX);
            let Some(value) = value.filter(|_| close > Decimal::ZERO && volume >= Decimal::ZERO) else {
                return Err(fault(line, format!("close {close} or volume {volume} is out of range")));
            };
            if rows.insert(open_time, Row { close, value }).is_some() {
                return Err(fault(line, format!("open_time {open_time} is there twice")));
            }
        }
        Ok(Self { id: id.to_owned(), rows })
    }
}
