//! The parser of policies: C2SP tlog-policy. Names, URLs and comments are any octets, so nothing here is a text.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::decimal;
use crate::key::{KeyError, KeyType, VerifierKey};
use crate::lines::check_octets;
use crate::malformed::{Malformed, Problem};
use crate::trust::{Party, PartyKind, Quorum, Trust};

/// The name of the empty quorum.
const NOBODY: &[u8] = b"none";

/// Parses a policy.
pub(crate) fn parse(bytes: &[u8]) -> Result<Trust, Malformed> {
    check_octets(bytes, |octet| matches!(octet, 0x00..=0x08 | 0x0b..=0x1f | 0x7f))?;
    let mut policy = Policy::default();
    let mut number = 0;
    for line in bytes.split_inclusive(|octet| *octet == b'\n') {
        number += 1;
        let words = line.split(|octet| matches!(octet, b' ' | b'\t' | b'\n'));
        let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
        policy.add(&words).map_err(|problem| problem.at(number))?;
    }
    let Policy { logs, parties, quorum, .. } = policy;
    let missing = |what| Problem::Missing(what).at(number + 1);
    let quorum = quorum.ok_or_else(|| missing("a line `quorum NAME`"))?;
    if logs.is_empty() {
        return Err(missing("a line `log KEY`"));
    }
    Ok(Trust { logs, parties, quorum })
}

/// What the lines so far have said.
#[derive(Default)]
struct Policy {
    logs: Vec<VerifierKey>,
    parties: Vec<Party>,
    /// The parties that are members of a group already.
    members: Vec<usize>,
    quorum: Option<Quorum>,
}

impl Policy {
    /// Adds a line.
    fn add(&mut self, words: &[&[u8]]) -> Result<(), Problem> {
        match words {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key] | [b"log", key, _] => self.add_log(key),
            [b"witness", name, key] => self.add_witness(name, key, None),
            [b"witness", name, key, url] => self.add_witness(name, key, Some(shown(url))),
            [b"group", name, threshold, members @ ..] => self.add_group(name, threshold, members),
            [b"quorum", name] => self.set_quorum(name),
            [_, ..] => Err(Problem::Policy(
                "expected `log KEY [URL]`, `witness NAME KEY [URL]`, `group NAME all|any|N NAME…` or `quorum NAME`"
                    .to_owned(),
            )),
        }
    }

    fn add_log(&mut self, key: &[u8]) -> Result<(), Problem> {
        let key = read_key(key, KeyType::Note, "a log's key has type 0x01")?;
        if self.logs.iter().any(|log| log.is_duplicate(&key)) {
            return Err(Problem::Policy(format!("the key of {} is another log's, too", key.name())));
        }
        self.logs.push(key);
        Ok(())
    }

    fn add_witness(&mut self, name: &[u8], key: &[u8], url: Option<String>) -> Result<(), Problem> {
        let key = read_key(key, KeyType::Cosignature, "a witness's key has type 0x04")?;
        let is_same = |party: &Party| match &party.kind {
            PartyKind::Witness { key: other, .. } => other.is_duplicate(&key),
            PartyKind::Group { .. } => false,
        };
        if self.parties.iter().any(is_same) {
            return Err(Problem::Policy(format!("the key of {} is another witness's, too", key.name())));
        }
        self.define(name, PartyKind::Witness { key: Box::new(key), url })
    }

    fn add_group(&mut self, name: &[u8], threshold: &[u8], names: &[&[u8]]) -> Result<(), Problem> {
        let mut members = Vec::new();
        for member in names {
            let index = self.find(member)?;
            // Each witness counts for a group, and for the quorum, in one way only.
            if self.members.contains(&index) {
                return Err(Problem::Policy(format!("{} is a member of a group already", shown(member))));
            }
            self.members.push(index);
            members.push(index);
        }
        let threshold = match threshold {
            b"all" => Some(members.len()),
            b"any" => Some(1),
            number => str::from_utf8(number).ok().and_then(decimal::parse).map(place),
        };
        let threshold = threshold.filter(|threshold| (1..=members.len()).contains(threshold));
        let threshold = threshold.ok_or_else(|| {
            Problem::Policy("a group needs `all`, `any` or a number from 1 to that of its members".to_owned())
        })?;
        self.define(name, PartyKind::Group { threshold, members })
    }

    fn set_quorum(&mut self, name: &[u8]) -> Result<(), Problem> {
        let quorum = if name == NOBODY { Quorum::Nobody } else { Quorum::Party(self.find(name)?) };
        match self.quorum.replace(quorum) {
            None => Ok(()),
            Some(_) => Err(Problem::Policy("there is a second quorum".to_owned())),
        }
    }

    /// Adds a party under a name that is free.
    fn define(&mut self, name: &[u8], kind: PartyKind) -> Result<(), Problem> {
        if name == NOBODY || self.parties.iter().any(|party| party.name == name) {
            return Err(Problem::Policy(format!("the name {} has another meaning already", shown(name))));
        }
        self.parties.push(Party { name: name.to_vec(), kind });
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<usize, Problem> {
        let index = self.parties.iter().position(|party| party.name == name);
        index.ok_or_else(|| {
            Problem::Policy(format!("no line before this one defines a witness or group {}", shown(name)))
        })
    }
}

fn read_key(text: &[u8], key_type: KeyType, expected: &str) -> Result<VerifierKey, Problem> {
    let key = VerifierKey::parse(str::from_utf8(text).map_err(|_| KeyError::VerifierForm)?)?;
    if key.key_type() == key_type { Ok(key) } else { Err(Problem::Policy(expected.to_owned())) }
}

/// A threshold; one beyond memory is more than any group has members.
fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A name or URL as text.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
