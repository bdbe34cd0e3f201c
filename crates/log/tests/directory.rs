//! The operations of a medium, on the real disk.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use dreichor_log::directory::OpenError;
use dreichor_log::refusal::{Refusal, check_kind, check_mode};
use dreichor_log::{
    Directory, File, FileKind, Lock, Medium, ReadAt, SyncFile, WriteFile, WriteMedium, directory,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::{FdFlags, fcntl_getfd};

fn make_pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
}

/// A directory with one thing of each kind in it.
fn zoo() -> (tempfile::TempDir, Directory) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("file"), "12345").unwrap();
    fs::set_permissions(path("file"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(path("directory")).unwrap();
    symlink("file", path("link")).unwrap();
    make_pipe(&path("pipe"));
    let directory = Directory::open(dir.path()).unwrap();
    (dir, directory)
}

#[test]
fn each_kind_of_file_is_known_and_only_a_regular_one_with_one_name_is_taken() {
    let (dir, directory) = zoo();
    let kinds = [
        ("file", FileKind::Regular),
        ("directory", FileKind::Directory),
        ("link", FileKind::SymbolicLink),
        ("pipe", FileKind::Special),
    ];
    for (name, kind) in kinds {
        let stat = directory.stat(name).unwrap().unwrap();
        assert_eq!(stat.kind, kind);
        let expected = if kind == FileKind::Regular { Ok(()) } else { Err(Refusal::Kind(kind)) };
        assert_eq!(check_kind(&stat), expected);
    }
    assert_eq!(directory.stat("nothing").unwrap(), None);
    assert_eq!(directory.stat("file/in").unwrap_err().kind(), ErrorKind::NotADirectory);

    let metadata = fs::metadata(dir.path().join("file")).unwrap();
    fs::hard_link(dir.path().join("file"), dir.path().join("other name")).unwrap();
    for stat in [
        directory.stat("file").unwrap().unwrap(),
        File::stat(&directory.open("other name").unwrap()).unwrap(),
    ] {
        assert_eq!((stat.links, stat.size, stat.mode), (2, 5, 0o640));
        assert_eq!(stat.identity, (metadata.dev(), metadata.ino()));
        assert_eq!(check_kind(&stat), Err(Refusal::Links(2)));
    }
}

#[test]
fn a_file_that_others_could_write_to_is_refused() {
    let (dir, directory) = zoo();
    for (mode, is_refused) in [(0o640, false), (0o755, false), (0o620, true), (0o602, true), (0o666, true)] {
        fs::set_permissions(dir.path().join("file"), fs::Permissions::from_mode(mode)).unwrap();
        let stat = directory.stat("file").unwrap().unwrap();
        assert_eq!(check_mode(&stat), if is_refused { Err(Refusal::Writable(mode)) } else { Ok(()) });
    }
}

#[test]
fn what_is_opened_follows_no_link_waits_for_no_pipe_and_stays_with_this_process() {
    let (_dir, directory) = zoo();
    for open in [<Directory as Medium>::open, Directory::open_to_append] {
        let file = open(&directory, "file").unwrap();
        assert!(fcntl_getfd(&file).unwrap().contains(FdFlags::CLOEXEC));
        assert_eq!(open(&directory, "link").unwrap_err().raw_os_error(), Some(40), "ELOOP");
        assert_eq!(open(&directory, "nothing").unwrap_err().kind(), ErrorKind::NotFound);
    }
    // No process writes to the pipe, so an open that blocks would block for ever.
    directory.open("pipe").unwrap();
    directory.open_to_append("pipe").unwrap_err();
    assert!(fcntl_getfd(&directory).unwrap().contains(FdFlags::CLOEXEC));
}

#[test]
fn a_file_is_created_once_and_grows_at_its_end() {
    let (dir, directory) = zoo();
    let created = directory.create("new").unwrap();
    assert!(fcntl_getfd(&created).unwrap().contains(FdFlags::CLOEXEC));
    assert_eq!(File::stat(&created).unwrap().mode & !0o640, 0, "for nobody else");
    for taken in ["new", "file", "link", "pipe"] {
        assert_eq!(directory.create(taken).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
    let opened = directory.open_to_append("new").unwrap();
    for (file, bytes) in [(&created, &b"one"[..]), (&opened, b"two"), (&created, b"three")] {
        assert_eq!(WriteFile::write(file, bytes).unwrap(), bytes.len());
    }
    SyncFile::sync(&created).unwrap();
    assert_eq!(fs::read(dir.path().join("new")).unwrap(), b"onetwothree");
    opened.truncate(4).unwrap();
    assert_eq!(WriteFile::write(&created, b"!").unwrap(), 1);
    let reader = directory.open("new").unwrap();
    WriteFile::write(&reader, b"no").unwrap_err();
    reader.evict(0).unwrap();
    let mut buffer = [b'-'; 8];
    assert_eq!(reader.read_at(&mut buffer, 1).unwrap(), 4);
    assert_eq!(&buffer, b"net!----");
    assert_eq!(reader.read_at(&mut buffer, 5).unwrap(), 0, "the end");
}

#[test]
fn a_name_is_given_and_removed_but_not_taken_away() {
    let (dir, directory) = zoo();
    fs::write(dir.path().join("other"), "other").unwrap();
    assert_eq!(directory.rename("file", "other").unwrap_err().kind(), ErrorKind::AlreadyExists);
    directory.rename("file", "renamed").unwrap();
    directory.remove("other").unwrap();
    directory.sync().unwrap();
    assert_eq!(directory.stat("file").unwrap(), None);
    assert_eq!(directory.stat("other").unwrap(), None);
    assert_eq!(fs::read(directory.path("renamed")).unwrap(), b"12345");
}

#[test]
fn a_lock_is_held_by_one_and_dropped_with_its_file() {
    let (dir, directory) = zoo();
    let identity = directory.stat("file").unwrap().unwrap().identity;
    let lock = Lock::take(&directory, "file").unwrap().unwrap();
    assert_eq!(lock.identity(), identity);
    assert!(Lock::take(&directory, "file").unwrap().is_none());
    let as_fd = rustix::fs::fstat(&lock).unwrap();
    assert_eq!((as_fd.st_dev, as_fd.st_ino), identity);
    drop(lock);
    let again = Lock::take(&directory, "file").unwrap().unwrap();
    // Another file under the same name is another lock.
    fs::remove_file(dir.path().join("file")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let other = Lock::take(&directory, "file").unwrap().unwrap();
    assert_ne!(again.identity(), other.identity());
}

#[test]
fn a_directory_is_opened_where_there_is_one() {
    let (dir, directory) = zoo();
    assert_eq!(directory.directory(), dir.path());
    assert_eq!(rustix::fs::fstat(&directory).unwrap().st_ino, fs::metadata(dir.path()).unwrap().ino());
    let open = |name: &str| Directory::open(&dir.path().join(name));
    assert!(matches!(open("nothing").unwrap_err(), OpenError::Missing));
    assert!(matches!(open("file").unwrap_err(), OpenError::NotADirectory));
    assert!(matches!(open("pipe").unwrap_err(), OpenError::NotADirectory));
    assert!(matches!(open(&"long".repeat(100)).unwrap_err(), OpenError::Refused(_)));
}

#[test]
fn a_directory_is_created_with_those_above_it() {
    let (dir, directory) = zoo();
    let deep = dir.path().join("one/two/three");
    assert!(directory::create(&deep).unwrap());
    assert!(!directory::create(&deep).unwrap(), "it is there");
    assert!(directory::create(&dir.path().join("one/two/four")).unwrap());
    for made in [&deep, &dir.path().join("one")] {
        assert_eq!(fs::metadata(made).unwrap().mode() & 0o777 & !0o750, 0, "not for everybody");
    }
    directory::create(&dir.path().join("file")).unwrap_err();
    directory::create(&dir.path().join("file/in")).unwrap_err();
    let before = fs::read_dir(dir.path()).unwrap().count();
    directory.prove_writable().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before, "the proof leaves nothing");
    let gone = dir.path().join("one/two/four");
    let without = Directory::open(&gone).unwrap();
    fs::remove_dir(&gone).unwrap();
    without.prove_writable().unwrap_err();
}
