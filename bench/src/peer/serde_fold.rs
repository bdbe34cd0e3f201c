//! The plain fold: reads line by line, parses each to a typed value, checks nothing.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Result;

use super::fold::{Fold, Summary};

pub(super) fn fold(events: &Path) -> Result<Summary> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(events)?);
    let mut fold = Fold::default();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        fold.add(&serde_json::from_slice(&line)?);
        line.clear();
    }
    Ok(fold.summary(None))
}
