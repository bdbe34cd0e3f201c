//! Bugs that tests plant, to see that they are caught.
//!
//! The other crates ask `planted!(SyncSkipped)` where they could go wrong. Without the feature `planted` that
//! is the literal `false`, and this crate holds nothing else: no program that runs can be made to misbehave.
//! With it, a test plants one bug at a time for its whole process.

#![no_std]

#[cfg(feature = "planted")]
mod bug;
#[cfg(feature = "planted")]
pub use bug::{Bug, is_planted, plant};

/// Whether this bug is planted: never, outside the tests that do so.
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

/// Whether this bug is planted.
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::is_planted($crate::Bug::$bug)
    };
}
