//! A small file system, mounted in a mount namespace of its own: whenever the test ends, and however, nothing of it
//! is left.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Bench, Outcome, clean, run};

/// A kind of file system.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FileSystem {
    Tmpfs,
    /// On a file, by a loop device: root may mount it, where there are loop devices.
    Ext4,
}

impl FileSystem {
    pub(crate) const ALL: [Self; 2] = [Self::Tmpfs, Self::Ext4];

    /// Mounts it on `$0`.
    const fn script(self) -> &'static str {
        match self {
            Self::Tmpfs => "mount -t tmpfs -o size=4m none \"$0\"",
            Self::Ext4 => {
                "truncate -s 8m \"$0.image\" && mkfs.ext4 -q -F -m 0 \"$0.image\" && \
                 mount -t ext4 -o loop,errors=remount-ro \"$0.image\" \"$0\""
            }
        }
    }
}

/// A process that keeps the namespace alive until its standard input is closed: at the latest when we end.
pub(crate) struct Namespace {
    keeper: Child,
    is_root: bool,
}

impl Namespace {
    /// Creates `place` and mounts a file system on it.
    pub(crate) fn mount(file_system: FileSystem, place: &Path) -> Self {
        fs::create_dir(place).unwrap();
        let is_root = rustix::process::geteuid().is_root();
        // Without root, a user namespace allows mounts of some file systems, such as tmpfs.
        let flags = if is_root { "-m" } else { "-rm" };
        let script = format!("{} >&2 && echo mounted && exec cat", file_system.script());
        let keeper = clean("unshare")
            .args([flags, "sh", "-c", &script])
            .arg(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut keeper = keeper.unwrap();
        let mut told = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut told).unwrap();
        assert_eq!(told, "mounted\n", "this system lets us mount no {file_system:?}");
        Self { keeper, is_root }
    }

    /// A file system of its own with two empty mounts on it.
    pub(crate) fn mounted(file_system: FileSystem) -> (Bench, Self) {
        let bench = Bench::bare();
        let disk = Self::mount(file_system, &bench.path("data"));
        run(&mut disk.inside(&bench.command(&["init"])), b"").expect(0);
        (bench, disk)
    }

    /// Log and snapshots, as they are inside; empty: not there.
    pub(crate) fn stores(&self, bench: &Bench) -> [Vec<u8>; 2] {
        [bench.log_path(), bench.snapshots_path()].map(|path| fs::read(self.path(&path)).unwrap_or_default())
    }

    /// `path` as seen from inside.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), path.display()))
    }

    /// The same command, inside.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = clean("nsenter");
        inside.arg("-m").arg("-t").arg(self.keeper.id().to_string());
        if !self.is_root {
            inside.args(["-U", "--preserve-credentials"]);
        }
        inside.arg("--").arg(command.get_program()).args(command.get_args());
        inside
    }

    /// Runs a script inside, with `place` as its `$0`.
    pub(crate) fn sh(&self, script: &str, place: &Path) -> Outcome {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(place);
        run(&mut self.inside(&command), b"")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
