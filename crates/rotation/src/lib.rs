//! Attention rotation over candles: an example strategy, *upstream* of Dreichor and no part of it.
//!
//! The runtime holds no strategy. It takes one *tick* per decision, as a line of JSON. This crate makes such ticks from
//! the candles of several markets. It knows the runtime only by the form of a tick, so it depends on no other crate of
//! the project and could be written in another language.
//!
//! ```
//! let markets = dreichor_rotation::sample::markets(400);
//! let ticks: Vec<_> = dreichor_rotation::rotate(&markets).collect();
//! assert_eq!(ticks.len(), 3 * 400);
//! ```
//!
//! # The idea
//!
//! A market that is traded far more than it usually is has *attention*. Three instances, one per parameter pool, watch
//! all markets and say at every step whether it is time to switch to the market with the highest attention. At most one
//! position is open in the runtime's ledger, so they compete for it.
//!
//! The five facts of a tick speak of **the switch**. If all five are true, an instance that is ready buys the target,
//! and an instance that holds a market sells it after its hold time. The strategy never learns which of the two
//! happened. It remembers its *favourite* only: the market that it last said to switch to.
//!
//! # The rules
//!
//! A **step** is one distinct `open_time`. Steps are numbered from 1, and the number is the tick's logicalTime. Rows that
//! are added later, at later times, change no tick before them, so all ticks may be sent again.
//!
//! For a pool with the hold time *h*, the recent window is the last *h* steps and the base window the last 12·*h*. The
//! traded value of a row is close × volume. The **attention** of a market is its traded value in the recent window,
//! divided by a twelfth of that in the base window: 1 is as much as usual, 12 the most. It is measured if the base
//! window is full and the market has a row at this step. The **target** is the market with the highest attention, by
//! name if several have it.
//!
//! | fact | is true if |
//! |---|---|
//! | attentionMeaningfullyHigher | the target's attention is at least (1 + 2·*reluctance*) times the mean of the other markets |
//! | stabilityMeetsMinimum | in at least *stability* of the recent steps, the target's traded value was its mean of the base window or more |
//! | confidenceSufficient | the target has a row at every recent step |
//! | differencePersistsOverTime | it was the target at *h* or more of the last 3·*h* steps |
//! | switchingCostsJustified | it is not the favourite, and its attention is at least (1 + *reluctance*) times the favourite's |
//!
//! | pool | hold | reluctance | stability |
//! |---|---|---|---|
//! | `cautious@v1` | 10 | 0.75 | 0.9 |
//! | `balanced@v1` | 5 | 0.5 | 0.75 |
//! | `assertive@v1` | 2 | 0.25 | 0.6 |
//!
//! It is a **crash** if the last close of two thirds of the markets is 3 % or more below that of twelve steps before.
//! Then the gates blockBuy and forceSell are true.

mod market;
mod rotation;
pub mod sample;
mod tick;

pub use market::{CandleError, Market};
pub use rotation::rotate;
pub use tick::Tick;
