//! The directories that `init` creates, on a file system that loses what is not synced.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::{Path, PathBuf};

use dreichor_log::directory::create_in;
use dreichor_simulation::SimulatedTree;
use support::{init, seed};

#[test]
fn what_is_acknowledged_after_a_killed_init_survives() {
    let mut cases = 0;
    init::run(seed(), &mut cases);
    eprintln!("{cases} trees after killed inits");
}

const EIO: i32 = 5;
const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const EROFS: i32 = 30;

/// The first ancestor belongs to another user, or to a file system that is read-only.
#[test]
fn an_ancestor_that_cannot_be_synced_is_skipped_unless_it_fails() {
    let path = Path::new("/srv/new/mount");
    let tree = || SimulatedTree::holding(["/", "/srv"].map(PathBuf::from), None);
    for errno in [EACCES, EINVAL, EROFS] {
        let tree = tree().refusing(Path::new("/"), errno);
        assert!(create_in(&tree, path).unwrap(), "errno {errno}");
        assert!(tree.images().iter().all(|image| image.has(path)), "errno {errno}");
    }
    for directory in ["/", "/srv", "/srv/new", "/srv/new/mount"] {
        create_in(&tree().refusing(Path::new(directory), EIO), path).unwrap_err();
    }
    // Every directory that was created or will be used must be synced.
    for directory in ["/srv", "/srv/new", "/srv/new/mount"] {
        create_in(&tree().refusing(Path::new(directory), EACCES), path).unwrap_err();
    }
}
