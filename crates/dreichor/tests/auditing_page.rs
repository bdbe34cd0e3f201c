//! What docs/AUDITING.md shows can be tried as it stands, in a checkout, with the program on the path.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::{Bench, DREICHOR, clean, run};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/AUDITING.md")).unwrap()
}

/// The blocks of this language, in order.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let opening = format!("```{language}\n");
    page.split(&opening).skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// The output of what a shell does, which must succeed.
fn shell(directory: &Path, script: &str) -> String {
    let mut path = OsString::from(Path::new(DREICHOR).parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = clean("sh");
    command.args(["-e", "-c", script]).current_dir(directory).env("PATH", path);
    run(&mut command, b"").expect(0).text()
}

#[test]
fn each_command_can_be_tried_as_it_stands() {
    let bench = Bench::bare();
    let checkout = bench.path("checkout");
    fs::create_dir(&checkout).unwrap();
    symlink(root().join("tests"), checkout.join("tests")).unwrap();
    let page = page();
    for line in blocks(&page, "sh").into_iter().flat_map(str::lines) {
        assert_ne!(shell(&checkout, line), "", "{line} prints something");
    }
    if shell(&checkout, "command -v python3 || true").is_empty() {
        return println!("left out: there is no python3");
    }
    for block in blocks(&page, "python") {
        fs::write(checkout.join("block.py"), block).unwrap();
        shell(&checkout, "python3 block.py");
    }
}

#[test]
fn the_story_is_a_golden_one() {
    let story = root().join("tests/explain/skipped-cooldown-feedback-on-the-decision.txt");
    assert!(blocks(&page(), "text").contains(&fs::read_to_string(story).unwrap().as_str()));
}
