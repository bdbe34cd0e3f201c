//! The commands of docs/AUDITING.md print what the page shows.

mod support;

use std::fs;

use support::Bench;
use support::page::{Checkout, Page, root};

#[test]
#[ignore = "needs python3"]
fn each_example_can_be_tried_as_it_stands() {
    let bench = Bench::bare();
    Checkout::new(&bench).follow(&Page::read("AUDITING.md"));
}

#[test]
fn the_story_is_a_golden_one() {
    let story = root().join("tests/explain/skipped-cooldown-feedback-on-the-decision.txt");
    let story = fs::read_to_string(story).unwrap();
    let page = Page::read("AUDITING.md");
    assert!(page.blocks().any(|block| block.text.trim_end() == story.trim_end()));
}
