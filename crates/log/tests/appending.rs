//! An appender writes to the file as it left it, or not at all.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::Path;

use dreichor_log::{AppendError, Appender, Directory, Medium};

/// Appends, calls `meddle` on the file, and appends again.
fn check(meddle: impl Fn(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "line\n").unwrap();
    let directory = Directory::open(dir.path()).unwrap();
    let identity = directory.stat("log").unwrap().unwrap().identity;
    let mut appender = Appender::open(&directory, "log", identity, 5).unwrap();
    assert_eq!(appender.size(), 5);
    appender.append(b"more\n").unwrap();
    appender.append(b"").unwrap();
    assert_eq!(appender.size(), 10);
    assert_eq!(fs::read(&path).unwrap(), b"line\nmore\n");

    meddle(&path);
    let meddled = fs::read(&path).ok();
    let refused = |error: AppendError| assert!(matches!(error, AppendError::NotOurs(_)), "{error:?}");
    // Any number of times: nothing was written, so nothing is in doubt.
    for _ in 0..2 {
        refused(appender.append(b"again\n").unwrap_err());
        assert_eq!(appender.size(), 10);
    }
    if meddled.is_some() {
        refused(Appender::open(&directory, "log", identity, 10).unwrap_err());
    }
    assert_eq!(fs::read(&path).ok(), meddled, "nothing was written");
}

#[test]
fn a_file_that_is_not_as_we_left_it_is_not_written_to() {
    check(|path| fs::remove_file(path).unwrap());
    let replace = |path: &Path| {
        let other = path.with_extension("other");
        fs::copy(path, &other).unwrap();
        fs::rename(other, path).unwrap();
    };
    check(replace);
    check(|path| fs::hard_link(path, path.with_extension("link")).unwrap());
    let append = |path: &Path| {
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"x").unwrap();
    };
    check(append);
    let truncate = |path: &Path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(9).unwrap();
    check(truncate);
}
