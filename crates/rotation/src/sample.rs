//! Made-up candles for a first run: five markets, waves of attention that pass from one to the next,
//! and crashes.
//!
//! The numbers come from a fixed seed by integer arithmetic, so every machine makes the same files; and
//! the files for fewer steps are the beginning of those for more.

use std::fmt::Write;

/// Price and volume as they usually are, in 10⁻⁸, of each made-up market.
const MARKETS: [(&str, u64, u64); 5] = [
    ("ALPHA", 7_500_000, 4_000 * ONE),
    ("BRAVO", 240_000, 90_000 * ONE),
    ("CHARLIE", 5_100, 2_500_000 * ONE),
    ("DELTA", 1_650_000, 11_000 * ONE),
    ("ECHO", 31_000, 400_000 * ONE),
];
/// Of some dozens tried, the one with which 400 steps show most of what can happen. Not zero.
const SEED: u64 = 2026;
/// 1, in 10⁻⁸.
const ONE: u64 = 100_000_000;
const HEADER: &str = "open_time,open,high,low,close,volume\n";

const FIRST_OPEN_TIME_MILLIS: u64 = 1_700_000_100_000;
const STEP_MILLIS: u64 = 300_000;

/// Every so many steps all prices fall, for so many steps, by so much a step.
const CRASH_PERIOD_STEPS: u32 = 110;
const CRASH_STEPS: u32 = 8;
const CRASH_PERMILLE: u64 = 7;
/// One row in so many is missing.
const MISSING_ONE_IN: u64 = 200;

/// The candle files of five made-up markets over `steps` steps of five minutes: file name, CSV text.
///
/// With no steps the files hold their header only, which is no [`Market`](crate::Market); with one or
/// more, all hold candles. The largest pool measures a market after 90 steps: with fewer than 200 there
/// is little to see.
pub fn generate(steps: u32) -> Vec<(String, String)> {
    let mut random = Random(SEED);
    let mut wave = Wave::first(&mut random);
    let mut makers = MARKETS.map(|(name, price, volume)| Maker::new(name, price, volume));
    for step in 0..steps {
        if wave.is_over(step) {
            wave = wave.next(step, &mut random);
        }
        let falls = step % CRASH_PERIOD_STEPS >= CRASH_PERIOD_STEPS - CRASH_STEPS;
        for (place, maker) in (0_u64..).zip(&mut makers) {
            maker.make_row(step, falls, wave.lift_percent(place, step), &mut random);
        }
    }
    makers.into_iter().map(|maker| (format!("{}-5m.csv", maker.name), maker.csv)).collect()
}

/// A stretch of time in which one market is traded more than usual.
struct Wave {
    market: u64,
    from: u32,
    until: u32,
    height_percent: u64,
}

impl Wave {
    fn first(random: &mut Random) -> Self {
        Self { market: 0, from: 0, until: 0, height_percent: 0 }.next(0, random)
    }

    /// Another market's wave, that begins at this step.
    fn next(&self, step: u32, random: &mut Random) -> Self {
        let others = MARKETS.len() as u64 - 1;
        let length = match random.below(4) {
            0 => 2,
            1 => 4,
            2 => 6,
            _ => 14,
        };
        Self {
            market: (self.market + 1 + random.below(others)) % (others + 1),
            from: step,
            until: step.saturating_add(length),
            height_percent: 250 + random.below(350),
        }
    }

    fn is_over(&self, step: u32) -> bool {
        step >= self.until
    }

    /// What a market's usual volume is multiplied by.
    fn lift_percent(&self, market: u64, step: u32) -> u64 {
        match step - self.from {
            _ if market != self.market => 100,
            // It swells within two steps.
            0 => 100 + self.height_percent / 2,
            _ => 100 + self.height_percent,
        }
    }
}

/// One market in the making.
struct Maker {
    name: &'static str,
    usual_price: u64,
    usual_volume: u64,
    price: u64,
    csv: String,
}

impl Maker {
    fn new(name: &'static str, price: u64, volume: u64) -> Self {
        Self { name, usual_price: price, usual_volume: volume, price, csv: HEADER.to_owned() }
    }

    fn make_row(&mut self, step: u32, falls: bool, lift_percent: u64, random: &mut Random) {
        let open = self.price;
        let close = self.next_price(falls, random);
        self.price = close;
        let high = open.max(close) * (1000 + random.below(3)) / 1000;
        let low = open.min(close) * (1000 - random.below(3)) / 1000;
        let noise_percent = 55 + random.below(91);
        let volume = self.usual_volume / 10_000 * lift_percent * noise_percent + random.below(ONE);
        if random.below(MISSING_ONE_IN) == 0 {
            return;
        }
        let open_time = FIRST_OPEN_TIME_MILLIS + u64::from(step) * STEP_MILLIS;
        let [open, high, low, close, volume] = [open, high, low, close, volume].map(decimal);
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.csv, "{open_time},{open},{high},{low},{close},{volume}");
    }

    /// Noise, and a pull towards the usual price; or the fall of a crash.
    fn next_price(&self, falls: bool, random: &mut Random) -> u64 {
        if falls {
            return self.price * (1000 - CRASH_PERMILLE) / 1000;
        }
        let noisy = self.price * (997 + random.below(7)) / 1000;
        (noisy * 31 + self.usual_price) / 32
    }
}

fn decimal(units: u64) -> String {
    format!("{}.{:08}", units / ONE, units % ONE)
}

/// Marsaglia's xorshift generator, 64 bits, shifts 13, 7, 17.
struct Random(u64);

impl Random {
    /// A number below `bound`. Slightly biased, which does no harm here.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}
