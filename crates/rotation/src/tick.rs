//! A tick, and its line of JSON.

use std::fmt;

use crate::facts::Facts;
use crate::market_id::MarketId;
use crate::pool::Pool;

/// The class of every decision of this strategy.
const DECISION_CLASS: &str = "attention.rotate.candles@v1";

/// One decision of one instance at one step. Its `Display` is the line that the runtime reads, without
/// LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    pub(crate) logical_time: u64,
    pub(crate) pool: Pool,
    pub(crate) facts: Facts,
    pub(crate) target: Option<MarketId>,
    pub(crate) is_crash: bool,
}

impl Tick {
    /// The number of the step, from 1.
    pub fn logical_time(&self) -> u64 {
        self.logical_time
    }

    /// The pool, and with it the instance, that decided.
    pub fn pool(&self) -> Pool {
        self.pool
    }

    /// What it found.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// The market with the highest attention, if any could be measured.
    pub fn target(&self) -> Option<&MarketId> {
        self.target.as_ref()
    }

    /// Whether the crash rule asks to buy nothing and to sell what is held.
    pub fn is_crash(&self) -> bool {
        self.is_crash
    }

    fn reason_codes(&self) -> impl Iterator<Item = &'static str> {
        let is_better = self.facts.are_better();
        let has_target = self.target.is_some();
        let attention_fails = has_target && !self.facts.call_for_attention();
        let stability_fails = has_target && !self.facts.stability_meets_minimum;
        [
            (is_better, "ATTENTION_SUPERIOR"),
            (!has_target, "UNKNOWN"),
            (attention_fails, "ATTENTION_INSUFFICIENT"),
            (stability_fails, "STABILITY_INSUFFICIENT"),
            (self.is_crash, "SAFETY_TRIGGERED"),
        ]
        .into_iter()
        .filter_map(|(applies, code)| applies.then_some(code))
    }
}

/// Every text in it is of a form that JSON does not escape.
impl fmt::Display for Tick {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, instance) = (self.logical_time, self.pool.instance_id());
        write!(formatter, r#"{{"version":1,"kind":"TICK","logicalTime":{time},"#)?;
        write!(formatter, r#""strategyInstanceId":"{instance}","decisionClass":"{DECISION_CLASS}","#)?;
        formatter.write_str(r#""reasonCodes":["#)?;
        for (place, code) in self.reason_codes().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(formatter, r#"{comma}"{code}""#)?;
        }
        write!(formatter, r#"],"attention":{},"parameterPoolId":"{}","#, self.facts, self.pool.id())?;
        match &self.target {
            Some(market) => write!(formatter, r#""targetMarketId":"{market}","#)?,
            None => formatter.write_str(r#""targetMarketId":null,"#)?,
        }
        let crash = self.is_crash;
        write!(formatter, r#""safetyGates":{{"haltAll":false,"blockBuy":{crash},"forceSell":{crash}}}}}"#)
    }
}
