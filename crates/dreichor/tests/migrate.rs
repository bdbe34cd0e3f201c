//! `dreichor migrate` becomes the program `dreichor-migrate`, and no database driver is in `dreichor` itself.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Bench, DREICHOR, clean, run};

const URL: &str = "postgres://me:sesame@127.0.0.1:1/d";

/// A program that tells how it was called.
const TEACHER: &str = "#!/bin/sh
echo \"$0\" \"$@\"
echo \"$DREICHOR_DATABASE_URL\" >&2
exit 30
";

fn put_program(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, TEACHER).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A copy of `dreichor` with nothing beside it and nothing on its path.
fn alone(bench: &Bench) -> (PathBuf, Command) {
    let program = bench.path("programs/dreichor");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy(DREICHOR, &program).unwrap();
    let mut command = clean(program.to_str().unwrap());
    command.env("PATH", bench.path("elsewhere"));
    (program, command)
}

#[test]
fn the_program_is_beside_or_on_the_path() {
    let bench = Bench::bare();
    let (program, _) = alone(&bench);
    let arguments = ["migrate", "status", "--dir", "some where", "--json", "--database-url", URL];
    let told = run(alone(&bench).1.args(arguments), b"").expect(2);
    let told = told.says(&["dreichor-migrate", "cannot be started", "cargo install --path crates/migrate"]);
    assert!(!told.stderr.contains("sesame"));

    for place in [bench.path("elsewhere/dreichor-migrate"), program.with_file_name("dreichor-migrate")] {
        put_program(&place);
        let outcome = run(alone(&bench).1.args(arguments), b"").expect(30);
        let place = place.display();
        // The password is in the environment, which only we can read, and not among the arguments, which all can.
        assert_eq!(outcome.stderr, format!("{URL}\n"));
        let handed = format!("{place} status --dir some where --json --color auto --log-format text\n");
        assert_eq!(outcome.text(), handed);
    }
    let mut command = alone(&bench).1;
    command.env("DREICHOR_DATABASE_URL", URL).env("DREICHOR_LOG_FORMAT", "json");
    let outcome = run(command.args(["migrate", "apply", "--color", "never"]), b"").expect(30);
    assert!(outcome.text().ends_with(" apply --dir migrations/ --color never --log-format json\n"));
    assert_eq!(outcome.stderr, format!("{URL}\n"));
}

#[test]
fn what_is_wrong_is_refused_before_the_program_is_looked_for() {
    let bench = Bench::bare();
    let (program, _) = alone(&bench);
    put_program(&program.with_file_name("dreichor-migrate"));
    for (arguments, texts) in [
        (&["status"][..], &["--database-url (DREICHOR_DATABASE_URL) names no database"][..]),
        (&["apply", "--database-url", "mysql://me:sesame@h/d"], &["expected a URL like postgres://"]),
        (
            &["status", "--sandbox", "x", "--database-url", "sesame"],
            &["2 faults", "--sandbox", "--database-url"],
        ),
        (&[], &["Usage: "]),
        (&["down"], &["unrecognized subcommand"]),
    ] {
        let outcome = run(alone(&bench).1.arg("migrate").args(arguments), b"").expect(2).says(texts);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.contains("sesame"), "{outcome:?}");
    }
    let unknown =
        run(alone(&bench).1.args(["migrate", "status"]).env("DREICHOR_DATABASE_URI", URL), b"").expect(2);
    unknown.says(&["DREICHOR_DATABASE_URI is unknown"]);
    for arguments in
        [&["migrate", "--help"][..], &["migrate", "status", "--help"], &["migrate", "apply", "-h"]]
    {
        let outcome = run(alone(&bench).1.args(arguments).env("DREICHOR_DATABASE_URL", URL), b"").expect(0);
        assert!(outcome.text().contains("Exit codes:") && !outcome.text().contains("sesame"));
    }
}

/// Crates that speak to a database, by a part of their names.
const DRIVERS: [&str; 7] = ["sqlx", "postgres", "diesel", "sqlite", "mysql", "odbc", "sea-orm"];

/// All that a package of the workspace is built from, as Cargo resolved it; what only tests need excepted.
fn built_from(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--package", package, "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_database_driver_is_in_dreichor() {
    let ours = built_from("dreichor");
    assert!(ours.contains("dreichor-core") && ours.contains("clap"), "{ours:?}");
    let is_driver = |name: &&String| DRIVERS.iter().any(|driver| name.contains(driver));
    assert_eq!(ours.iter().filter(is_driver).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(built_from("dreichor-migrate").contains("sqlx-postgres"), "the test looks at the wrong thing");
    // Whatever Cargo says: the paths of a driver's sources, and the messages of its protocol.
    let program = fs::read(DREICHOR).unwrap();
    for text in ["sqlx", "tokio-postgres", "SCRAM-SHA-256"] {
        assert!(!program.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}
