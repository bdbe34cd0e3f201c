//! One market, as one instance measures it.

use crate::pool::Pool;
use crate::window::RollingSum;

/// The base window is this many times as long as the recent one.
const BASE_LENGTHS: u8 = 12;
/// Attention of a market that is traded as it usually is.
const USUAL: u128 = 1_000_000;

/// How much a market is traded, in millionths of what it usually is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attention(pub(crate) u128);

impl Attention {
    /// Whether this is at least `percent` per cent of `other`.
    pub(crate) fn is_at_least(self, percent: u128, other: Self) -> bool {
        self.0 * 100 >= percent * other.0
    }
}

/// The windows over one market's rows.
#[derive(Debug, Clone)]
pub(crate) struct Gauge {
    recent_steps: u128,
    base_steps: u128,
    recent: RollingSum,
    base: RollingSum,
    /// One for each busy step of the recent window.
    busy: RollingSum,
}

impl Gauge {
    pub(crate) fn new(pool: Pool) -> Self {
        let (recent, base) = (pool.hold_steps(), BASE_LENGTHS * pool.hold_steps());
        Self {
            recent_steps: recent.into(),
            base_steps: base.into(),
            recent: RollingSum::new(recent.into()),
            base: RollingSum::new(base.into()),
            busy: RollingSum::new(recent.into()),
        }
    }

    /// Goes one step further; `None` is a step without a row.
    pub(crate) fn push(&mut self, traded_value: Option<u128>) {
        self.recent.push(traded_value);
        self.base.push(traded_value);
        let is_busy = traded_value.is_some_and(|value| value * self.base.rows() >= self.base.sum());
        self.busy.push(Some(u128::from(is_busy)));
    }

    /// The attention, if the market is measured now.
    pub(crate) fn attention(&self) -> Option<Attention> {
        let rows_suffice = self.base.rows() * 4 >= self.base_steps * 3;
        // A row at this step stands in both windows: neither divisor below is zero.
        (self.recent.has_latest() && rows_suffice && self.base.sum() > 0).then(|| {
            let share = self.recent.sum() * self.base.rows() * USUAL;
            Attention(share / (self.base.sum() * self.recent.rows()))
        })
    }

    /// Whether there are busy steps enough.
    pub(crate) fn is_stable(&self, required_percent: u8) -> bool {
        self.busy.sum() * 100 >= u128::from(required_percent) * self.recent_steps
    }

    /// Whether there are rows enough to trust the measurement.
    pub(crate) fn is_complete(&self) -> bool {
        self.recent.rows() == self.recent_steps && self.base.rows() * 100 >= self.base_steps * 95
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gauge of the balanced pool (5 recent steps, 60 base steps) after these rows.
    fn gauge(rows: impl IntoIterator<Item = Option<u128>>) -> Gauge {
        let mut gauge = Gauge::new(Pool::Balanced);
        rows.into_iter().for_each(|row| gauge.push(row));
        gauge
    }

    fn flat(steps: usize) -> impl Iterator<Item = Option<u128>> {
        std::iter::repeat_n(Some(100), steps)
    }

    #[test]
    fn a_percentage_is_reached_exactly() {
        let usual = Attention(USUAL);
        assert!(Attention(1_500_000).is_at_least(150, usual));
        assert!(!Attention(1_499_999).is_at_least(150, usual));
    }

    #[test]
    fn attention_is_trade_per_row_against_the_base() {
        assert_eq!(gauge(flat(60)).attention(), Some(Attention(USUAL)));
        // Recent (4 × 100 + 700) / 5 = 220, base (59 × 100 + 700) / 60 = 110.
        assert_eq!(gauge(flat(59).chain([Some(700)])).attention(), Some(Attention(2 * USUAL)));
        // A gap counts neither way: (3 × 100 + 700) / 4 = 250, (58 × 100 + 700) / 59 = 110.16…, rounded
        // down.
        let gap = gauge(flat(58).chain([None, Some(700)]));
        assert_eq!(gap.attention(), Some(Attention(2_269_230)));
    }

    #[test]
    fn a_market_is_measured_with_rows_enough_and_one_now() {
        let missing = |steps| std::iter::repeat_n(None, steps);
        assert!(gauge(missing(15).chain(flat(45))).attention().is_some());
        assert!(gauge(missing(16).chain(flat(44))).attention().is_none());
        assert!(gauge(flat(59).chain([None])).attention().is_none());
        assert!(gauge(flat(60).map(|_| Some(0))).attention().is_none());
    }

    #[test]
    fn completeness_asks_for_all_recent_rows_and_most_of_the_base() {
        let missing = |steps| std::iter::repeat_n(None, steps);
        assert!(gauge(missing(3).chain(flat(57))).is_complete());
        assert!(!gauge(missing(4).chain(flat(56))).is_complete());
        assert!(!gauge(flat(55).chain([None]).chain(flat(4))).is_complete());
        assert!(gauge(flat(54).chain([None]).chain(flat(5))).is_complete());
    }

    #[test]
    fn stability_counts_busy_steps() {
        // 80 %: four of five busy.
        let quiet = |steps| std::iter::repeat_n(Some(99), steps);
        assert!(gauge(flat(59).chain(quiet(1))).is_stable(80));
        assert!(!gauge(flat(59).chain(quiet(1))).is_stable(81));
        assert!(!gauge(flat(58).chain(quiet(2))).is_stable(75));
        assert!(!gauge(flat(59).chain([None])).is_stable(100));
    }
}
