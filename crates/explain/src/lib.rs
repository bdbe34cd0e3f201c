//! One decision's story, for people: what was decided, on which facts, in which lifecycle, what came of it and
//! by which rule, and what was said of it later. Each sentence names the line and the event that it comes from.
//!
//! ```text
//! a reference ──resolve──▶ the decision that it belongs to ──teller──▶ Story ──▶ text, JSON
//! ```
//!
//! Invariant: the state before an event comes from the one fold, as replay returns it; nothing is folded here.
//!
//! Invariant: what is kept is of the asked decision alone, however long the log is, and of bounded size, however
//! much was said of it.
//!
//! Invariant: a reason is given as the tick's rules have it; where the log holds another event than they demand,
//! the story says so.

pub mod decided;
mod decision;
mod execution;
mod explained;
mod feedback;
pub mod funnel;
mod order;
pub mod page;
pub mod recent;
mod safety;
mod scene;
pub mod selection;
mod story;
mod teller;
pub mod ticks;
pub mod whatif;

pub use decided::{Decided, Outcome};
pub use explained::{Explained, explain, explain_in};
pub use funnel::{By, Fate, Funnel, Summary};
pub use recent::Recent;
pub use selection::{Holdings, Selection};
pub use story::{Story, Told};
pub use ticks::Ticks;
pub use whatif::WhatIf;
