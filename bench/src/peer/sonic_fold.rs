//! The fold by a parser with vector instructions, on two threads; checks nothing.

use std::path::Path;

use anyhow::Result;

use super::blocks;
use super::fold::{Fold, Summary};

pub(super) fn fold(events: &Path) -> Result<Summary> {
    let folds = blocks::map(events, |block| {
        let mut fold = Fold::default();
        for line in blocks::lines(block) {
            fold.add(&sonic_rs::from_slice(line)?);
        }
        Ok(fold)
    })?;
    Ok(folds.into_iter().fold(Fold::default(), Fold::join).summary(None))
}
