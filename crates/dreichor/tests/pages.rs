//! The documents can be followed one after another on one machine: each command as it is written succeeds, and prints
//! what the page shows.

mod support;

use support::Bench;
use support::page::{Checkout, Page};

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
