//! Prices and volumes, read exactly.

use thiserror::Error;

/// Digits after the point: what exchanges print.
const FRACTION_DIGITS_MAX: usize = 8;
/// Digits before the point. Together with the fraction, far from the end of a `u128`.
const WHOLE_DIGITS_MAX: usize = 12;

/// A price or a volume: a whole number of 10⁻⁸, never rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u128);

/// Why a text is no [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Something else than digits and one point between them.
    #[error("expected a decimal such as 0.00005330, without sign, exponent or space")]
    NotDecimal,
    /// Reading it would mean rounding it.
    #[error("expected at most {FRACTION_DIGITS_MAX} digits after the point")]
    TooPrecise,
    /// Larger than any price or volume.
    #[error("expected at most {WHOLE_DIGITS_MAX} digits before the point")]
    TooLarge,
}

impl Amount {
    /// Reads digits, and perhaps a point and more digits.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return Err(AmountError::NotDecimal),
            None => (text, ""),
        };
        if !is_digits(whole) {
            return Err(AmountError::NotDecimal);
        }
        if fraction.len() > FRACTION_DIGITS_MAX {
            return Err(AmountError::TooPrecise);
        }
        if whole.len() > WHOLE_DIGITS_MAX {
            return Err(AmountError::TooLarge);
        }
        let zeros = FRACTION_DIGITS_MAX - fraction.len();
        let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', zeros));
        Ok(Self(digits.fold(0, |number, digit| number * 10 + u128::from(digit - b'0'))))
    }

    /// The amount as a number of 10⁻⁸.
    pub fn units(self) -> u128 {
        self.0
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        use AmountError::{NotDecimal, TooLarge, TooPrecise};
        for (text, expected) in [
            ("0", Ok(0)),
            ("1", Ok(100_000_000)),
            ("0.00005330", Ok(5330)),
            ("007.5", Ok(750_000_000)),
            ("999999999999.99999999", Ok(99_999_999_999_999_999_999)),
            ("1000000000000", Err(TooLarge)),
            ("0.000000001", Err(TooPrecise)),
            ("", Err(NotDecimal)),
            (".5", Err(NotDecimal)),
            ("5.", Err(NotDecimal)),
            ("1.2.3", Err(NotDecimal)),
            ("-1", Err(NotDecimal)),
            ("+1", Err(NotDecimal)),
            ("1e-5", Err(NotDecimal)),
            (" 1", Err(NotDecimal)),
            ("1,5", Err(NotDecimal)),
            ("NaN", Err(NotDecimal)),
            ("١", Err(NotDecimal)),
        ] {
            assert_eq!(Amount::parse(text).map(Amount::units), expected, "{text:?}");
        }
    }
}
