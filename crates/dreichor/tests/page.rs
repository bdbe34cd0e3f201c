//! The page for people: its files, and itself in a real browser.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use support::{Bench, DREICHOR, clean};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../observer/page");

/// The modules that others wrote are those of the registry, as their list says.
#[test]
fn vendored_files_are_those_of_their_list() {
    let dir = Path::new(PAGE).join("vendor");
    let list = fs::read_to_string(dir.join("files.txt")).unwrap();
    let mut names = vec!["files.txt".to_owned()];
    for line in list.lines() {
        let [_, _, _, name, sha256] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let mut hasher = Hasher::plain();
        hasher.put(&fs::read(dir.join(name)).unwrap());
        assert_eq!(hasher.finish().to_string(), sha256, "{name}; page/vendor.sh fetches it");
        names.push(name.to_owned());
    }
    let mut found: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    names.sort();
    assert_eq!(found, names);
}

/// The page is one document, with all of its modules. It is served to clients without the token too, with a policy that allows
/// no other host, and no script but its own.
#[test]
fn the_page_needs_no_token() {
    let bench = Bench::filled();
    fs::write(bench.path("token"), "a-token-of-thirty-two-characters").unwrap();
    fs::set_permissions(bench.path("token"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let observed = bench.observe(&["--observer-token-file", "{dir}/token"]);
    observed.get("/v1/observe/persistence/tree-head").expect(401);
    let index = observed.get("/").expect(200);
    let policy = index.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'sha256-",
        "style-src 'sha256-",
        "connect-src 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    // A browser puts the headers of a 304 in place of those of its 200.
    let known = format!("If-None-Match: {}", index.header("etag").unwrap());
    let unchanged = observed.ask("GET", "/", &[&known]).expect(304);
    assert_eq!(unchanged.header("content-security-policy"), Some(policy));
    let document = String::from_utf8(index.body).unwrap();
    let mut dirs = vec![Path::new(PAGE).to_owned()];
    let (mut parts, mut served) = (0, 0);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(PAGE).unwrap().to_str().unwrap();
            if path.is_dir() {
                dirs.push(path);
            } else if [".js", ".mjs", ".css"].iter().any(|end| name.ends_with(end)) {
                let part = fs::read_to_string(&path).unwrap();
                // A statement that neither imports nor exports is in the document as it is.
                let statements = part.split([';', '\n']);
                let kept = statements.filter(|text| !text.contains("import") && !text.contains("export"));
                let longest = kept.max_by_key(|text| text.len()).filter(|text| text.len() > 8).unwrap();
                assert!(document.contains(longest), "{name}");
                parts += 1;
            } else if !["index.html", "vendor.sh", "vendor/files.txt"].contains(&name) {
                let answer = observed.get(&format!("/page/{name}")).expect(200);
                assert!(answer.body == fs::read(&path).unwrap(), "{name}");
                assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
                served += 1;
            }
        }
    }
    assert!(parts > 20 && served > 2, "{parts} {served}");
    observed.get("/page/vendor.sh").expect(404);
    observed.get("/page/views").expect(404);
}

#[test]
#[ignore = "needs chromium, python3, and pip for playwright and axe"]
fn the_page_works_in_a_browser() {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let python = venv.join("bin/python");
    let install = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    if !python.exists() {
        install(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    }
    let packages = ["playwright==1.65.2", "axe-playwright-python==0.1.8"];
    install(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page_in_browser.py");
    let mut command = clean(python.to_str().unwrap());
    command.arg("-B").arg(script).arg(DREICHOR);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
