//! A running writer whose files, mounts or file system change, in addition to `refusals.rs`: permissions, other mounts, a
//! file system that turns read-only.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::namespace::{FileSystem, Namespace};
use support::{Bench, Running, lines, run, vector, vector_stores};

/// A writer that has acknowledged ten of the vectors' inputs.
fn start(bench: &Bench, disk: Option<&Namespace>) -> Running {
    let command = bench.command(&["--log-level=error", "ingest"]);
    let mut running = Running::start(
        &mut disk.map_or(command, |disk| disk.inside(&bench.command(&["--log-level=error", "ingest"]))),
    );
    // The tenth input changes no position: with its acknowledgement, all snapshots before it are written.
    for inputs in [&lines(&vector("inputs.ndjson"))[..9], &lines(&vector("inputs.ndjson"))[9..10]] {
        running.send(&inputs.concat());
        running.take_lines(inputs.len());
    }
    running
}

fn rest() -> Vec<u8> {
    lines(&vector("inputs.ndjson"))[10..].concat()
}

#[test]
fn permissions_taken_away_do_not_stop_a_writer_but_the_next() {
    let bench = Bench::new();
    let mut running = start(&bench, None);
    for path in [bench.log_path(), bench.snapshots_path()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o440)).unwrap();
    }
    running.send(&rest());
    assert_eq!(lines(&running.finish().expect(0).stdout).len(), 62);
    bench.check_whole();
    // Root may write to every file.
    if !rustix::process::geteuid().is_root() {
        bench.refuses(&["ingest"], 10, &["{log}"]);
    }
}

#[test]
#[ignore = "needs to mount file systems"]
fn a_file_system_in_use_is_not_made_read_only() {
    let (bench, disk) = Namespace::mounted(FileSystem::Tmpfs);
    let mut running = start(&bench, Some(&disk));
    let refused = disk.sh("mount -o remount,ro \"$0\"", &bench.path("data"));
    assert!(refused.code != Some(0), "the kernel let it be made read-only");
    // The same files by another mount, which is read-only, on top: the writer's own descriptors are not of it.
    disk.sh("mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"", &bench.path("data")).expect(0);
    running.send(&rest());
    assert_eq!(lines(&running.finish().expect(0).stdout).len(), 62);
    assert!(disk.stores(&bench) == vector_stores());
    run(&mut disk.inside(&bench.command(&["ingest"])), b"").expect(10);
}

#[test]
#[ignore = "needs to mount file systems"]
fn another_file_system_on_top_of_a_mount() {
    for is_log in [true, false] {
        let (bench, disk) = Namespace::mounted(FileSystem::Tmpfs);
        let mut running = start(&bench, Some(&disk));
        let path = if is_log { bench.log_path() } else { bench.snapshots_path() };
        disk.sh("mount -t tmpfs none \"$0\"", path.parent().unwrap()).expect(0);
        running.send(&rest());
        let outcome = running.finish().expect(10);
        let path = path.display().to_string();
        // All of the rest is one batch: its events come first, and are then acknowledged.
        let acknowledged = if is_log { 10 } else { 72 };
        let outcome = outcome.says(&[path, support::acknowledged(acknowledged).unwrap()]);
        assert_eq!(lines(&outcome.stdout).len(), acknowledged - 10);
        let mount = if is_log { "audit-events" } else { "snapshots" };
        disk.sh(&format!("[ -z \"$(ls \"$0/{mount}\")\" ] && umount \"$0/{mount}\""), &bench.path("data"))
            .expect(0);
        run(&mut disk.inside(&bench.command(&["ingest"])), &vector("inputs.ndjson")).expect(0);
        assert!(disk.stores(&bench) == vector_stores());
    }
}

#[test]
#[ignore = "needs to mount file systems"]
fn a_file_system_that_turns_read_only_by_an_error() {
    let (bench, disk) = Namespace::mounted(FileSystem::Ext4);
    let mut running = start(&bench, Some(&disk));
    // As a broken block would have it: by `errors=remount-ro`, nothing can be written from now on.
    let script =
        "device=$(findmnt -n -o SOURCE \"$0\") && echo 1 > /sys/fs/ext4/${device#/dev/}/trigger_fs_error";
    disk.sh(script, &bench.path("data")).expect(0);
    running.send(&rest());
    let outcome = running.finish().expect(13).says(&[bench.fill_in("{log}: ")]);
    assert!(outcome.stdout.is_empty(), "acknowledged");
    let repair = "umount \"$0\" && { e2fsck -fp \"$0.image\" > /dev/null; [ $? -le 1 ]; } && mount -t ext4 -o loop \"$0.image\" \"$0\"";
    disk.sh(repair, &bench.path("data")).expect(0);
    let outcome = run(&mut disk.inside(&bench.command(&["ingest"])), &vector("inputs.ndjson")).expect(0);
    assert!(outcome.json()[..10].iter().all(|line| line["status"] == "ALREADY_RECORDED"), "an input is lost");
    assert!(disk.stores(&bench) == vector_stores());
}
