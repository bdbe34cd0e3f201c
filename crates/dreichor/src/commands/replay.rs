//! `replay`: the receipt.

use dreichor_replay::{Receipt, Replayed};
use dreichor_runtime::{Config, ExitCode};

use crate::arguments::Json;
use crate::output::{Failure, print_line};
use crate::progress::Progress;

pub(super) fn run(config: &Config, json: Json) -> Result<ExitCode, Failure> {
    let mut replayed = Replayed::read(&config.directories, &mut Progress::new("replay"))?;
    let receipt = Receipt::of(&mut replayed).with_digests(&replayed);
    print_line(&if json.json { receipt.to_json() } else { receipt.to_string() })?;
    Ok(ExitCode::Done)
}
