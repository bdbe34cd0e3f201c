//! Made-up candles for a first run: five markets, waves of attention that pass from one to the next, and crashes.
//!
//! The numbers come from a fixed seed by integer arithmetic, so every machine makes the same files, and the files for
//! fewer steps are the beginning of those for more.

use std::fmt::Write;

use crate::market::Market;

/// Names, usual prices and usual volumes, both in 10⁻⁸.
const MARKETS: [(&str, u64, u64); 5] = [
    ("ALPHA", 7_500_000, 4_000 * ONE),
    ("BRAVO", 240_000, 90_000 * ONE),
    ("CHARLIE", 5_100, 2_500_000 * ONE),
    ("DELTA", 1_650_000, 11_000 * ONE),
    ("ECHO", 31_000, 400_000 * ONE),
];
const SEED: u64 = 2026;
const ONE: u64 = 100_000_000;
const FIRST_OPEN_TIME_MILLIS: u64 = 1_700_000_100_000;
const STEP_MILLIS: u64 = 300_000;
/// At the end of every 110 steps, all prices fall for 8 steps.
const CRASH_PERIOD_STEPS: u64 = 110;
const CRASH_STEPS: u64 = 8;

/// The candle files over `steps` steps of five minutes: file name, CSV text. A base window of the slowest instance is
/// 120 steps, so with fewer than 200 there is little to see.
pub fn files(steps: u32) -> Vec<(String, String)> {
    let mut random = Random(SEED);
    let mut prices = MARKETS.map(|(_, price, _)| price);
    let mut csv = MARKETS.map(|_| "open_time,open,high,low,close,volume\n".to_owned());
    let (mut favoured, mut wave_ends, mut lift_percent) = (0, 0, 100);
    for step in 0..u64::from(steps) {
        if step >= wave_ends {
            favoured = (favoured + 1 + random.below(4)) % 5;
            wave_ends = step + [2, 4, 8, 16][random.index(4)];
            lift_percent = 350 + random.below(350);
        }
        let is_crash = step % CRASH_PERIOD_STEPS >= CRASH_PERIOD_STEPS - CRASH_STEPS;
        for (place, (_, usual_price, usual_volume)) in MARKETS.into_iter().enumerate() {
            let open = prices[place];
            let noisy = open * (997 + random.below(7)) / 1000;
            let close = if is_crash { open * 993 / 1000 } else { (noisy * 31 + usual_price) / 32 };
            prices[place] = close;
            let lift = if favoured == place as u64 { lift_percent } else { 100 };
            let volume = usual_volume / 10_000 * lift * (55 + random.below(91));
            // Some rows are missing, as in real feeds.
            if random.below(200) > 0 {
                let time = FIRST_OPEN_TIME_MILLIS + step * STEP_MILLIS;
                let (high, low) = (open.max(close), open.min(close));
                let [open, high, low, close, volume] = [open, high, low, close, volume].map(decimal);
                // Writing to a String cannot fail.
                let _ = writeln!(csv[place], "{time},{open},{high},{low},{close},{volume}");
            }
        }
    }
    let name = |name: &str| format!("{name}-5m.csv");
    MARKETS.into_iter().zip(csv).map(|((market, ..), csv)| (name(market), csv)).collect()
}

/// The markets of [`files`].
pub fn markets(steps: u32) -> Vec<Market> {
    let read = |(name, csv): (String, String)| Market::read(&name, csv.as_bytes());
    match files(steps).into_iter().map(read).collect() {
        Ok(markets) => markets,
        Err(error) => unreachable!("made-up candles are candles: {error}"),
    }
}

fn decimal(units: u64) -> String {
    format!("{}.{:08}", units / ONE, units % ONE)
}

/// Marsaglia's xorshift generator: 64 bits, shifts 13, 7, 17.
struct Random(u64);

impl Random {
    /// A number below `bound`. Slightly biased, which does no harm here.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    /// An index below `bound`.
    fn index(&mut self, bound: u8) -> usize {
        usize::try_from(self.below(u64::from(bound))).unwrap_or_default()
    }
}
