//! A copy of the source tree with all bugs in it, each with a switch. Production code has none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::bugs::{Bug, Means};

/// The crate that the copy has besides. It asks for one bug, by the environment.
const SWITCH: &str = r#"//! Which bug is planted.

use std::sync::OnceLock;

/// True if the bug of this name is planted in this process.
pub fn is(name: &str) -> bool {
    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("PLANTED_TRIAL").ok()).as_deref() == Some(name)
}
"#;

const SWITCH_MANIFEST: &str = r#"[package]
name = "dreichor-planted"
version = "0.0.0"
edition = "2024"
"#;

/// Copies the tree, changes the copy, and builds this test there; the path of its program.
pub(crate) fn build(bugs: &[Bug]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut files = BTreeMap::new();
    for name in ["Cargo.toml", "Cargo.lock"] {
        files.insert(PathBuf::from(name), fs::read(root.join(name)).unwrap());
    }
    read_folder(&root, Path::new("crates"), &mut files);
    read_folder(&root, Path::new("tests/vectors"), &mut files);
    let changes = changes_by_file(bugs);
    let crates: BTreeSet<&str> = changes.keys().filter_map(|file| file.split("/src/").next()).collect();
    for folder in crates {
        let dependency = "[dependencies]\ndreichor-planted = { path = \"../planted\" }\n";
        rewrite(&mut files, &format!("{folder}/Cargo.toml"), |manifest| {
            manifest.replacen("[dependencies]\n", dependency, 1)
        });
    }
    for (file, changes) in changes {
        rewrite(&mut files, file, |source| changed(file, source, changes));
    }
    // Cargo names what it compiles by package and version: without another version, the copy's crates would overwrite
    // those of the checkout.
    rewrite(&mut files, "Cargo.toml", |manifest| {
        let version = concat!("\nversion = \"", env!("CARGO_PKG_VERSION"));
        assert!(manifest.contains(version), "the workspace's manifest has no version");
        manifest.replacen(version, &format!("{version}-planted"), 1)
    });
    files.insert("crates/planted/src/lib.rs".into(), SWITCH.into());
    files.insert("crates/planted/Cargo.toml".into(), SWITCH_MANIFEST.into());
    let tree = temporary.join("planted/tree");
    write(&tree, &files);
    compile(&tree, temporary.parent().unwrap())
}

/// Adds all files below a folder of the root.
fn read_folder(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        if root.join(&path).is_dir() {
            read_folder(root, &path, files);
        } else {
            files.insert(path.clone(), fs::read(root.join(&path)).unwrap());
        }
    }
}

/// A change, and the name of its bug.
type NamedChange<'b> = (&'b str, &'b super::bugs::Change);

fn changes_by_file(bugs: &[Bug]) -> BTreeMap<&str, Vec<NamedChange<'_>>> {
    let mut by_file = BTreeMap::<&str, Vec<NamedChange<'_>>>::new();
    for bug in bugs {
        if let Means::Changes(changes) = &bug.means {
            for change in changes {
                by_file.entry(&change.file).or_default().push((&bug.name, change));
            }
        }
    }
    by_file
}

/// The source with all changes. Each is found in the source as it is, whatever the others do.
fn changed(file: &str, source: &str, changes: Vec<NamedChange<'_>>) -> String {
    let mut places = Vec::new();
    for (bug, change) in changes {
        let found: Vec<usize> = source.match_indices(&change.find).map(|(at, _)| at).collect();
        let [at] = found[..] else {
            panic!(
                "planted.txt, {bug}: this occurs {} times in {file}, not once: {}",
                found.len(),
                change.find
            )
        };
        let is_planted = format!("::dreichor_planted::is({bug:?})");
        places.push((at, at + change.find.len(), change.put.replace("PLANTED", &is_planted), bug));
    }
    places.sort_unstable();
    let (mut result, mut done) = (String::new(), 0);
    for (start, end, put, bug) in places {
        assert!(start >= done, "planted.txt, {bug}: another bug changes the same place of {file}");
        result += &source[done..start];
        result += &put;
        done = end;
    }
    result + &source[done..]
}

/// Writes the files that are not so already, so that an unchanged tree is not compiled again, and removes all others.
fn write(tree: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    let mut found = BTreeMap::new();
    if tree.is_dir() {
        read_folder(tree, Path::new(""), &mut found);
    }
    for path in found.keys().filter(|path| !files.contains_key(*path)) {
        fs::remove_file(tree.join(path)).unwrap();
    }
    for (path, bytes) in files.iter().filter(|(path, bytes)| found.get(*path) != Some(bytes)) {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Builds in the checkout's target directory and for the whole workspace, as `cargo test --workspace` does: then all
/// dependencies have the same features, and those that are compiled already are taken.
fn compile(tree: &Path, target: &Path) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["test", "--no-run", "--workspace", "--test", "planted", "--message-format=json"])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target)
        .stderr(Stdio::inherit());
    // What Cargo tells this test of its package would be a change of the environment to the dependencies' build scripts.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    let built = command.output().unwrap();
    assert!(built.status.success(), "the copy in {} does not compile", tree.display());
    let messages = String::from_utf8(built.stdout).unwrap();
    let programs = messages.split("\"executable\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    programs.last().unwrap().into()
}

/// Changes the text of one file.
fn rewrite(files: &mut BTreeMap<PathBuf, Vec<u8>>, path: &str, change: impl FnOnce(&str) -> String) {
    let bytes = files.get_mut(Path::new(path)).unwrap_or_else(|| panic!("there is no {path}"));
    *bytes = change(str::from_utf8(bytes).unwrap()).into_bytes();
}
