//! Shared support of the core's tests.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]

pub(crate) mod config;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod rfc6962;
pub(crate) mod spelling;
pub(crate) mod values;
pub(crate) mod words;
