//! URLs and directories: what is wrong with them is said all at once, and before any server is asked.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::process::{Command, Stdio};

use dreichor_migrate::{Target, folder};
use tempfile::TempDir;

/// The program, on a URL whose server does not answer: whoever asked it would end with 30.
fn refused(url: Option<&str>, dir: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dreichor-migrate"));
    command.env_clear().args(["apply", "--dir", dir]).stdin(Stdio::null());
    if let Some(url) = url {
        command.env("DREICHOR_DATABASE_URL", url);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{told}");
    assert!(told.contains("no database was asked; next: "), "{told}");
    told
}

const NO_SERVER: &str = "postgres://me:sesame@127.0.0.1:1/d";

#[test]
fn urls() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path().to_str().unwrap();
    let cases = [
        ("", "expected a URL like"),
        ("sesame", "expected a URL like"),
        ("mysql://me:sesame@h/d", "the scheme is another"),
        ("sesame:me@h/d", "the scheme is another"),
        ("postgres:///d?password=sesame", "expected a URL like"),
        ("postgres://me:sesame@%2Frun/d", "expected a URL like"),
        ("postgres://me:sesame@h", "it names no database"),
        ("postgres://h/d", "it names no user"),
        ("postgres://:sesame@h/d", "it names no user"),
        ("postgres://me:ses/ame@h/d", "expected a URL like"),
        ("postgres://me:1/sesame@h/d", "write %2F"),
        ("postgres://me@x:1/sesame@h/../d", "write %2F"),
        ("postgres://me:1#sesame@h/d", "%23 for"),
        ("postgres://me@h/d#sesame", "write %23"),
        ("postgres://me@h/d?password=sesame", "none of application_name, options, sslmode"),
        ("postgres://me:sesame@h/d?host=other", "none of application_name, options, sslmode"),
        ("postgres://me@h/d?sslmode=sesame", "cannot be read"),
        ("postgres://me:%ffsesame@h/d", "cannot be read"),
        ("postgres://me:sesame@h/d?sslmode=require", "asks for TLS"),
        ("postgres://me:sesame@h/d?sslmode=verify-full", "asks for TLS"),
    ];
    for (url, texts) in cases {
        let told = refused(Some(url), dir);
        assert!(
            told.contains("--database-url (DREICHOR_DATABASE_URL): ") && told.contains(texts),
            "{url}: {told}"
        );
        assert!(!told.contains("sesame"), "{told}");
    }
    assert!(refused(None, dir).contains("a database must be named"));
    for (url, shown) in [
        (NO_SERVER, "me@127.0.0.1:1/d"),
        ("postgresql://me@[::1]/d?sslmode=disable", "me@[::1]:5432/d"),
        ("postgres://m%40e:a%2F%23@h/d?options=-c%20lock_timeout=1s&application_name=x", "m%40e@h:5432/d"),
    ] {
        assert_eq!(Target::parse(url).unwrap().to_string(), shown);
        assert_eq!(format!("{:?}", Target::parse(url).unwrap()), format!("Target({shown})"));
    }
}

#[test]
fn directories_and_files() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_str().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let missing = format!("{path}/nowhere");
    assert!(
        refused(Some(NO_SERVER), &missing)
            .contains("nowhere: the directory of the migrations cannot be read")
    );
    for (name, bytes) in [
        ("README.md", &b"# Migrations"[..]),
        (".hidden", b""),
        ("001_a.sql", b"SELECT 1"),
        ("999_Add-x_2.sql", b"SELECT 1;"),
        ("1000_b.sql", b"SELECT 1"),
    ] {
        put(name, bytes);
    }
    let sound = folder::read(dir.path()).unwrap();
    let names: Vec<_> = sound.iter().map(|sound| (sound.number(), sound.name())).collect();
    assert_eq!(names, [(1, "a"), (999, "Add-x_2"), (1000, "b")]);
    let names = "1_a.sql 0001_a.sql 000_a.sql 002a.sql 002_.sql _a.sql 002_a.SQL 002_a.sql.bak 002_a b.sql notes.txt \
                 +02_a.sql 002_ä.sql";
    let mut expected = Vec::new();
    for name in names.split(' ').filter(|name| *name != "b.sql") {
        let name = if name == "002_a" { "002_a b.sql" } else { name };
        put(name, b"SELECT 1");
        expected.push(format!("{path}/{name}: this is not the name of a migration: expected NNN_name.sql"));
    }
    for (name, bytes, fault) in [
        ("003_a.sql", &b"SELECT 1"[..], "/003_a.sql and "),
        ("003_b.sql", b"SELECT 1", "/003_b.sql: two migrations of one number"),
        ("004_empty.sql", b"-- nothing yet\n", "/004_empty.sql: there is no statement in it"),
        ("005_latin.sql", b"SELECT 1;\n\nSELECT '\xe4';", "/005_latin.sql:3: this is not UTF-8"),
        ("006_mark.sql", b"\xef\xbb\xbfSELECT 1", "/006_mark.sql:1: the file begins with a byte order mark"),
        (
            "007_commit.sql",
            b"SELECT 1;\nCOMMIT;\nBEGIN",
            "/007_commit.sql:2: the runner gives each migration one",
        ),
        ("008_copy.sql", b"COPY a FROM STDIN;\n1\n\\.\n", "/008_copy.sql:1: a migration cannot copy from"),
    ] {
        put(name, bytes);
        expected.push(fault.into());
    }
    expected.push("/007_commit.sql:3: the runner gives".into());
    fs::create_dir(dir.path().join("009_folder.sql")).unwrap();
    expected.push("/009_folder.sql: this is not a regular file".into());
    // All of it at once, and the URL's fault too.
    let told = refused(Some("nonsense"), path);
    assert!(told.contains(&format!("{} faults in what was given", expected.len())), "{told}");
    for fault in expected {
        assert!(told.contains(&fault), "no {fault} in {told}");
    }
}

#[test]
fn the_runner_has_the_driver_in_it() {
    let program = fs::read(env!("CARGO_BIN_EXE_dreichor-migrate")).unwrap();
    assert!(program.windows(13).any(|text| text == b"sqlx-postgres"));
}

/// This phase has no domain data in a database.
#[test]
fn the_project_ships_no_migration() {
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    assert_eq!(folder::read(&shipped).unwrap().len(), 0);
}
