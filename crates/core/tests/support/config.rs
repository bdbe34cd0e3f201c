//! The configuration of property tests.

use proptest::prelude::ProptestConfig;

/// This number of cases. The seed is printed with a failure; `TEST_SEED=… cargo test …` runs the same cases again.
#[expect(clippy::print_stderr, reason = "shown by the test runner with a failure")]
pub(crate) fn config(cases: u32) -> ProptestConfig {
    use std::hash::{BuildHasher, Hasher};
    let random = || std::hash::RandomState::new().build_hasher().finish();
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(random);
    eprintln!("TEST_SEED={seed}");
    let rng_seed = proptest::test_runner::RngSeed::Fixed(seed);
    ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}
