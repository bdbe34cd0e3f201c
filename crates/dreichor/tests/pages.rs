//! The documents can be followed one after another on one machine: each command as it is written succeeds, and prints
//! what the page shows. systemd understands the units.

mod support;

use std::fs;

use support::page::{Checkout, Page};
use support::{Bench, DREICHOR, clean, run};

/// In the order of README.
const PAGES: [&str; 6] = [
    "README.md",
    "docs/UPSTREAM.md",
    "docs/OPERATING.md",
    "docs/OBSERVER.md",
    "docs/AUDITING.md",
    "docs/PUBLISHING.md",
];

#[test]
#[ignore = "needs curl and python3"]
fn each_command_runs_as_it_is_written() {
    let bench = Bench::bare();
    let mut checkout = Checkout::new(&bench);
    for page in PAGES {
        checkout.follow(&Page::read(page));
    }
}

/// The directory of the units, as it begins their names on the pages.
const UNITS: &str = "`/etc/systemd/system/";

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_understands_each_unit() {
    let name = "docs/PUBLISHING.md";
    let page = Page::read(name);
    let units: Vec<_> = page.blocks().into_iter().filter(|block| block.language == "ini").collect();
    // Each follows the line that names its file.
    let files: Vec<&str> = page.text.lines().filter_map(|line| line.split(UNITS).nth(1)).collect();
    assert!(!units.is_empty() && units.len() == files.len(), "{name}: {files:?}");
    let bench = Bench::bare();
    let mut verify = clean("systemd-analyze");
    verify.arg("verify");
    for (unit, file) in units.iter().zip(files) {
        let path = bench.path(file.split('`').next().unwrap());
        fs::write(&path, unit.text.replace("/usr/local/bin/dreichor", DREICHOR)).unwrap();
        verify.arg(path);
    }
    let said = run(&mut verify, b"").expect(0);
    // What it does not know is only a warning.
    assert_eq!((said.text().trim(), said.stderr.trim()), ("", ""), "{name}");
}
