//! The story that docs/AUDITING.md shows.

mod support;

use std::fs;

use support::page::{Page, root};

#[test]
fn the_story_is_a_golden_one() {
    let story = root().join("tests/explain/skipped-cooldown-feedback-on-the-decision.txt");
    let story = fs::read_to_string(story).unwrap();
    let page = Page::read("docs/AUDITING.md");
    assert!(page.blocks().iter().any(|block| block.text.trim_end() == story.trim_end()));
}
