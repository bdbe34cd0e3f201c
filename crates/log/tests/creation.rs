//! A directory is created with its ancestors, whichever of them a killed `init` has created.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use dreichor_log::directory;

const PARTS: [&str; 3] = ["data", "dreichor", "audit-events"];

#[test]
fn what_a_killed_creation_left_is_completed() {
    for left in 0..=PARTS.len() {
        let dir = tempfile::TempDir::new().unwrap();
        let mount = dir.path().join(PARTS.join("/"));
        fs::create_dir_all(dir.path().join(PARTS[..left].join("/"))).unwrap();
        assert_eq!(directory::create(&mount).unwrap(), left < PARTS.len(), "{left} were there");
        // Again and again: nothing changes, and what is in it stays.
        fs::write(mount.join("file"), "kept").unwrap();
        assert!(!directory::create(&mount).unwrap());
        assert_eq!(fs::read(mount.join("file")).unwrap(), b"kept");
        for created in left + 1..=PARTS.len() {
            let mode =
                fs::metadata(dir.path().join(PARTS[..created].join("/"))).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777 & !0o750, 0, "{:?} is open to others", &PARTS[..created]);
        }
    }
}
