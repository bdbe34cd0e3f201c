//! The texts that users read: commands with their output, in `tests/texts`. After a change of wording, one command rewrites them:
//!
//! ```sh
//! TRYCMD=overwrite cargo test -p dreichor --test texts
//! ```
//!
//! Each file has its directory of fixtures (`NAME.in`), and its commands run one after the other in a copy of it. A script
//! (`sh -c`) makes what git does not keep: links, pipes, modes, limits, a second process.

use std::ffi::OsString;
use std::path::Path;

use trycmd::TestCases;

#[test]
fn texts() {
    // A script finds the program where cargo has put it.
    let mut path = OsString::from(Path::new(env!("CARGO_BIN_EXE_dreichor")).parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let cases = TestCases::new();
    cases.register_bin("sh", Path::new("/bin/sh"));
    cases.env("PATH", path.into_string().unwrap());
    // Help is wrapped to the width of a terminal, which would be another on each machine.
    cases.env("COLUMNS", "100");
    cases.insert_var("[VERSION]", env!("CARGO_PKG_VERSION")).unwrap();
    cases.case("tests/texts/*.trycmd");
}
