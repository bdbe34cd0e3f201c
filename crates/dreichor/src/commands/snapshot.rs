//! `snapshot`: one snapshot of the present ledger.

use dreichor_runtime::{Config, ExitCode, gate};

use super::ingest::start_session;
use crate::arguments::Json;
use crate::output::{Failure, print_line};
use crate::progress::Progress;

pub(super) fn run(config: &Config, json: Json) -> Result<ExitCode, Failure> {
    let admitted = gate::admit_writer(config, || Ok(()), &mut Progress::new("replay"))?;
    let mut session = start_session(config, &admitted.stores, admitted.recovered)?;
    let written = session.snapshot()?;
    match (session.latest(), json.json) {
        (Some((id, size)), true) => print_line(&format!(
            "{{\"written\":{},\"snapshotId\":\"{id}\",\"auditTreeSize\":{size}}}",
            written.is_some()
        ))?,
        (None, true) => print_line("{\"written\":false,\"snapshotId\":null,\"auditTreeSize\":0}")?,
        (Some((id, size)), false) if written.is_some() => {
            print_line(&format!("wrote snapshot {id} of {size} events"))?;
        }
        (Some((id, size)), false) => {
            print_line(&format!("nothing written: snapshot {id} already covers all {size} events"))?;
        }
        (None, false) => print_line("nothing written: the log is empty")?,
    }
    Ok(ExitCode::Done)
}
