//! `replay`: the receipt.

use dreichor_replay::Receipt;
use dreichor_runtime::{Config, gate};

use crate::arguments::Json;
use crate::output::{Failure, print_line};
use crate::progress::Progress;

pub(super) fn run(config: &Config, json: Json) -> Result<u8, Failure> {
    let mut replayed = gate::replay_for_tool(config, &mut Progress::new("replay"))?;
    let receipt = Receipt::of(&mut replayed).with_digests(&replayed);
    print_line(&if json.json { receipt.to_json() } else { receipt.to_string() })?;
    Ok(0)
}
