//! The words for values in scenarios: `A` is a strategy instance, `A@3` its decision at time 3,
//! `A@3.STRATEGY.BUY.M1` an order of that decision, or the execution of that order.

use std::collections::BTreeMap;

use dreichor_core::id::{DecisionId, ExecutionId, OrderIntentId};
use dreichor_core::value::{
    Attention, Comment, Form, LogicalTime, ParameterPool, Plane, ReasonCode, ReasonCodes, SafetyGates,
    StrategyInstanceId,
};

/// `key=value` words. Words without a key take the given keys, in order.
pub(crate) struct Words<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Words<'a> {
    pub(crate) fn new(text: &'a str, keys: &[&'a str]) -> Self {
        let mut keys = keys.iter();
        let pairs = text.split_whitespace().map(|word| match word.split_once('=') {
            Some(pair) => pair,
            None => (*keys.next().unwrap_or_else(|| panic!("too many words: {text}")), word),
        });
        Self(pairs.collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).copied()
    }

    /// The value under `key`, of the form that is asked for.
    pub(crate) fn formed<T: Form>(&self, key: &str) -> Option<T> {
        self.get(key).map(formed)
    }

    pub(crate) fn time(&self, key: &str) -> Option<LogicalTime> {
        self.get(key).map(time)
    }

    /// Five digits, 1 for true; without the word, all are true.
    pub(crate) fn attention(&self) -> Attention {
        let digits = self.get("attention").unwrap_or("11111");
        Attention::new(std::array::from_fn(|index| digits.as_bytes()[index] == b'1'))
    }

    /// Some of `halt,block,force`.
    pub(crate) fn gates(&self) -> SafetyGates {
        let gates = self.get("gates").unwrap_or_default();
        SafetyGates::new(["halt", "block", "force"].map(|gate| gates.contains(gate)))
    }

    /// `cautious`, `balanced` (without the word) or `assertive`.
    pub(crate) fn pool(&self) -> ParameterPool {
        formed(&format!("{}@v1", self.get("pool").unwrap_or("balanced")))
    }

    /// Separated by commas; without the word, UNKNOWN.
    pub(crate) fn reasons(&self) -> ReasonCodes {
        let codes = self.get("reasons").unwrap_or("UNKNOWN").split(',').filter(|code| !code.is_empty());
        codes.fold(ReasonCodes::EMPTY, |codes, code| codes.with(formed::<ReasonCode>(code)).unwrap())
    }

    /// A JSON string without spaces, or `x*N`: N times the letter x.
    pub(crate) fn comment(&self) -> Option<Comment<'static>> {
        let text: String = match self.get("comment")?.strip_prefix("x*") {
            Some(count) => "x".repeat(count.parse().unwrap()),
            None => serde_json::from_str(self.get("comment")?).unwrap(),
        };
        Some(Comment::new(text.into()).unwrap())
    }
}

pub(crate) fn formed<T: Form>(text: &str) -> T {
    T::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is not {}", T::expected()))
}

pub(crate) fn time(text: &str) -> LogicalTime {
    LogicalTime::new(if text == "max" { (1 << 53) - 1 } else { text.parse().unwrap() }).unwrap()
}

/// A letter, or `nil`.
pub(crate) fn instance(name: &str) -> StrategyInstanceId {
    let last = if name == "nil" { 0 } else { name.as_bytes()[0] };
    formed(&format!("00000000-0000-0000-0000-0000000000{last:02x}"))
}

/// `A@3`
pub(crate) fn decision(name: &str) -> DecisionId {
    let (holder, at) = name.split_once('@').unwrap();
    DecisionId::of(instance(holder), time(at))
}

/// `A@3.STRATEGY.BUY.M1`
pub(crate) fn intent(name: &str) -> OrderIntentId {
    let [of, origin, side, market] = name.split('.').collect::<Vec<_>>().try_into().unwrap();
    OrderIntentId::of(decision(of), formed(origin), formed(side), formed(market))
}

/// `A@3.STRATEGY.BUY.M1`
pub(crate) fn execution(name: &str) -> ExecutionId {
    ExecutionId::of(intent(name), Plane::Paper)
}
