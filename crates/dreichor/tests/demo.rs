//! The commands that a newcomer tries first work, and show what they promise.

mod support;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use rustix::process::Signal;
use support::http::ask;
use support::{Bench, DREICHOR, Outcome, Running, clean, run};

fn demo(dir: &Path) -> Outcome {
    // Variables of the surroundings must not reach the demo's stores.
    let mut command = clean(DREICHOR);
    command.env("DREICHOR_SAFETY_MODE", "halt").args(["demo", "--steps", "150", "--dir"]).arg(dir);
    run(&mut command, b"")
}

#[test]
fn the_demo_ends_with_a_proof() {
    let bench = Bench::bare();
    demo(&bench.path("demo")).expect(0);
    let log =
        |run: &str| fs::read(bench.path("demo").join(run).join("audit-events/audit_events.ndjson")).unwrap();
    assert!(!log("killed").is_empty());
    assert!(log("killed") == log("uninterrupted"));
}

#[test]
fn the_demo_writes_to_a_new_directory_only() {
    let bench = Bench::new();
    let before = bench.inventory();
    demo(&bench.path("data")).expect(10);
    assert!(bench.inventory() == before);
}

#[test]
#[ignore = "needs python3"]
fn the_python_upstream_resumes_after_its_own_crash() {
    let bench = Bench::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut path = OsString::from(Path::new(DREICHOR).parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let upstream = |options: &[&str]| {
        let mut command = clean("python3");
        command.env("PYTHONPATH", root.join("python")).env("PATH", &path);
        command.arg("-B").arg(root.join("examples/upstream.py")).arg(bench.path("data"));
        run(command.args(options), b"")
    };
    assert_eq!(upstream(&["10"]).code, Some(1));
    assert_eq!(upstream(&[]).expect(0).text(), "20 recorded, 10 already recorded\n");
}

#[test]
fn the_demo_can_end_by_serving_the_page() {
    let bench = Bench::bare();
    let mut command = clean(DREICHOR);
    command.args(["demo", "--steps", "50", "--serve", "--dir"]).arg(bench.path("demo"));
    let mut demo = Running::start(&mut command);
    let address = loop {
        let line = String::from_utf8(demo.line()).unwrap();
        if let Some((_, after)) = line.split_once("http://") {
            break after.split_once('/').unwrap().0.parse().unwrap();
        }
    };
    for path in ["/", "/page/icon.svg", "/v1/observe/persistence/tree-head"] {
        ask(address, "GET", path, &[]).expect(200);
    }
    demo.signal(Signal::TERM);
    demo.finish().expect(0);
}
