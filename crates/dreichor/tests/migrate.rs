//! `dreichor migrate` executes the program `dreichor-migrate`.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

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
    let told = told.says(&["cargo install --path crates/migrate"]);
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
        (&["status"][..], &["--database-url (DREICHOR_DATABASE_URL)"][..]),
        (&["apply", "--database-url", "mysql://me:sesame@h/d"], &["postgres://"]),
        (&["status", "--log-format", "x", "--database-url", "sesame"], &["--log-format", "--database-url"]),
        (&["status", "--sandbox", "auto"], &["--sandbox"]),
        (&[], &["Usage: "]),
        (&["down"], &["down"]),
    ] {
        let outcome = run(alone(&bench).1.arg("migrate").args(arguments), b"").expect(2).says(texts);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.contains("sesame"), "{outcome:?}");
    }
    let unknown =
        run(alone(&bench).1.args(["migrate", "status"]).env("DREICHOR_DATABASE_URI", URL), b"").expect(2);
    unknown.says(&["DREICHOR_DATABASE_URI", "DREICHOR_DATABASE_URL"]);
    for arguments in
        [&["migrate", "--help"][..], &["migrate", "status", "--help"], &["migrate", "apply", "-h"]]
    {
        let outcome = run(alone(&bench).1.args(arguments).env("DREICHOR_DATABASE_URL", URL), b"").expect(0);
        assert!(!outcome.text().contains("sesame"));
    }
}
