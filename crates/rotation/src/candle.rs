//! Candles, and the CSV files that hold those of one market.
//!
//! A file is lines of `open_time,open,high,low,close,volume`, and perhaps further columns, which are
//! not looked at. A first line that does not begin with a digit is a header, and must name these six.
//! Lines end with LF or CR LF; there is no quoting, and no blank line. `open_time` is a whole number
//! (commonly milliseconds since the Unix epoch, but only its order matters) and strictly increases;
//! rows may be missing.

use std::fmt;

use thiserror::Error;

use crate::amount::{Amount, AmountError};
use crate::market_id::{MarketId, MarketIdError};

/// The largest traded value of a row, in units of 10⁻¹⁶: 10¹³ quote units.
///
/// The widest sum of a pool has 120 rows, and attention multiplies a tenth of it by 120 and a million:
/// that still fits a `u128`.
const TRADED_VALUE_MAX: u128 = 10_u128.pow(29);

/// How much of a wrong text a message shows.
const EXCERPT_CHARS_MAX: usize = 40;

/// What the strategy reads of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candle {
    open_time: u64,
    close: Amount,
    traded_value: u128,
}

impl Candle {
    /// When it began; only the order of these matters.
    pub fn open_time(&self) -> u64 {
        self.open_time
    }

    /// The last price, in quote units per base unit.
    pub fn close(&self) -> Amount {
        self.close
    }

    /// Close × volume, exactly, in 10⁻¹⁶ quote units.
    pub fn traded_value(&self) -> u128 {
        self.traded_value
    }

    fn parse(line: &str) -> Result<Self, LineFault> {
        if line.is_empty() {
            return Err(LineFault::Blank);
        }
        let mut fields = Fields { rest: Some(line) };
        let open_time = fields.open_time()?;
        let open = fields.amount(Column::Open)?;
        let high = fields.amount(Column::High)?;
        let low = fields.amount(Column::Low)?;
        let close = fields.amount(Column::Close)?;
        let volume = fields.amount(Column::Volume)?;
        // Open, high and low serve this check only: it tells a file whose columns stand in another
        // order.
        if low > open.min(close) || high < open.max(close) {
            return Err(LineFault::Contradiction);
        }
        let traded_value = (close.units())
            .checked_mul(volume.units())
            .filter(|value| *value <= TRADED_VALUE_MAX)
            .ok_or(LineFault::ValueTooLarge)?;
        Ok(Self { open_time, close, traded_value })
    }
}

/// The candles of one market, at least one, in strictly increasing order of `open_time`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    id: MarketId,
    source_name: String,
    candles: Vec<Candle>,
}

impl Market {
    /// Reads the CSV text of one market; `source_name` is what messages call it, commonly the file's
    /// path.
    pub fn parse(id: &str, source_name: &str, text: &str) -> Result<Self, CandleError> {
        let id = MarketId::new(id)?;
        let mut candles: Vec<Candle> = Vec::new();
        for (number, line) in (1_u64..).zip(text.lines()) {
            let at_line =
                |fault| CandleError::Line { source_name: source_name.to_owned(), line: number, fault };
            if number == 1 && is_header(line) {
                check_header(line).map_err(at_line)?;
                continue;
            }
            let candle = Candle::parse(line).map_err(at_line)?;
            if let Some(previous) = candles.last().map(Candle::open_time)
                && candle.open_time <= previous
            {
                return Err(at_line(LineFault::OutOfOrder { found: candle.open_time, previous }));
            }
            candles.push(candle);
        }
        if candles.is_empty() {
            return Err(CandleError::NoCandles { source_name: source_name.to_owned() });
        }
        Ok(Self { id, source_name: source_name.to_owned(), candles })
    }

    /// The market's name.
    pub fn id(&self) -> &MarketId {
        &self.id
    }

    /// Where its candles were read from.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// Its candles, oldest first.
    pub fn candles(&self) -> &[Candle] {
        &self.candles
    }

    pub(crate) fn into_candles(self) -> Vec<Candle> {
        self.candles
    }
}

/// Why a text holds no [`Market`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CandleError {
    /// The id is out of its form.
    #[error(transparent)]
    MarketId(#[from] MarketIdError),
    /// Nothing, or a header only.
    #[error("{source_name}: no candle: expected lines of open_time,open,high,low,close,volume")]
    NoCandles {
        /// The file.
        source_name: String,
    },
    /// One line is wrong.
    #[error("{source_name}, line {line}: {fault}")]
    Line {
        /// The file.
        source_name: String,
        /// The line, from 1, the header counted.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line of candles.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineFault {
    /// A header that names other columns, or names them in another order.
    #[error("{column} of the header is {found:?}: expected {name:?}", name = column.name())]
    Header {
        /// The first column that differs.
        column: Column,
        /// Its name in the header; empty if the header ends before it.
        found: String,
    },
    /// Nothing between two line ends.
    #[error("the line is blank: expected open_time,open,high,low,close,volume")]
    Blank,
    /// The line ends before this column.
    #[error("{column} is missing: expected open_time,open,high,low,close,volume")]
    Missing {
        /// The first column that is not there.
        column: Column,
    },
    /// `open_time` is no whole number.
    #[error("{} is {found:?}: expected a whole number up to {}", Column::OpenTime, u64::MAX)]
    OpenTime {
        /// What stands there.
        found: String,
    },
    /// A price or a volume that cannot be read.
    #[error("{column} is {found:?}: {reason}")]
    Amount {
        /// Where.
        column: Column,
        /// What stands there.
        found: String,
        /// Why it cannot be read.
        reason: AmountError,
    },
    /// The prices are at odds with each other.
    #[error("low, open, close and high contradict each other: expected low <= open, close <= high")]
    Contradiction,
    /// Close × volume is beyond what the sums can hold.
    #[error("close times volume is over 10000000000000: expected a smaller quote value")]
    ValueTooLarge,
    /// Time stands still or goes backwards.
    #[error("{} is {found}, after {previous}: expected strictly increasing times", Column::OpenTime)]
    OutOfOrder {
        /// The time of this line.
        found: u64,
        /// The time of the row before it.
        previous: u64,
    },
}

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// When the candle began.
    OpenTime,
    /// The first price.
    Open,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
    /// The last price.
    Close,
    /// How much was traded, in base units.
    Volume,
}

impl Column {
    const ALL: [Self; 6] = [Self::OpenTime, Self::Open, Self::High, Self::Low, Self::Close, Self::Volume];

    /// As a header names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenTime => "open_time",
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "column {} ({})", *self as u8 + 1, self.name())
    }
}

/// The fields of a line that are not yet read.
struct Fields<'line> {
    rest: Option<&'line str>,
}

impl<'line> Fields<'line> {
    fn next(&mut self, column: Column) -> Result<&'line str, LineFault> {
        let rest = self.rest.ok_or(LineFault::Missing { column })?;
        let (field, rest) = rest.split_once(',').map_or((rest, None), |(field, rest)| (field, Some(rest)));
        self.rest = rest;
        Ok(field)
    }

    fn open_time(&mut self) -> Result<u64, LineFault> {
        let field = self.next(Column::OpenTime)?;
        // `u64::from_str` alone would take "+1".
        let is_number = field.bytes().all(|byte| byte.is_ascii_digit());
        let number = field.parse().ok().filter(|_| is_number);
        number.ok_or_else(|| LineFault::OpenTime { found: excerpt(field) })
    }

    fn amount(&mut self, column: Column) -> Result<Amount, LineFault> {
        let field = self.next(column)?;
        Amount::parse(field).map_err(|reason| LineFault::Amount { column, found: excerpt(field), reason })
    }
}

fn is_header(line: &str) -> bool {
    line.starts_with(|first: char| !first.is_ascii_digit())
}

fn check_header(line: &str) -> Result<(), LineFault> {
    let mut names = line.split(',');
    for column in Column::ALL {
        let found = names.next().unwrap_or_default();
        if found != column.name() {
            return Err(LineFault::Header { column, found: excerpt(found) });
        }
    }
    Ok(())
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}
