//! `init`: creates the two directories of the stores.

use dreichor_log::directory;
use dreichor_replay::directories::{AUDIT_EVENTS, SNAPSHOTS};
use dreichor_replay::{Directories, Error};
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::Json;
use crate::output::{Failure, print_line};

pub(super) fn run(config: &Config, json: Json) -> Result<ExitCode, Failure> {
    let Directories { audit_events, snapshots } = &config.directories;
    let directories = [(AUDIT_EVENTS, audit_events), (SNAPSHOTS, snapshots)];
    // Both, before anything is printed: a reader that goes away must not leave one of them out.
    let mut created = Vec::new();
    for (name, path) in directories {
        let is_new = directory::create(path).map_err(|error| {
            let next = "check the path and the permissions of the directory above it, or name another one: `dreichor --data-dir DIR init`";
            Error::unavailable(path, "the directory cannot be created", next).because(error)
        })?;
        created.push((name, path, is_new));
    }
    for (name, path, is_new) in created {
        if json.json {
            let mut path_json = Vec::new();
            dreichor_core::canonical::write_string(&mut path_json, &path.to_string_lossy());
            let path_json = String::from_utf8_lossy(&path_json);
            print_line(&format!("{{\"directory\":\"{name}\",\"path\":{path_json},\"created\":{is_new}}}"))?;
        } else {
            let what = if is_new { "created" } else { "exists already, unchanged" };
            print_line(&format!("{} directory {}: {what}", name, path.display()))?;
        }
    }
    Ok(ExitCode::Done)
}
