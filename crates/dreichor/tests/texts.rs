//! What users read: commands with their output, in `tests/texts`. After a change of wording, one command rewrites them:
//!
//! ```sh
//! TRYCMD=overwrite cargo test -p dreichor --test texts
//! ```

#[test]
fn texts() {
    trycmd::TestCases::new().case("tests/texts/*.trycmd");
}
