//! Attention rotation over candles: an example strategy, *upstream* of Dreichor and no part of it.
//!
//! The runtime holds no strategy. It takes one *tick* per decision, as a line of JSON, records it and
//! enacts it. This crate makes such ticks from the candles of several markets; it knows the runtime
//! only by the text of a tick, so it depends on no other crate of the project and could as well be
//! written in another language.
//!
//! ```
//! use dreichor_rotation::{Market, MarketId, Rotation, sample};
//!
//! let mut markets = Vec::new();
//! for (file_name, text) in sample::generate(400) {
//!     let id = MarketId::from_file_name(&file_name)?;
//!     markets.push(Market::parse(id.as_str(), &file_name, &text)?);
//! }
//! let lines: Vec<String> = Rotation::new(markets)?.map(|tick| tick.to_string()).collect();
//! assert_eq!(lines.len(), 3 * 400);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The idea
//!
//! Each market is measured against its own recent past: a market that is traded far more than it
//! usually is has *attention*. Three instances of the strategy, one per parameter pool, each watch all
//! markets and say at every step whether it is time to switch to the market with the highest attention.
//! They disagree, because their pools differ in patience; and at most one position is open in the
//! runtime's ledger, so they compete for it.
//!
//! The five facts of a tick speak of **the switch**, not of the market's beauty. When all five are
//! true, an instance that is ready buys the target, and an instance that holds a market sells what it
//! holds (after its hold time). The strategy never learns which of the two happened: positions are the
//! runtime's. All it remembers of its own decisions is its *favourite*, the market that it last said to
//! switch to.
//!
//! # Time
//!
//! A **step** is one distinct `open_time` that stands in at least one file. Steps are numbered from 1
//! in order of time, and this number is the tick's `logicalTime`. A time at which no market has a row
//! is no step: windows and the runtime's hold times count steps of trade, not minutes. Later rows, at
//! times after all that the files hold, change no tick before them; so the whole output may be sent
//! again, and the runtime knows the old ticks by their ids. (A row filled in between is another history:
//! it may renumber steps, or change what was found at one.)
//!
//! At each step, each instance decides once, in the order cautious, balanced, assertive.
//!
//! # Numbers
//!
//! All arithmetic is on integers, so every machine computes the same. A decimal of the file is read
//! exactly, as a whole number of 10⁻⁸ ([`Amount`]). The **traded value** of a row is `close × volume`,
//! an exact whole number of 10⁻¹⁶ quote units. Percentages are compared by multiplying out, never by
//! dividing. The one division there is (attention, below) rounds down.
//!
//! | pool | hold *h*, steps | reluctance *r*, % | stability requirement *q*, % |
//! |---|---|---|---|
//! | `cautious@v1` | 10 | 75 | 90 |
//! | `balanced@v1` | 5 | 50 | 75 |
//! | `assertive@v1` | 2 | 25 | 60 |
//!
//! The reluctance is what the pool's switching sensitivity lacks to 100 %.
//!
//! Windows end with the present step and include it. For an instance, the **recent window** is the last
//! *h* steps, the **base window** the last 12·*h* steps. Over a window, *rows* is the number of its
//! steps at which the market has a row, *value* the sum of their traded values. A missing row is
//! unknown; it is not a row without trade.
//!
//! The **attention** of a market, in millionths (1,000,000: as much trade per row as usual), is
//!
//! ```text
//! A = floor( recent value × base rows × 1,000,000 / (base value × recent rows) )
//! ```
//!
//! and exists when the market is *measured*: it has a row at this step, has rows at no less than three
//! quarters of the 12·h steps of the base window, and its base value is not zero. The **target** *T* is
//! the measured market with the highest attention; of equals, the one whose id is first in byte order.
//! No measured market: no target (`null`), and all five facts are false.
//!
//! # The five facts
//!
//! 1. **attentionMeaningfullyHigher**, the relative traded value: the target's attention is above the
//!    mean of all other measured markets by at least twice the reluctance. With *n* ≥ 1 others:
//!    `A(T) × n × 100 ≥ (100 + 2r) × Σ A(others)`, so by factors of 2.5, 2 and 1.5. Without: false.
//! 2. **stabilityMeetsMinimum**: the attention is no single spike. A step is *busy* for a market if the
//!    market has a row there whose traded value is at least the mean of the base window as it ended at
//!    that step: `value × base rows ≥ base value`. With *b* busy steps of the target among the last *h*:
//!    `b × 100 ≥ q × h`, so 9 of 10, 4 of 5 and 2 of 2.
//! 3. **confidenceSufficient**, whether the measurement can be trusted: the target has a row at every
//!    step of the recent window and at no less than 95 % of the 12·h steps of the base window, and
//!    leads the second-highest attention by at least 5 % (`A(T) × 100 ≥ 105 × A(second)`). Without a
//!    second: false.
//! 4. **differencePersistsOverTime**: this market was the target, of this instance, at no less than *h*
//!    of the last 3·*h* steps, the present one included.
//! 5. **switchingCostsJustified**: the target is not the instance's favourite, and is worth leaving it
//!    for: its attention is above the favourite's by at least the reluctance,
//!    `A(T) × 100 ≥ (100 + r) × A(favourite)`, so by factors of 1.75, 1.5 and 1.25. No favourite yet, or
//!    one that is not measured now: there is nothing to lose, true.
//!
//! All five true: the tick is *better*, and the target becomes the instance's favourite.
//!
//! # The rest of the tick
//!
//! - `safetyGates`: in a **crash** blockBuy and forceSell are true, for all instances; haltAll is never
//!   asked for. A market is *known* if it had a row at or before the step 12 steps ago; it *fell* if
//!   its latest close is below its latest close as of then, by at least 3 % (`now × 100 ≤ then × 97`).
//!   It is a crash when at least one market is known and no less than two thirds of the known ones fell
//!   (`fell × 3 ≥ known × 2`).
//! - `reasonCodes`: `ATTENTION_SUPERIOR` when better. Otherwise `UNKNOWN` without target; else
//!   `ATTENTION_INSUFFICIENT` if any of the facts 1, 3, 4, 5 is false, then `STABILITY_INSUFFICIENT` if
//!   fact 2 is. In a crash `SAFETY_TRIGGERED` comes last.
//! - `decisionClass` is always `attention.rotate.candles@v1`; `strategyInstanceId` is that of
//!   [`Pool::instance_id`].

mod amount;
mod candle;
mod crash;
mod facts;
mod gauge;
mod instance;
mod market_id;
mod pool;
mod rotation;
pub mod sample;
mod steps;
mod tick;
mod window;

pub use amount::{Amount, AmountError};
pub use candle::{Candle, CandleError, Column, LineFault, Market};
pub use facts::Facts;
pub use market_id::{MarketId, MarketIdError};
pub use pool::Pool;
pub use rotation::{Rotation, RotationError};
pub use tick::Tick;
