//! The structure that the documentation promises: which crate may know which, and what the core may not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate, and the crates of this project that it may depend on.
const MAY_KNOW: [(&str, &[&str]); 12] = [
    ("dreichor-audit", &["dreichor-core", "dreichor-log", "dreichor-replay", "dreichor-runtime"]),
    ("dreichor-core", &["dreichor-sha256"]),
    // These know readers alone.
    ("dreichor-explain", &["dreichor-core", "dreichor-replay"]),
    ("dreichor-log", &[]),
    ("dreichor-migrate", &["dreichor-core", "dreichor-runtime"]),
    ("dreichor-observer", &["dreichor-core", "dreichor-explain", "dreichor-replay"]),
    ("dreichor-replay", &["dreichor-core", "dreichor-log"]),
    ("dreichor-simulation", &["dreichor-log"]),
    ("dreichor-rotation", &[]),
    ("dreichor-sha256", &[]),
    ("dreichor-runtime", &["dreichor-core", "dreichor-log", "dreichor-replay"]),
    (
        "dreichor",
        &[
            "dreichor-audit",
            "dreichor-core",
            "dreichor-explain",
            "dreichor-log",
            "dreichor-observer",
            "dreichor-replay",
            "dreichor-rotation",
            "dreichor-runtime",
        ],
    ),
];

/// A file that is longer than this has more than one subject.
const LINES_MAX: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What cargo knows of the workspace.
fn metadata() -> serde_json::Value {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The normal dependencies of each crate of the workspace.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = metadata();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let of = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .collect()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (text(&package["name"]), of(package))).collect()
}

#[test]
fn dependencies_point_downwards_only() {
    let found = dependencies();
    assert_eq!(found.len(), MAY_KNOW.len(), "every crate has its line in MAY_KNOW: {:?}", found.keys());
    for (name, may_know) in MAY_KNOW {
        let ours = found[name].iter().filter(|dependency| dependency.starts_with("dreichor"));
        for dependency in ours {
            assert!(may_know.contains(&dependency.as_str()), "{name} may not know {dependency}");
        }
    }
}

#[test]
fn the_core_is_pure_and_the_log_knows_no_event() {
    assert_eq!(
        dependencies()["dreichor-core"],
        ["base16ct", "dreichor-sha256", "foldhash", "hashbrown", "itoa", "memchr", "sha2", "strum", "uuid"]
    );
    for path in sources("crates/core/src") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("std::"), "{}: the core is no_std", path.display());
    }
    let core = fs::read_to_string(root().join("crates/core/src/lib.rs")).unwrap();
    assert!(core.contains("#![no_std]"));
    for path in sources("crates/log/src") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("json"),
            "{}: the log knows lines and nothing of what they say",
            path.display()
        );
    }
}

/// What reads has no word for writing, so that no slip of the hand can make it.
#[test]
fn readers_and_the_observer_name_nothing_that_writes() {
    const WRITING: [&str; 27] = [
        "OpenOptions",
        "File::create",
        "File::options",
        "fs::write",
        "fs::copy",
        "fs::rename",
        "fs::hard_link",
        "fs::create_dir",
        "fs::remove_",
        "fs::set_permissions",
        "DirBuilder",
        "WriteMedium",
        "WriteFile",
        "open_to_append",
        "OFlags",
        "set_len",
        "set_times",
        ".truncate(",
        "medium.remove(",
        "medium.rename(",
        "medium.create(",
        "medium()",
        "write_at",
        "symlink",
        "TcpStream::connect",
        "UdpSocket",
        "process::Command",
    ];
    for folder in ["crates/explain/src", "crates/observer/src", "crates/replay/src"] {
        for path in sources(folder) {
            let text = fs::read_to_string(&path).unwrap();
            for word in WRITING {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }
}

#[test]
fn only_binaries_print() {
    for folder in [
        "crates/audit/src",
        "crates/core/src",
        "crates/explain/src",
        "crates/log/src",
        "crates/migrate/src",
        "crates/observer/src",
        "crates/replay/src",
        "crates/runtime/src",
        "crates/rotation/src",
    ] {
        // A binary may.
        for path in sources(folder).into_iter().filter(|path| !path.ends_with("main.rs")) {
            let text = fs::read_to_string(&path).unwrap();
            for forbidden in ["println!", "process::exit", "io::stdout", "io::stderr"] {
                assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
            }
        }
    }
}

/// How long a comparison takes must not tell how much of a guess is right: a clock would be no witness of that.
#[test]
fn the_token_is_compared_in_constant_time_and_in_one_place() {
    let mut comparisons = 0;
    for path in sources("crates/observer/src") {
        let text = fs::read_to_string(&path).unwrap();
        comparisons += text.matches(".ct_eq(").count();
        if path.ends_with("token.rs") {
            // What can be told apart by `==` one day is.
            let (_, token) = text.split_once("pub struct Token {").unwrap();
            let (fields, _) = token.split_once('}').unwrap();
            assert!(fields.contains("hash: ") && !fields.contains("pub"), "{fields}");
            assert!(!text.contains("PartialEq") && !text.contains("hash ==") && !text.contains("== hash"));
        } else {
            assert!(!text.contains("token.hash"), "{}", path.display());
        }
    }
    assert_eq!(comparisons, 1);
}

#[test]
fn files_stay_small() {
    for folder in ["crates", "examples"] {
        for path in sources(folder) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        }
    }
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}
