//! `init`: creates the two mounts.

use dreichor_log::Directory;
use dreichor_runtime::{Config, Error};

use crate::arguments::Json;
use crate::output::{Failure, print_line};

pub(super) fn run(config: &Config, json: Json) -> Result<u8, Failure> {
    for (name, path) in [("audit-events", &config.audit_events_dir), ("snapshots", &config.snapshots_dir)] {
        let created = Directory::create(path).map_err(|error| Error::Unavailable {
            path: path.clone(),
            problem: format!("the mount cannot be created: {error}"),
            next: "see to what is there, and to the permissions above it".into(),
        })?;
        if json.json {
            let mut path_json = Vec::new();
            dreichor_core::canonical::write_string(&mut path_json, &path.to_string_lossy());
            let path_json = String::from_utf8_lossy(&path_json);
            print_line(&format!("{{\"mount\":\"{name}\",\"path\":{path_json},\"created\":{created}}}"))?;
        } else {
            let what = if created { "created" } else { "is there already, unchanged" };
            print_line(&format!("{} mount {}: {what}", name, path.display()))?;
        }
    }
    Ok(0)
}
