//! A tail of any length is cut off after it was copied to a file beside the store, whatever copies exist already.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use dreichor_log::cut::CutError;
use dreichor_log::{Directory, Medium, Tail};
use tempfile::TempDir;

/// The size of one copied block.
const BLOCK: usize = 1 << 20;

/// A file of `whole` and the tail `tail`, and where it is.
fn torn(whole: &[u8], tail: &[u8]) -> (TempDir, Directory, Tail) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log"), [whole, tail].concat()).unwrap();
    let directory = Directory::open(dir.path()).unwrap();
    (dir, directory, Tail { offset: whole.len() as u64, length: tail.len() as u64 })
}

/// All files but the log itself, by the suffix that follows `log.torn-…`.
fn copies(dir: &Path, tail: Tail) -> Vec<(String, Vec<u8>)> {
    let name = format!("log.torn-{}", tail.offset);
    let mut copies: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "log")
        .map(|file| {
            let bytes = fs::read(dir.join(&file)).unwrap_or_default();
            (file.strip_prefix(&name).unwrap().to_owned(), bytes)
        })
        .collect();
    copies.sort();
    copies
}

/// Cuts a tail off where these copies exist already; the one with the suffix `expected` must be its own.
fn check(whole: &[u8], tail: &[u8], before: &[(&str, &[u8])], expected: &str) {
    let (dir, directory, torn) = torn(whole, tail);
    let path = |suffix: &str| dir.path().join(format!("log.torn-{}{suffix}", torn.offset));
    for (suffix, bytes) in before {
        fs::write(path(suffix), bytes).unwrap();
    }
    let identity = directory.stat("log").unwrap().unwrap().identity;
    let copy = torn.cut(&directory, "log", identity).unwrap();
    assert_eq!(copy, path(expected));
    assert!(fs::read(dir.path().join("log")).unwrap() == whole);

    let mut after: Vec<_> =
        before.iter().map(|(suffix, bytes)| ((*suffix).to_owned(), bytes.to_vec())).collect();
    after.retain(|(suffix, _)| suffix != ".tmp" && suffix != expected);
    after.push((expected.to_owned(), tail.to_vec()));
    after.sort();
    assert!(copies(dir.path(), torn) == after, "the file there stays as it is, and the copy is whole");
}

#[test]
fn tails_of_every_length() {
    for length in [1, 5, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
        let tail: Vec<u8> = (0..length).map(|at| b"abcdefg"[at % 7]).collect();
        let (mut first, mut last) = (tail.clone(), tail.clone());
        first[0] = b'x';
        last[length - 1] = b'x';
        let (shorter, longer) = (&tail[1..], [&tail, &b"x"[..]].concat());
        for whole in [&b""[..], b"line\n"] {
            check(whole, &tail, &[], "");
            check(whole, &tail, &[(".tmp", b"left by a kill")], "");
            check(whole, &tail, &[("", &tail)], "");
            check(whole, &tail, &[("", &first), (".tmp", &tail)], ".2");
            check(whole, &tail, &[("", &last), (".2", shorter), (".3", &longer), (".4", &tail)], ".4");
            check(whole, &tail, &[("", &longer), (".2", &first), (".3", shorter), (".5", b"")], ".4");
        }
    }
}

#[test]
fn what_is_no_file_is_no_copy() {
    let (dir, directory, torn) = torn(b"line\n", b"torn");
    fs::create_dir(dir.path().join("log.torn-5")).unwrap();
    std::os::unix::fs::symlink("log", dir.path().join("log.torn-5.2")).unwrap();
    let identity = directory.stat("log").unwrap().unwrap().identity;
    assert_eq!(torn.cut(&directory, "log", identity).unwrap(), dir.path().join("log.torn-5.3"));
    assert_eq!(fs::read(dir.path().join("log.torn-5.3")).unwrap(), b"torn");
    assert_eq!(fs::read(dir.path().join("log")).unwrap(), b"line\n");
}

/// Calls `meddle` on a file of nine bytes, and then cuts off the four that were its tail.
fn check_refused(meddle: impl Fn(&Path)) {
    let (dir, directory, torn) = torn(b"line\n", b"torn");
    let identity = directory.stat("log").unwrap().unwrap().identity;
    let log = dir.path().join("log");
    meddle(&log);
    let meddled = fs::read(&log).unwrap();
    let error = torn.cut(&directory, "log", identity).unwrap_err();
    assert!(matches!(error, CutError::NotOurs), "{error}");
    assert_eq!(fs::read(&log).unwrap(), meddled, "nothing was cut off");
}

#[test]
fn a_file_that_changed_meanwhile_is_not_cut() {
    check_refused(|log| fs::write(log, b"line\ntorn\n").unwrap());
    check_refused(|log| {
        fs::copy(log, log.with_extension("other")).unwrap();
        fs::rename(log.with_extension("other"), log).unwrap();
    });
}

#[test]
fn what_cannot_be_copied_is_not_cut() {
    let (dir, directory, torn) = torn(b"line\n", b"torn");
    let log = dir.path().join("log");
    let identity = directory.stat("log").unwrap().unwrap().identity;
    fs::write(&log, b"line\nto").unwrap();
    let error = torn.cut(&directory, "log", identity).unwrap_err();
    assert!(matches!(error, CutError::Copy { .. }), "{error}");
    assert_eq!(fs::read(&log).unwrap(), b"line\nto");
    assert!(!dir.path().join("log.torn-5").exists());
}
