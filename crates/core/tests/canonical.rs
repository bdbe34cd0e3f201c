//! There is exactly one encoding of each event and snapshot: a line is read if, and only if, it is that one,
//! and a single changed bit is found.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]

mod support;

use dreichor_core::canonical::write_string;
use dreichor_core::event::UserFeedbackRecorded;
use dreichor_core::input::Kind;
use dreichor_core::value::Spelled;
use dreichor_core::{Event, Fault, Input, Rule, Snapshot};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use support::config::config;
use support::line::{edited, identified, lines, vector};
use support::log::Context;
use support::values;

/// Reads an event or a snapshot, whichever the line is of, and writes it again.
fn rewritten(line: &[u8], is_snapshot: bool) -> Result<Vec<u8>, Box<Fault>> {
    let mut again = Vec::new();
    if is_snapshot {
        let (snapshot, id) = Snapshot::read_line(line)?;
        assert_eq!(snapshot.write_line(&mut again), id);
    } else {
        let (event, leaf) = Event::read_line(line)?;
        assert_eq!(event.write_line(&mut again), leaf);
    }
    assert_eq!(again.pop(), Some(b'\n'));
    Ok(again)
}

fn flipped(line: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = line.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

fn check_every_flip(line: &[u8], is_snapshot: bool) {
    assert_eq!(rewritten(line, is_snapshot).as_deref(), Ok(line));
    for bit in 0..line.len() * 8 {
        let flipped = flipped(line, bit);
        let read = rewritten(&flipped, is_snapshot);
        assert!(read.is_err(), "bit {bit} flipped: {}", String::from_utf8_lossy(&flipped));
    }
}

#[test]
fn every_flipped_bit_of_every_line_is_found() {
    for file in ["audit_events.ndjson", "snapshots.ndjson", "snapshots-every-20.ndjson"] {
        for line in lines(&vector(file)) {
            check_every_flip(line, file.starts_with("snapshots"));
        }
    }
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn an_event_is_read_as_it_was_written(event in values::event()) {
        let mut line = Vec::new();
        let leaf = event.write_line(&mut line);
        prop_assert_eq!(line.pop(), Some(b'\n'));
        prop_assert_eq!(Event::read_line(&line), Ok((event, leaf)));
        prop_assert_eq!(identified(&line), line.clone(), "the id is that of the content");
        prop_assert!(!line.contains(&b'\n'));
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written(snapshot in values::snapshot()) {
        let mut line = Vec::new();
        let id = snapshot.write_line(&mut line);
        prop_assert_eq!(line.pop(), Some(b'\n'));
        prop_assert_eq!(Snapshot::read_line(&line), Ok((snapshot, id)));
        prop_assert_eq!(identified(&line), line.clone(), "the id is that of the content");
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
    }

    /// A line with one byte more, less or changed is refused, even if its id is made right again: writing what was read
    /// gives the same bytes.
    #[test]
    fn an_edited_event_is_refused_or_canonical(event in values::event(), edits in edits()) {
        check_edited(&line_of(|line| event.write_line(line)), &edits, false)?;
    }

    #[test]
    fn an_edited_snapshot_is_refused_or_canonical(snapshot in values::snapshot(), edits in edits()) {
        check_edited(&line_of(|line| snapshot.write_line(line)), &edits, true)?;
    }

    #[test]
    fn strings_are_written_as_serde_json_writes_them(comment in values::comment()) {
        let mut written = Vec::new();
        write_string(&mut written, comment.as_str());
        prop_assert_eq!(written, serde_json::to_vec(comment.as_str()).unwrap());
    }
}

/// The line that `write` appends, without its LF.
fn line_of<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> Vec<u8> {
    let mut line = Vec::new();
    write(&mut line);
    line.pop();
    line
}

/// Which bytes to replace by which.
type Edit = (Index, usize, &'static str);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let tokens = [
        "", " ", "\t", ",", ":", "\"", "}", "{", "[", "]", "\\", "0", "-", "1", ".0", "e1", "\\/", "\\u0041",
    ];
    let more = ["\\u001F", "\\u000a", "null", "true", "a", "A", "\u{e9}", "\n", "\0", "\"\"", ",\"id\":1"];
    let tokens = select([&tokens[..], &more[..]].concat());
    proptest::collection::vec((any::<Index>(), 0..3_usize, tokens), 1..3)
}

fn check_edited(line: &[u8], edits: &[Edit], is_snapshot: bool) -> Result<(), TestCaseError> {
    const CONTENT_AT: usize = 64;
    let mut edited = line.to_vec();
    for (at, length, token) in edits {
        let at = CONTENT_AT + at.index(edited.len() - CONTENT_AT);
        let end = edited.len().min(at + length);
        edited.splice(at..end, token.bytes());
    }
    let edited = identified(&edited);
    if let Ok(again) = rewritten(&edited, is_snapshot) {
        prop_assert_eq!(again, edited);
    }
    Ok(())
}

/// A row is a line, a change that leaves its meaning or spoils it, and the rule, member and offset of the
/// refusal: `EVENT but TEXT -> TEXT => RULE MEMBER`, a `^` at the offset. The id is made right again, but in
/// `EVENT but kept TEXT -> TEXT`. A `*` is any member.
fn check(row: &str) {
    let (change, expected) = row.rsplit_once("=>").unwrap();
    let (event, change) = change.split_once(" but ").unwrap();
    let (from, to) = change.split_once("->").unwrap();
    let line = match event.trim() {
        "snapshot" => identified(SNAPSHOT.as_bytes()),
        event => line_of(|line| Context::new().event(event).write_line(line)),
    };
    let is_snapshot = event.trim() == "snapshot";
    assert!(rewritten(&line, is_snapshot).is_ok_and(|again| again == line), "{row}");
    let (bytes, offset) = match from.trim().strip_prefix("kept ") {
        Some(from) => edited(&line, from, to.trim()),
        None => {
            let (bytes, offset) = edited(&line, from.trim(), to.trim());
            (identified(&bytes), offset)
        }
    };
    let fault = rewritten(&bytes, is_snapshot).err().unwrap_or_else(|| panic!("not refused: {row}"));
    let (rule, member) = expected.trim().split_once(' ').unwrap_or((expected.trim(), ""));
    assert_eq!((fault.rule.as_str(), Some(fault.offset)), (rule, offset), "{row}: {fault}");
    assert!(member == "*" || member == fault.member, "{row}: {fault}");
}

#[test]
fn every_other_spelling_is_refused() {
    for row in SPELLINGS.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        check(row);
    }
}

const SNAPSHOT: &str = r#"{"snapshotId":"a0004a30-38e5-8474-b3ad-b0a75b8ee93d","type":"SHADOW_LEDGER_SNAPSHOT","version":1,"logicalTime":3,"plane":"PAPER","auditTreeSize":12,"auditRootHash":"7ecb931df9bc7f142a82029168921db240de659412758ae531c212abd73bb26c","positions":{"M1":{"marketId":"M1","quantity":"0.5","isOpen":true,"lastExecutionId":"cbb5d05b-3f80-88c5-b9c0-fb3ede5c3b06"},"M2":{"marketId":"M2","quantity":"0","isOpen":false,"lastExecutionId":"cbb5d05b-3f80-88c5-b9c0-fb3ede5c3b06"}}}"#;

const SPELLINGS: &str = r#"
# white space, and bytes before and after the line
attempt but kept {"id" -> ^·{"id" => canonical
attempt but kept {"id" -> ^~xef~xbb~xbf{"id" => canonical
attempt but kept {"id" -> ^~x00{"id" => canonical
attempt but kept {"id" -> ^{·"id" => members id
attempt but kept "id":" -> "id":^·" => value id
attempt but kept ,"type" -> ^·,"type" => canonical id
attempt but ,"type" -> ^,·"type" => members type
attempt but "type": -> "type":^· => type type
attempt but "version":1 -> "version":^~x091 => value version
attempt but "version":1 -> "version":1^· => canonical version
attempt but "PAPER"} -> "PAPER"^·} => canonical plane
attempt but "PAPER"} -> "PAPER"}^· => canonical plane
attempt but "PAPER"} -> "PAPER"}^~x0d => canonical plane
attempt but "PAPER"} -> "PAPER"}^~x0a => canonical plane
attempt but "PAPER"} -> "PAPER"}^~x00 => canonical plane
attempt but "PAPER"} -> "PAPER"}^{} => canonical plane
attempt but "PAPER"} -> "PAPER"^ => canonical plane
decision A t=3 but ["UNKNOWN"] -> [^·"UNKNOWN"] => value reasonCodes
decision A t=3 but {"haltAll" -> {^·"haltAll" => members haltAll

# members: reordered, repeated, missing, unknown, misspelled, escaped; commas
attempt but ,"version":1,"logicalTime":3 -> ^,"logicalTime":3,"version":1 => members version
attempt but "version":1 -> "version":1^,"version":1 => members logicalTime
attempt but ,"version":1 -> ^ => members version
attempt but ,"plane":"PAPER" -> ^ => members plane
attempt but ,"version" -> ^,"extra":1,"version" => members version
attempt but "PAPER"} -> "PAPER"^,"extra":1} => canonical plane
attempt but "PAPER"} -> "PAPER"^,} => canonical plane
attempt but ,"plane" -> ^,"Plane" => members plane
attempt but ,"plane" -> ^,"pl\u0061ne" => members plane
attempt but ,"plane" -> ^,plane => members plane
attempt but "version":1, -> "version":1^ => canonical version
attempt but "version":1, -> "version":1^,, => members logicalTime
attempt but kept {"id" -> ^{"iD" => members id
decision A t=3 but ,"targetMarketId":null -> ^ => members targetMarketId
decision A t=3 but {"haltAll":false,"blockBuy":false -> {^"blockBuy":false,"haltAll":false => members haltAll
decision A t=3 but ,"blockBuy":false -> ^ => members blockBuy
decision A t=3 but "forceSell":false} -> "forceSell":false^,"x":1} => canonical forceSell
feedback t=9 from=1 to=4 but ,"from":1,"to":4 -> ^,"to":4,"from":1 => members target.from
feedback t=9 from=1 to=4 but ,"to":4 -> ^ => members target.to
feedback t=9 from=1 to=4 but "to":4} -> "to":4^,"x":1} => canonical target.to
feedback t=9 from=1 to=4 but {"type":"TIME_WINDOW", -> ^{"from":1,"type":"TIME_WINDOW", => value target
feedback t=9 on=A@3 but ,"decisionId" -> ^,"executionId" => members target.decisionId
feedback t=9 on=A@3 but "DECISION","decisionId":"e4345909-3e5e-83dd-b430-c4b6d6c4ca4f" -> "EXECUTION","decisionId":"e4345909-3e5e-83dd-b430-c4b6d6c4ca4f"^ => members target.executionId

# numbers
attempt but "logicalTime":3 -> "logicalTime":^+3 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^03 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^00 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^3.0 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^3e0 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^1E3 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^-0 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^-3 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^"3" => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^null => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^ => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":0^x3 => canonical logicalTime
attempt but "logicalTime":3 -> "logicalTime":^9007199254740992 => value logicalTime
attempt but "logicalTime":3 -> "logicalTime":^18446744073709551616 => value logicalTime
attempt but "version":1 -> "version":^2 => version version
attempt but "version":1 -> "version":^0 => version version
attempt but "version":1 -> "version":^01 => value version
attempt but "version":1 -> "version":^1.0 => value version
attempt but "version":1 -> "version":^"1" => value version
feedback t=9 from=1 to=4 but "to":4 -> "to":^9007199254740992 => value target.to

# strings
attempt but "PAPER" -> ^"P\u0041PER" => value plane
attempt but "PAPER" -> ^'PAPER' => value plane
attempt but "PAPER" -> ^"PAPER => value plane
decision A t=3 target=M/1 but "M/1" -> ^"M\/1" => value targetMarketId
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\/" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "x^\u0041" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u001F" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u000a" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u0008" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u0022" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u005c" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u007f" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u00e9" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "\u001f^\ud83d\ude00" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\N" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u00" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^\u001g" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^~x01" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "\n^~x0a" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "x^~x09" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "x^~x00" => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x"} -> "x}^ => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x"} -> "x\"}^ => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> ^x => canonical comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "x^~xff" => json comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "^~xc0~x80" => json comment
feedback t=9 from=1 to=4 comment="x" but "x" -> "é^~xed~xa0~x80" => json comment
feedback t=9 from=1 to=4 comment="x" but "x" -> ^"~4097~" => value comment
feedback t=9 from=1 to=4 comment="x" but "x" -> ^"é~4095~" => value comment

# ids: upper case, another version, another variant, other spellings of UUIDs
attempt but "decisionId":"e4345909 -> "decisionId":^"E4345909 => value decisionId
attempt but "decisionId":"e4345909-3e5e-8 -> "decisionId":^"e4345909-3e5e-4 => value decisionId
attempt but "decisionId":"e4345909-3e5e-83dd-b -> "decisionId":^"e4345909-3e5e-83dd-c => value decisionId
attempt but "decisionId":"e4345909- -> "decisionId":^"e4345909 => value decisionId
attempt but "decisionId":"e4345909-3 -> "decisionId":^"e434590-93 => value decisionId
attempt but "decisionId":"e -> "decisionId":^"{e => value decisionId
decision A t=3 but "strategyInstanceId":" -> "strategyInstanceId":^"urn:uuid: => value strategyInstanceId
decision K t=3 but "strategyInstanceId":"00000000-0000-0000-0000-00000000004b -> "strategyInstanceId":^"00000000-0000-0000-0000-00000000004B => value strategyInstanceId
attempt but kept "id":" -> "id":^"0 => value id

# closed enumerations, pairs, and the forms of texts
attempt but "EXECUTION_ATTEMPTED" -> ^"execution_attempted" => type type
attempt but "EXECUTION_ATTEMPTED" -> ^null => type type
attempt but "PAPER" -> ^"LIVE" => plane plane
attempt but "PAPER" -> ^"SIMULATED" => value plane
intent STRATEGY BUY M1 0.5 but "STRATEGY" -> ^"strategy" => value origin
intent STRATEGY BUY M1 0.5 but "BUY" -> ^"" => value side
intent STRATEGY BUY M1 0.5 but "M1" -> ^"" => value marketId
intent STRATEGY BUY M1 0.5 but "M1" -> ^"M·1" => value marketId
intent STRATEGY BUY M1 0.5 but "M1" -> ^"é" => value marketId
intent STRATEGY BUY M1 0.5 but "M1" -> ^"~65~" => value marketId
intent STRATEGY BUY M1 0.5 but "M1" -> ^null => value marketId
intent STRATEGY BUY M1 0.5 but "0.5" -> ^0.5 => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^".5" => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"5." => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"+0.5" => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"00.5" => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"5e-1" => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"-" => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"0.5.0" => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"" => value allocation
intent STRATEGY BUY M1 0.5 but "0.5" -> ^"0.00000000000000000000000000000000000000000000000000000000000000000" => value allocation
decision A t=3 but ["UNKNOWN"] -> ["UNKNOWN",^"UNKNOWN"] => value reasonCodes
decision A t=3 but ["UNKNOWN"] -> ["UNKNOWN",^] => value reasonCodes
decision A t=3 but ["UNKNOWN"] -> ["UNKNOWN"^; => canonical reasonCodes
decision A t=3 but ["UNKNOWN"] -> [^null] => value reasonCodes
decision A t=3 but ["UNKNOWN"] -> ^"UNKNOWN" => canonical reasonCodes
decision A t=3 but "balanced@v1" -> ^"balanced@v2" => value parameterPoolId
decision A t=3 but "attention.enter.rotation@v1" -> ^"attention.enter@v1" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a.b.c.d@v1" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a..c@v1" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a.b.c@v0" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a.b.c@v01" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a.b.c@1" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a.b.c" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a.b.c@v1@v1" => value decisionClass
decision A t=3 but "attention.enter.rotation@v1" -> ^"a.b.~122~@v1" => value decisionClass
decision A t=3 but "haltAll":false -> "haltAll":^0 => value haltAll
decision A t=3 but "haltAll":false -> "haltAll":^"false" => value haltAll
decision A t=3 but "haltAll":false -> "haltAll":^False => value haltAll
decision A t=3 but "targetMarketId":null -> "targetMarketId":^"" => value targetMarketId
decision A t=3 but "targetMarketId":null -> "targetMarketId":^NULL => value targetMarketId
safety ALLOW but ,"result":"ALLOW","reason":null -> ^,"result":"ALLOW","reason":"BUY_BLOCKED" => safety-pair reason
safety ALLOW but "reason":null -> "reason":^"BORED" => value reason
outcome FILLED 0.5 but ,"status":"FILLED" -> ^,"status":"FAILED" => outcome-reason reason
feedback t=9 from=1 to=4 but {"type":"TIME_WINDOW" -> ^{"type":"WINDOW" => value target

# snapshots
snapshot but kept {"snapshotId" -> ^·{"snapshotId" => canonical
snapshot but "SHADOW_LEDGER_SNAPSHOT" -> ^"SNAPSHOT" => type type
snapshot but "version":1 -> "version":^2 => version version
snapshot but "PAPER" -> ^"LIVE" => plane plane
snapshot but "auditTreeSize":12 -> "auditTreeSize":^0 => value auditTreeSize
snapshot but "auditTreeSize":12 -> "auditTreeSize":^012 => value auditTreeSize
snapshot but "auditTreeSize":12 -> "auditTreeSize":^9007199254740992 => value auditTreeSize
snapshot but "7ecb -> ^"7Ecb => value auditRootHash
snapshot but "7ecb -> ^"7ec => value auditRootHash
snapshot but {"M1":{ -> {"M0":^{ => snapshot-order *
snapshot but "M2":{"marketId":"M2" -> ^"M1":{"marketId":"M1" => snapshot-order *
snapshot but "M2":{"marketId":"M2" -> ^"M0":{"marketId":"M0" => snapshot-order *
snapshot but ,"M2" -> ^·,"M2" => canonical positions
snapshot but "M2":{ -> "M2"^·:{ => canonical positions
snapshot but ,"isOpen":true -> ^ => members isOpen
snapshot but "isOpen":true -> "isOpen":^1 => value isOpen
snapshot but "0.5" -> ^"0,5" => value quantity
snapshot but "}}} -> "},^}} => value *
snapshot but "}}} -> "}}^,"x":1} => canonical positions
snapshot but "}}} -> "}}}^· => canonical positions
"#;

#[test]
fn a_line_without_content_is_refused() {
    for line in [
        &b""[..],
        b" ",
        b"\r",
        b"{}",
        b"{\"id\":",
        b"null",
        b"\xef\xbb\xbf",
        b"\0",
        b"{\"id\":\"00000000-0000-0000-0000-000000000000\",",
    ] {
        assert!(rewritten(line, false).is_err());
        assert!(rewritten(line, true).is_err());
    }
}

#[test]
fn an_id_that_is_not_the_contents_is_refused_at_its_place() {
    let wrong_id = "\"00000000-0000-8000-8000-000000000000\"";
    let event = line_of(|line| Context::new().event("attempt").write_line(line));
    for (line, is_snapshot, expected) in
        [(&event[..], false, "event-id id 7"), (SNAPSHOT.as_bytes(), true, "snapshot-id snapshotId 15")]
    {
        let id_at = line.iter().position(|&byte| byte == b':').unwrap() + 1;
        let text = String::from_utf8(line.to_vec()).unwrap();
        let id = &text[id_at..id_at + 38];
        let fault = rewritten(text.replacen(id, wrong_id, 1).as_bytes(), is_snapshot).unwrap_err();
        assert_eq!(format!("{} {} {}", fault.rule, fault.member, fault.offset), expected);
        // The right id in upper case is another spelling.
        let fault = rewritten(text.replacen(id, &id.to_uppercase(), 1).as_bytes(), is_snapshot).unwrap_err();
        assert_eq!((fault.rule, fault.offset), (Rule::Value, id_at));
    }
}

/// Strings are searched eight bytes at a time for what ends or escapes a part of them: every ASCII character, and others
/// whose bytes are close to those, at every place, alone and before a second one.
#[test]
fn every_character_at_every_place() {
    let characters = (0..0x80_u32).chain([0xa0, 0xa2, 0xdc, 0x2022, 0x1f600]).filter_map(char::from_u32);
    for character in characters {
        for place in 0..20 {
            for rest in ["", "b", "\"", "\\b", "\u{1f}bbbbbbbbb", "\u{80}\"bbbbbbbb"] {
                let text = format!("{}{character}{rest}", "a".repeat(place));
                let mut written = Vec::new();
                write_string(&mut written, &text);
                assert_eq!(written, serde_json::to_vec(&text).unwrap(), "{text:?}");
                let spelled = String::from_utf8(written).unwrap();
                let input = format!(
                    r#"{{"version":1,"kind":"FEEDBACK","logicalTime":9,"category":"RISK_COMFORT","target":{{"type":"TIME_WINDOW","from":1,"to":2}},"comment":{spelled}}}"#
                );
                let parsed = Input::parse(input.as_bytes()).unwrap();
                let Kind::Feedback(UserFeedbackRecorded { comment: Some(comment), .. }) = &parsed.kind else {
                    panic!("no comment in {input}")
                };
                assert_eq!(comment.as_str(), text);
            }
        }
    }
}
