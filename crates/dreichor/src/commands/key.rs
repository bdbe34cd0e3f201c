//! `key generate`, and the private keys that `checkpoint` signs with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use dreichor_proof::{KeyName, SignerKey};
use dreichor_replay::Error;
use dreichor_runtime::ExitCode;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::arguments::{Json, KeyAction};
use crate::output::{self, Failure, print_json, print_line};
use crate::trust::{shown, usage};

/// No private key is longer, in bytes.
const TEXT_BYTES_MAX: u64 = 4_096;

/// `key generate --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Generated<'k> {
    origin: &'k str,
    public_key: String,
}

pub(super) fn run(action: KeyAction) -> Result<ExitCode, Failure> {
    match action {
        KeyAction::Generate { origin, out, json } => generate(origin, &out, json),
    }
}

fn generate(origin: KeyName, out: &Path, json: Json) -> Result<ExitCode, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)
        .map_err(|error| Failure::Internal(format!("the system gives no random bytes: {error}")))?;
    let key = SignerKey::new(origin, &seed);
    write_new(out, &key)?;
    let (origin, public_key) = (key.verifier().name().as_str(), key.verifier().to_string());
    let printed =
        if json.json { print_json(&Generated { origin, public_key }) } else { print_line(&public_key) };
    output::result(printed, ExitCode::Done)
}

/// Writes the key to a new file, durably, readable by its owner only.
fn write_new(path: &Path, key: &SignerKey) -> Result<(), Failure> {
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(usage(&format!(
                "--out {}: there is a file already, and a key is never written over one",
                shown(path)
            )));
        }
        Err(error) => return Err(usage(&format!("--out {}: {error}", shown(path)))),
    };
    let mut write = || -> io::Result<()> {
        file.write_all(key.to_text().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|error| {
        // A key that may be lost by a crash must not be used; nobody has it yet.
        let _ = fs::remove_file(path);
        Error::unavailable(path, "the key could not be written", "check the disk, then generate another key")
            .because(error)
            .into()
    })
}

/// Reads the private key that a file holds.
pub(super) fn read(path: &Path) -> Result<SignerKey, Failure> {
    let fault = |problem: String| usage(&format!("--key {}: {problem}", shown(path)));
    let file = File::open(path).map_err(|error| fault(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| fault(error.to_string()))?;
    let mode = metadata.mode() & 0o7777;
    // A pipe from a keeper of secrets has no other readers. A secret of Kubernetes or systemd may be its group's, too.
    if metadata.is_file() && mode & 0o037 != 0 {
        return Err(fault(format!(
            "its mode is {mode:04o}, so others can use the key: `chmod 600` it, and generate another one if it was read"
        )));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(|error| fault(error.to_string()))?;
    SignerKey::parse(text.strip_suffix('\n').unwrap_or(&text)).map_err(|error| fault(error.to_string()))
}
