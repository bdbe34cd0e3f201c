//! URLs and directories: every fault is reported at once, before a server is asked, and no password is shown.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::process::{Command, Stdio};

use dreichor_migrate::{Target, runner};
use tempfile::TempDir;

const NO_SERVER: &str = "postgres://me:sesame@127.0.0.1:1/d";

/// The program's message on a URL whose server does not answer: if it asked the server, it would end with 30.
fn refused(url: Option<&str>, dir: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dreichor-migrate"));
    command.env_clear().args(["apply", "--dir", dir]).stdin(Stdio::null());
    if let Some(url) = url {
        command.env("DREICHOR_DATABASE_URL", url);
    }
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{message}");
    assert!(!message.contains("sesame"), "{message}");
    message
}

#[test]
fn urls() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path().to_str().unwrap();
    for url in [
        "",
        "sesame",
        "mysql://me:sesame@h/d",
        "sesame:me@h/d",
        "postgres:///d?password=sesame",
        "postgres:///d?host=sesame&user=me",
        "postgres://me:sesame@h",
        "postgres://h/d",
        "postgres://:sesame@h/d",
        "postgres://me:ses/ame@h/d",
        "postgres://me:1/sesame@h/d",
        "postgres://me@x:1/sesame@h/../d",
        "postgres://me:1#sesame@h/d",
        "postgres://me@h/d#sesame",
        "postgres://me@h/d?password=sesame",
        "postgres://me:sesame@h/d?host=/other",
        "postgres://me:sesame@h:1/d?port=2",
        "postgres://me@h/d?port=sesame",
        "postgres://me@h/d?sslmode=sesame",
        "postgres://me:%ffsesame@h/d",
    ] {
        let message = refused(Some(url), dir);
        assert!(message.contains("--database-url (DREICHOR_DATABASE_URL)"), "{url}: {message}");
    }
    refused(None, dir);
    for (url, shown) in [
        (NO_SERVER, "me@127.0.0.1:1/d"),
        ("postgresql://me@[::1]/d?sslmode=disable", "me@[::1]:5432/d"),
        ("postgres://me:sesame@%2Frun%2Fpg:6/d", "me@/run/pg/.s.PGSQL.6/d"),
        ("postgres:///d?host=/run/pg&user=me", "me@/run/pg/.s.PGSQL.5432/d"),
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
    assert!(refused(Some(NO_SERVER), &format!("{path}/nowhere")).contains("nowhere"));
    for (name, bytes) in [
        ("README.md", &b"# Migrations"[..]),
        (".hidden", b""),
        ("001_a.sql", b"SELECT 1"),
        ("999_Add-x_2.sql", b"SELECT 1;"),
    ] {
        put(name, bytes);
    }
    let sound = runner::read(dir.path()).unwrap();
    let found: Vec<_> = sound.iter().map(|sound| (sound.version, &*sound.description)).collect();
    assert_eq!(found, [(1, "a"), (999, "Add-x 2")]);
    put("x_a.sql", b"SELECT 1");
    // Both faults at once.
    let message = refused(Some("nonsense"), path);
    assert!(message.contains("x_a.sql") && message.contains("--database-url"), "{message}");
    fs::remove_file(dir.path().join("x_a.sql")).unwrap();
    put("005_latin.sql", b"SELECT '\xe4';");
    assert!(refused(Some(NO_SERVER), path).contains("005_latin.sql"));
}

/// This phase has no domain data in a database.
#[test]
fn the_project_ships_no_migration() {
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    assert_eq!(runner::read(&shipped).unwrap().iter().count(), 0);
}

/// Help and results that cannot be printed are an error.
#[test]
fn outputs_that_are_closed_or_full() {
    let end = |script: &str| {
        let program = env!("CARGO_BIN_EXE_dreichor-migrate");
        let script = format!("exec \"$0\" {script}");
        Command::new("sh").args(["-c", &script, program]).env_clear().output().unwrap().status.code()
    };
    for script in ["--help >/dev/full", "--version >/dev/full", "-h >&-", "status >&-"] {
        assert_eq!(end(script), Some(14), "{script}");
    }
    assert_eq!((end("--help"), end("status"), end("nothing")), (Some(0), Some(2), Some(2)));
}
