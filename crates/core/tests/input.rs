//! All spellings of an input have the same result; everything else is refused with rule, member and offset.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper's failure is the test's")]

mod support;

use dreichor_core::fault::excerpt;
use dreichor_core::value::{Attention, SafetyGates};
use dreichor_core::{Fault, Input, LINE_BYTES_MAX, Rule};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use support::config::config;
use support::line::edited;
use support::spelling::{Json, json, plain, spelled};
use support::values;

fn choices() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..1_500)
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn every_spelling_of_an_input_is_the_same_input(input in values::input(), choices in choices()) {
        let line = spelled(&json(&input), &choices);
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(Input::parse(line.as_bytes()), Ok(input), "{}", line);
    }

    /// And reads the same out of it.
    #[test]
    fn whatever_is_an_input_is_json_to_serde_json_too(
        input in values::input(),
        choices in choices(),
        edits in proptest::collection::vec((any::<Index>(), 0..4_usize, select(TOKENS)), 0..3),
    ) {
        let mut line = spelled(&json(&input), &choices).into_bytes();
        for (at, length, token) in edits {
            let at = at.index(line.len());
            let end = line.len().min(at + length);
            line.splice(at..end, token.iter().copied());
        }
        if let Ok(input) = Input::parse(&line) {
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            let again = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(Input::parse(&again), Ok(input));
        }
    }
}

const TOKENS: &[&[u8]] = &[
    b"",
    b" ",
    b"\t",
    b"\n",
    b"\r",
    b"\0",
    b",",
    b":",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"0",
    b"1",
    b"-",
    b"+",
    b".",
    b"e",
    b"E1",
    b"/",
    b"\\/",
    b"\\u0041",
    b"\\ud83d\\ude00",
    b"\\ud800",
    b"\\udc00",
    b"\xc3\xa9",
    b"\xff",
    b"\xef\xbb\xbf",
    b"null",
    b"true",
    b"a",
    b"A",
    b"\x7f",
    b"\xc2\xa0",
    b"\x0c",
    b"\"kind\":\"TICK\",",
];

fn base(name: &str) -> Json {
    let instance = "00000000-0000-0000-0000-000000000041";
    let decision = "e4345909-3e5e-83dd-b430-c4b6d6c4ca4f";
    let feedback = |target: &str| {
        format!(
            r#"{{"version":1,"kind":"FEEDBACK","logicalTime":9,"category":"RISK_COMFORT","target":{target},"comment":"x"}}"#
        )
    };
    let line = match name {
        "tick" => format!(
            r#"{{"version":1,"kind":"TICK","logicalTime":3,"strategyInstanceId":"{instance}","decisionClass":"a.b.c@v1","reasonCodes":["UNKNOWN"],"attention":{{"attentionMeaningfullyHigher":true,"stabilityMeetsMinimum":true,"confidenceSufficient":true,"differencePersistsOverTime":true,"switchingCostsJustified":true}},"parameterPoolId":"balanced@v1","targetMarketId":"M1","safetyGates":{{"haltAll":false,"blockBuy":false,"forceSell":false}}}}"#
        ),
        "window" => feedback(r#"{"type":"TIME_WINDOW","from":1,"to":4}"#),
        "decision" => feedback(&format!(r#"{{"type":"DECISION","decisionId":"{decision}"}}"#)),
        "execution" => feedback(&format!(
            r#"{{"type":"EXECUTION","decisionId":"{decision}","executionId":"{decision}"}}"#
        )),
        name => panic!("no input is called {name}"),
    };
    let json = json(&Input::parse(line.as_bytes()).unwrap());
    assert_eq!(spelled(&json, &[]), line);
    json
}

const BASES: [&str; 4] = ["tick", "window", "decision", "execution"];

fn refusal(line: &str) -> Fault {
    *Input::parse(line.as_bytes()).err().unwrap_or_else(|| panic!("not refused: {line}"))
}

/// Calls `check` with each object of each input: its path, where it starts in the line, and what makes a
/// line of other members in its place.
fn for_each_object(
    mut check: impl FnMut(&str, usize, &[(&'static str, Json)], &dyn Fn(Vec<(&'static str, Json)>) -> String),
) {
    for name in BASES {
        let Json::Object(root) = base(name) else { panic!("not an object") };
        check("", 0, &root, &|members| spelled(&Json::Object(members), &[]));
        for (index, (path, value)) in root.iter().enumerate() {
            let Json::Object(inner) = value else { continue };
            let make = |members| {
                let mut root = root.clone();
                root[index].1 = Json::Object(members);
                spelled(&Json::Object(root), &[])
            };
            let start = make(inner.clone()).find(&format!("\"{path}\":")).unwrap() + path.len() + 3;
            check(path, start, inner, &make);
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[test]
fn every_member_is_demanded_once() {
    for_each_object(|path, start, members, make| {
        for (index, (name, value)) in members.iter().enumerate() {
            let member = joined(path, name);
            let mut missing = members.to_vec();
            missing.remove(index);
            let fault = refusal(&make(missing));
            assert_eq!((fault.rule, &fault.member, fault.offset), (Rule::Members, &member, start));

            let mut repeated = members.to_vec();
            repeated.push((name, value.clone()));
            let line = make(repeated);
            let fault = refusal(&line);
            let at = line.rfind(&format!("\"{name}\":")).unwrap();
            assert_eq!((fault.rule, &fault.member, fault.offset), (Rule::Members, &member, at));
        }
        let mut unknown = members.to_vec();
        unknown.push(("extra\u{1b}", plain("null")));
        let line = make(unknown);
        let fault = refusal(&line);
        let at = line.find("\"extra").unwrap();
        // The name is shown such that it cannot steer a terminal.
        let member = joined(path, "`extra\\u{1b}`");
        assert_eq!((fault.rule, fault.member, fault.offset), (Rule::Members, member, at));
    });
}

#[test]
fn every_value_is_of_its_type() {
    for_each_object(|path, _, members, make| {
        for (index, (name, _)) in members.iter().enumerate() {
            for wrong in ["null", "true", "1", "0.5", "\"\"", "\"x\"", "[]", "[1]", "{}", "[{}]"] {
                let member = joined(path, name);
                let mut changed = members.to_vec();
                changed[index].1 = plain(wrong);
                let line = make(changed);
                let is_fine = match wrong {
                    "null" | "\"x\"" => ["targetMarketId", "comment"].contains(name),
                    "true" => ["attention", "safetyGates"].contains(&path),
                    "1" => ["version", "logicalTime", "from", "to"].contains(name),
                    "\"\"" => *name == "comment",
                    "[]" => *name == "reasonCodes",
                    _ => false,
                };
                if is_fine {
                    assert!(Input::parse(line.as_bytes()).is_ok(), "{line}");
                    continue;
                }
                let fault = refusal(&line);
                let is_object = wrong == "{}" && ["attention", "safetyGates", "target"].contains(name);
                let (rule, member) = match (*name, is_object) {
                    ("kind", _) => (Rule::Type, member),
                    ("attention", true) => (Rule::Members, joined(&member, Attention::NAMES[0])),
                    ("safetyGates", true) => (Rule::Members, joined(&member, SafetyGates::NAMES[0])),
                    ("target", true) => (Rule::Members, joined(&member, "type")),
                    _ => (Rule::Value, member),
                };
                let inside = usize::from(*name == "reasonCodes" && wrong.starts_with('['));
                let at = line.find(&format!("\"{name}\":")).unwrap() + name.len() + 3 + inside;
                assert_eq!((fault.rule, fault.member, fault.offset), (rule, member, at), "{line}");
            }
        }
    });
}

#[test]
fn a_line_is_at_most_65_535_bytes() {
    let line = spelled(&base("tick"), &[]);
    let padded = line.clone() + &" ".repeat(LINE_BYTES_MAX - line.len());
    assert_eq!(Input::parse(padded.as_bytes()), Input::parse(line.as_bytes()));
    let fault = refusal(&(padded + " "));
    assert_eq!((fault.rule, fault.offset), (Rule::LineLength, LINE_BYTES_MAX));
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    for opening in ["[", "{\"a\":", "{\"kind\":["] {
        let fault = refusal(&opening.repeat(LINE_BYTES_MAX / opening.len()));
        assert_eq!(fault.rule, Rule::Json);
    }
}

/// A row is an input, a change, and the result: `accepted`, or the rule and member of the refusal;
/// `^` is at its offset. A row without `but` is the line itself.
fn check(row: &str) {
    let (line, expected) = row.rsplit_once("=>").unwrap();
    let (line, offset) = match line.split_once(" but ") {
        Some((name, change)) => {
            let (from, to) = change.split_once("->").unwrap();
            edited(spelled(&base(name), &[]).as_bytes(), from.trim(), to.trim())
        }
        None => edited(b"?", "?", line.trim()),
    };
    match Input::parse(&line) {
        Ok(_) => assert_eq!(expected.trim(), "accepted", "{row}"),
        Err(fault) => {
            let found = format!("{} {}", fault.rule, fault.member);
            assert_eq!((found.trim(), Some(fault.offset)), (expected.trim(), offset), "{row}: {fault}");
        }
    }
}

#[test]
fn what_is_no_input_is_refused_and_what_looks_odd_is_not() {
    for row in ROWS.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        check(row);
    }
}

const ROWS: &str = r#"
# lines
^ => json
^· => json
^~x09·~x09 => json
^~xef~xbb~xbf => json
^~x0d => json
^null => value
^[] => value
^"TICK" => value
^1 => value
^{} => members kind
{"kind":"TICK"^ => json
^[{}] => value
^~x00 => json
tick but {"version" -> ^~xef~xbb~xbf{"version" => json
tick but {"version" -> ^~x00{"version" => json
tick but false}} -> false}}^~x0d => json
tick but false}} -> false}}^~x0a => json
tick but false}} -> false}}^~x00 => json
tick but false}} -> false}}^{} => json
tick but false}} -> false}}·^{"kind":"TICK"} => json
tick but false}} -> false}}^, => json
tick but false}} -> false}}^] => json
tick but false}} -> false}}^// => json
tick but false}} -> false}^ => json
tick but false}} -> false^ => json safetyGates
tick but false}} -> false},^} => json

# white space other than space and tab
tick but "version":1 -> "version"·:~x09·1·· => accepted
tick but "version":1 -> "version":^~x0a1 => json version
tick but "version":1 -> "version":^~x0d1 => json version
tick but "version":1 -> "version":^~x0c1 => json version
tick but "version":1 -> "version":^~x0b1 => json version
tick but "version":1 -> "version":^~xc2~xa01 => json version
tick but "version":1 -> "version":^~xe2~x80~xa81 => json version
tick but "version":1 -> "version":1^~xef~xbb~xbf => json

# JSON that is none
tick but {"version" -> {^'version' => json
tick but {"version" -> {^version => json
tick but {"version": -> {^,"version": => json
tick but "version":1 -> "version"^=1 => json
tick but "version":1, -> "version":1^ => json
tick but "version":1, -> "version":1,^, => json
tick but "version":1 -> "version":^ => json version
tick but ["UNKNOWN"] -> ["UNKNOWN",^] => json reasonCodes
tick but ["UNKNOWN"] -> ["UNKNOWN"^; => json reasonCodes
tick but ["UNKNOWN"] -> [^,"UNKNOWN"] => json reasonCodes
tick but "haltAll":false -> "haltAll":^False => json safetyGates.haltAll
tick but "haltAll":false -> "haltAll":false^e => json safetyGates
tick but "M1" -> ^nul => json targetMarketId
tick but "M1" -> ^NaN => json targetMarketId
tick but "M1" -> ^undefined => json targetMarketId
tick but "M1" -> [[[[[[[[^[]]]]]]]]] => json targetMarketId
tick but "M1" -> ^[[[[[[[[]]]]]]]] => value targetMarketId
tick but "haltAll" -> ^{} => json safetyGates

# numbers
tick but "logicalTime":3 -> "logicalTime":0 => accepted
tick but "logicalTime":3 -> "logicalTime":9007199254740991 => accepted
tick but "logicalTime":3 -> "logicalTime":^9007199254740992 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^18446744073709551619 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^340282366920938463463374607431768211459 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^-0 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^-1 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^- => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^3.0 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^3. => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^1e2 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^1E+2 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^03 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^3-3 => value logicalTime
tick but "logicalTime":3 -> "logicalTime":^+3 => json logicalTime
tick but "logicalTime":3 -> "logicalTime":^.3 => json logicalTime
tick but "logicalTime":3 -> "logicalTime":0^x3 => json
tick but "logicalTime":3 -> "logicalTime":3^_000 => json
tick but "logicalTime":3 -> "logicalTime":^"3" => value logicalTime
tick but "version":1 -> "version":^2 => version version
tick but "version":1 -> "version":^0 => version version
tick but "version":1 -> "version":^1.0 => value version
tick but "version":1 -> "version":^01 => value version
window but "from":1 -> "from":^-0 => value target.from
window but "to":4 -> "to":^9007199254740992 => value target.to
# whether the window is sound is a matter of the log
window but "from":1 -> "from":5 => accepted
window but "to":4 -> "to":10 => accepted

# members that are the same when unescaped
tick but "kind":"TICK" -> "kind":"TICK",^"k\u0069nd":"TICK" => members kind
tick but "kind":"TICK" -> "\u006bind":"\u0054IC\u004B" => accepted
tick but "haltAll":false -> "haltAll":false,^"halt\u0041ll":true => members safetyGates.haltAll
tick but "version":1 -> "version":1,^"comment":null => members `comment`
tick but "version":1 -> "version":1,^"Version":1 => members `Version`
tick but "version":1 -> "version":1,^"":1 => members ``
decision but "type":"DECISION" -> "type":"DECISION",^"executionId":null => members target.`executionId`
decision but "target":{"type":"DECISION" -> "target":^{"type":"EXECUTION" => members target.executionId

# strings
window but "x" -> "" => accepted
window but "x" -> "\u0000\u001f\b\f\n\r\t\/\\\"~x7f\u007f\u2028\ud83d\ude00\uDBFF\uDFFF" => accepted
window but "x" -> "~4096~" => accepted
window but "x" -> "é~4094~" => accepted
window but "x" -> "\u00e9~4094~" => accepted
window but "x" -> ^"~4097~" => value comment
window but "x" -> ^"é~4095~" => value comment
window but "x" -> ^"\u00e9~4095~" => value comment
window but "x" -> ^"\ud83d\ude00~4093~" => value comment
window but "x" -> "x^\ud800" => json comment
window but "x" -> "x^\ud800x" => json comment
window but "x" -> "^\ud800\n" => json comment
window but "x" -> "^\ud800\u0041" => json comment
window but "x" -> "^\ud800\ud800" => json comment
window but "x" -> "^\ud800\udbff" => json comment
window but "x" -> "^\ud800\ue000" => json comment
window but "x" -> "^\ud800\uffff" => json comment
window but "x" -> "\ud7ff\ue000\ud800\udc00\udbff\udfff" => accepted
window but "x" -> "^\udc00" => json comment
window but "x" -> "^\udc00\ud800" => json comment
window but "x" -> "\ud83d\ude00^\ude00" => json comment
window but "x" -> "^\ud83d => json comment
window but "x" -> "x^~x09" => json comment
window but "x" -> "x^~x00" => json comment
window but "x" -> "x^~x1f" => json comment
window but "x" -> "x^~x0a" => json comment
window but "x" -> "^\x41" => json comment
window but "x" -> "^\'" => json comment
window but "x" -> "^\U0041" => json comment
window but "x" -> "^\u41" => json comment
window but "x" -> "^\u004g" => json comment
window but "x" -> "^\u+041" => json comment
window but "x" -> "^\u00é" => json comment
window but "x" -> "^\é" => json comment
window but "x"} -> "x}^ => json comment
window but "x"} -> "x\"}^ => json comment
window but "x"} -> "x^\ => json comment
window but "x" -> "é^~xff" => json
window but "x" -> "^~xc0~x80" => json
window but "x" -> "^~xed~xa0~x80" => json
window but "x" -> "^~xf4~x90~x80~x80" => json
window but "x"} -> "^~xc3 => json

# values
tick but "TICK" -> ^"TACK" => type kind
tick but "TICK" -> ^"tick" => type kind
tick but "TICK","logicalTime":3, -> "FEEDBACK","logicalTime":3,^ => members `strategyInstanceId`
tick but "00000000-0000-0000-0000-000000000041" -> "00000000-0000-0000-0000-000000000000" => accepted
tick but "00000000-0000-0000-0000-000000000041" -> "ffffffff-ffff-ffff-ffff-ffffffffffff" => accepted
tick but "00000000-0000-0000-0000-000000000041" -> ^"00000000-0000-0000-0000-00000000004A" => value strategyInstanceId
tick but "00000000-0000-0000-0000-000000000041" -> ^"00000000000000000000000000000041" => value strategyInstanceId
tick but "00000000-0000-0000-0000-000000000041" -> ^"{00000000-0000-0000-0000-000000000041}" => value strategyInstanceId
tick but "00000000-0000-0000-0000-000000000041" -> ^"·00000000-0000-0000-0000-000000000041" => value strategyInstanceId
tick but "a.b.c@v1" -> ^"a.b@v1" => value decisionClass
tick but "a.b.c@v1" -> "a.b.~121~@v1" => accepted
tick but "a.b.c@v1" -> ^"a.b.~122~@v1" => value decisionClass
tick but ["UNKNOWN"] -> [] => accepted
tick but ["UNKNOWN"] -> ["UNKNOWN",^"UNKNOWN"] => value reasonCodes
tick but ["UNKNOWN"] -> ["UNKNOWN",^"UNKN\u004fWN"] => value reasonCodes
tick but ["UNKNOWN"] -> [^"BORED"] => value reasonCodes
tick but ["UNKNOWN"] -> [^"unknown"] => value reasonCodes
tick but "balanced@v1" -> ^"balanced@v2" => value parameterPoolId
tick but "balanced@v1" -> ^"balanced" => value parameterPoolId
tick but "M1" -> "~64~" => accepted
tick but "M1" -> "M\/\u0031" => accepted
tick but "M1" -> ^"~65~" => value targetMarketId
tick but "M1" -> ^"M·1" => value targetMarketId
tick but "M1" -> ^"M\u00001" => value targetMarketId
tick but "M1" -> ^"é" => value targetMarketId
window but "RISK_COMFORT" -> ^"COMFORT" => value category
window but "TIME_WINDOW" -> ^"WINDOW" => value target.type
decision but "e4345909-3e5e-83dd-b -> ^"e4345909-3e5e-43dd-b => value target.decisionId
decision but "e4345909-3e5e-83dd-b -> ^"e4345909-3e5e-83dd-c => value target.decisionId
decision but "e4345909-3e5e-83dd-b -> ^"E4345909-3e5e-83dd-b => value target.decisionId
execution but "executionId":"e -> "executionId":^"E => value target.executionId
"#;

/// A text that looks like what is expected shows what makes it another.
#[test]
fn characters_that_cannot_be_seen_are_shown_as_escapes() {
    let invisible = "\u{feff}\u{200b}\u{200d}\u{2060}\u{ad}\u{a0}\u{2009}\u{3000}\u{2800}\u{180e}\u{202e}\u{85}\u{fe0f}\u{e0041}";
    for character in invisible.chars() {
        let escape = character.escape_unicode().to_string();
        for (member, value) in [("kind", "TICK"), ("targetMarketId", "M1"), ("version", "1")] {
            let line = format!("{{\"{member}\":\"{value}{character}\"}}");
            let fault = Input::parse(line.as_bytes()).unwrap_err();
            let shown = fault.to_string();
            assert!(!shown.contains(character), "{shown}");
            assert_eq!(shown.contains(&escape), fault.member == member, "{shown}");
        }
        let unknown = format!("{{\"kind\":\"TICK\",\"version{character}\":1}}");
        let shown = Input::parse(unknown.as_bytes()).unwrap_err().to_string();
        assert!(shown.contains(&escape) && !shown.contains(character), "{shown}");
        let excerpt = excerpt(format!("M1{character}").as_bytes());
        assert_eq!(excerpt, format!("`M1{escape}`"));
    }
    assert_eq!(excerpt("M 1 — ä".as_bytes()), "`M 1 — ä`");
}
