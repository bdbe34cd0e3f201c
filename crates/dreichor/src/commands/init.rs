//! `init`: creates the two mounts.

use dreichor_log::directory;
use dreichor_replay::Error;
use dreichor_runtime::Config;

use crate::arguments::Json;
use crate::output::{Failure, print_line};

pub(super) fn run(config: &Config, json: Json) -> Result<u8, Failure> {
    let mounts = [("audit-events", &config.audit_events_dir), ("snapshots", &config.snapshots_dir)];
    // Both, before anything is printed: a reader that goes away must not leave one of them out.
    let mut created = Vec::new();
    for (name, path) in mounts {
        let is_new = directory::create(path).map_err(|error| {
            let next = "see to what is there, and to the permissions above it";
            Error::unavailable(path, "the mount cannot be created", next).because(error)
        })?;
        created.push((name, path, is_new));
    }
    for (name, path, is_new) in created {
        if json.json {
            let mut path_json = Vec::new();
            dreichor_core::canonical::write_string(&mut path_json, &path.to_string_lossy());
            let path_json = String::from_utf8_lossy(&path_json);
            print_line(&format!("{{\"mount\":\"{name}\",\"path\":{path_json},\"created\":{is_new}}}"))?;
        } else {
            let what = if is_new { "created" } else { "is there already, unchanged" };
            print_line(&format!("{} mount {}: {what}", name, path.display()))?;
        }
    }
    Ok(0)
}
