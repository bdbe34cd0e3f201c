//! A bad input line stops `ingest` with 20 and the place, member and rule; what precedes it is recorded
//! and acknowledged, nothing of it or after it is; and the input, corrected and sent again, goes through.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper's failure is the test's")]

mod support;

use support::{Bench, edited, lines, rule, tick};

/// The lines before the bad one: a purchase, and a purchase that is blocked.
fn good() -> String {
    tick(1, 10) + &tick(2, 12)
}

/// The line that belongs in the place of the bad one.
fn corrected() -> String {
    tick(3, 20)
}

/// The expected rejection of a line: its place (in bytes), the member, the rule.
struct Expected<'a> {
    offset: usize,
    member: &'a str,
    rule: &'a str,
}

/// Ingests the good lines, `bad` (with its LF, if it has one) and another good line.
fn check(bad: &[u8], expected: &Expected<'_>, arguments: &[&str]) {
    let (bench, reference) = (Bench::new(), Bench::new());
    let (good, after) = (good(), tick(4, 30));
    let acknowledged = reference.ingest(good.as_bytes()).expect(0).stdout;
    assert_eq!(lines(&acknowledged).len(), 2);

    let command = [&["ingest"], arguments].concat();
    let sent = if bad.ends_with(b"\n") {
        [good.as_bytes(), bad, after.as_bytes()].concat()
    } else {
        [good.as_bytes(), bad].concat()
    };
    let outcome = bench.run_with(&command, &sent).expect(20);
    let place = format!("input line 3 at byte {} ", good.len() + expected.offset);
    let start = format!("(the line starts at byte {}) ", good.len());
    let outcome = outcome.says(&[place, start, rule(expected.rule, expected.member) + ":"]);
    // No text of the input may steer or fill a terminal.
    assert!(
        !outcome.stderr.contains(|letter: char| letter.is_control() && letter != '\n'),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.lines().all(|line| line.len() < 1_000), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, acknowledged);
    assert!(bench.stores() == reference.stores(), "more or less than the good lines is recorded");

    let sent = [good, corrected(), after].concat();
    let statuses: Vec<_> = bench
        .run_with(&command, sent.as_bytes())
        .expect(0)
        .json()
        .iter()
        .map(|line| line["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(statuses, ["ALREADY_RECORDED", "ALREADY_RECORDED", "RECORDED", "RECORDED"]);
    reference.ingest(sent.as_bytes()).expect(0);
    assert!(bench.stores() == reference.stores());
}

/// Each case: what of the corrected line is changed to what, and what that breaks. `^` marks the place.
fn check_edits(line: &str, cases: &[(&str, &str, &str, &str)]) {
    for (from, to, member, rule) in cases {
        println!("{from} -> {to}");
        let at = line.find(from).unwrap();
        let offset = to.find('^').map_or(0, |mark| at + mark);
        let bad = edited(line.as_bytes(), from, &to.replacen('^', "", 1));
        check(&bad, &Expected { offset, member, rule }, &[]);
    }
}

/// Each case: the line's bytes, the place, the member, and the rule that they break.
fn check_bytes(cases: &[(&[u8], usize, &str, &str)]) {
    for &(bad, offset, member, rule) in cases {
        println!("{}", bad.get(..80).unwrap_or(bad).escape_ascii());
        check(bad, &Expected { offset, member, rule }, &[]);
    }
}

#[test]
fn members_are_all_there_once_and_known() {
    check_edits(
        &corrected(),
        &[
            (r#""version":1"#, r#"^"colour":1,"version":1"#, "`colour`", "members"),
            (r#""version":1"#, r#"^"Version":1,"version":1"#, "`Version`", "members"),
            (r#""version":1"#, r#"^"\u001b[2J":1,"version":1"#, "`\\u{1b}[2J`", "members"),
            (r#""haltAll""#, r#"^"":true,"haltAll""#, "safetyGates.``", "members"),
            (r#""haltAll""#, r#"^"haltSome":true,"haltAll""#, "safetyGates.`haltSome`", "members"),
            (r#"{"version":1,"#, "^{", "version", "members"),
            (r#""kind":"TICK","#, "", "kind", "members"),
            (r#""targetMarketId":"M1","#, "", "targetMarketId", "members"),
            (r#"{"haltAll":false,"#, "^{", "safetyGates.haltAll", "members"),
            (r#""version":1"#, r#""version":1,^"version":1"#, "version", "members"),
            (r#""version":1"#, r#""version":1,^"\u0076ersion":1"#, "version", "members"),
            (r#""kind":"TICK""#, r#""kind":"TICK",^"kind":"FEEDBACK""#, "kind", "members"),
            (
                r#""blockBuy":false"#,
                r#""blockBuy":false,^"blockBuy":true"#,
                "safetyGates.blockBuy",
                "members",
            ),
        ],
    );
}

#[test]
fn values_are_of_their_type() {
    let attention = "attention.attentionMeaningfullyHigher";
    check_edits(
        &corrected(),
        &[
            (r#""version":1"#, r#""version":^"1""#, "version", "value"),
            (r#""version":1"#, r#""version":^2"#, "version", "version"),
            (r#""version":1"#, r#""version":^0"#, "version", "version"),
            (r#""kind":"TICK""#, r#""kind":^"TOCK""#, "kind", "type"),
            (r#""kind":"TICK""#, r#""kind":^"tick""#, "kind", "type"),
            (r#""kind":"TICK""#, r#""kind":^null"#, "kind", "type"),
            (r#""logicalTime":20"#, r#""logicalTime":^"20""#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^null"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^[20]"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^true"#, "logicalTime", "value"),
            (r#"["ATTENTION_SUPERIOR"]"#, r#"^"ATTENTION_SUPERIOR""#, "reasonCodes", "value"),
            (r#"["ATTENTION_SUPERIOR"]"#, r#"[^["ATTENTION_SUPERIOR"]]"#, "reasonCodes", "value"),
            (r#"Higher":true"#, r#"Higher":^1"#, attention, "value"),
            (r#"Higher":true"#, r#"Higher":^"true""#, attention, "value"),
            (r#""targetMarketId":"M1""#, r#""targetMarketId":^7"#, "targetMarketId", "value"),
            (r#"{"haltAll":false,"blockBuy":false,"forceSell":false}"#, "^null", "safetyGates", "value"),
            (r#"{"haltAll":false,"blockBuy":false,"forceSell":false}"#, "^[]", "safetyGates", "value"),
        ],
    );
}

#[test]
fn values_are_of_their_form() {
    let id = "\"00000000-0000-4000-8000-000000000003\"";
    let long_market = format!(r#""targetMarketId":^"{}""#, "M".repeat(65));
    check_edits(
        &corrected(),
        &[
            (r#""logicalTime":20"#, r#""logicalTime":^20.0"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^20.5"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^2e1"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^-20"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^-0"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^020"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^+20"#, "logicalTime", "json"),
            (r#""logicalTime":20"#, r#""logicalTime":0^x14"#, "", "json"),
            (r#""logicalTime":20"#, r#""logicalTime":^9007199254740992"#, "logicalTime", "value"),
            (r#""logicalTime":20"#, r#""logicalTime":^18446744073709551636"#, "logicalTime", "value"),
            (id, "^\"00000000-0000-4000-8000-00000000000A\"", "strategyInstanceId", "value"),
            (id, "^\"00000000000040008000000000000003\"", "strategyInstanceId", "value"),
            (id, "^\"{00000000-0000-4000-8000-000000000003}\"", "strategyInstanceId", "value"),
            (id, "^\"\"", "strategyInstanceId", "value"),
            ("\"attention.enter.rotation@v1\"", "^\"attention.enter@v1\"", "decisionClass", "value"),
            ("\"attention.enter.rotation@v1\"", "^\"attention.enter.rotation@v0\"", "decisionClass", "value"),
            ("\"ATTENTION_SUPERIOR\"", "^\"ATTENTION\"", "reasonCodes", "value"),
            ("\"ATTENTION_SUPERIOR\"", "\"UNKNOWN\",^\"UNKNOWN\"", "reasonCodes", "value"),
            ("\"assertive@v1\"", "^\"assertive@v2\"", "parameterPoolId", "value"),
            (r#""targetMarketId":"M1""#, r#""targetMarketId":^"""#, "targetMarketId", "value"),
            (r#""targetMarketId":"M1""#, r#""targetMarketId":^"M 1""#, "targetMarketId", "value"),
            (r#""targetMarketId":"M1""#, &long_market, "targetMarketId", "value"),
        ],
    );
}

#[test]
fn text_is_json() {
    check_edits(
        &corrected(),
        &[
            (r#""M1""#, r#""M^\x31""#, "targetMarketId", "json"),
            (r#""M1""#, r#""M^\ud800""#, "targetMarketId", "json"),
            (r#""M1""#, r#""M^\ude00\ud83d""#, "targetMarketId", "json"),
            (r#""M1""#, r#""M^\u00g1""#, "targetMarketId", "json"),
            (r#""M1""#, "\"M^\t1\"", "targetMarketId", "json"),
            (r#""M1""#, "^'M1'", "targetMarketId", "json"),
            (r#""M1""#, "^NaN", "targetMarketId", "json"),
            (r#""M1""#, "\"M1\"^;", "", "json"),
            ("Higher\":true", "Higher\":^True", "attention.attentionMeaningfullyHigher", "json"),
            (":false}}\n", ":false,^}}\n", "safetyGates", "json"),
            (":false}}\n", ":false}}^}\n", "", "json"),
            (":false}}\n", ":false}}^,\n", "", "json"),
            (":false}}\n", ":false}} ^{}\n", "", "json"),
            (":false}}\n", ":false}^\n", "", "json"),
            (":false}}\n", ":false}}^\r\n", "", "json"),
            ("{\"version\"", "{^\r\"version\"", "", "json"),
            ("{\"version\"", "^\u{feff}{\"version\"", "", "json"),
            ("{\"version\"", "^// {\"version\"", "", "json"),
            ("{\"version\"", "{^\u{a0}\"version\"", "", "json"),
            ("{\"version\"", "{^version", "", "json"),
            ("{\"version\"", "^\0{\"version\"", "", "json"),
            ("\"M1\"", "\"M^\0\"", "targetMarketId", "json"),
        ],
    );
    check_bytes(&[
        (b"\n", 0, "", "json"),
        (b" \t \n", 0, "", "json"),
        (b"\r\n", 0, "", "json"),
        (b"\0\0\0\n", 0, "", "json"),
        (b"null\n", 0, "", "value"),
        (b"[]\n", 0, "", "value"),
        (b"\"TICK\"\n", 0, "", "value"),
        (b"{}\n", 0, "kind", "members"),
        (b"{\"\xff\":1}\n", 2, "", "json"),
        (b"{\"\xc3\":1}\n", 2, "", "json"),
        (b"{\"\xc0\xaf\":1}\n", 2, "", "json"),
        (b"{\"\xed\xa0\x80\":1}\n", 2, "", "json"),
        (b"{\"\xf5\x80\x80\x80\":1}\n", 2, "", "json"),
        (b"\xff\xfe{\0\n", 0, "", "json"),
    ]);
}

#[test]
fn a_line_is_neither_long_nor_deep() {
    let tick = corrected();
    let padded = |length: usize| {
        let mut line = tick.trim_end().to_owned() + &" ".repeat(length - tick.trim_end().len());
        line.push('\n');
        line.into_bytes()
    };
    let too_long = padded(65_536);
    let megabytes = [vec![b'x'; 5 << 20], b"\n".to_vec()].concat();
    let nested = |opening: &str, count: usize| (opening.repeat(count) + "\n").into_bytes();
    let length = |bytes: &[u8]| bytes.strip_suffix(b"\n").unwrap_or(bytes).len();
    let long: [&[u8]; 7] = [
        &too_long,
        &too_long[..65_536],
        &megabytes,
        &megabytes[..5 << 20],
        &megabytes[1 << 20..],
        &nested("[", 100_000),
        &nested("{\"a\":", 100_000),
    ];
    for bad in long {
        println!("{} bytes", length(bad));
        check(bad, &Expected { offset: 65_535, member: "", rule: "line-length" }, &[]);
    }
    check_bytes(&[
        (&nested("[", 65_535), 9, "", "json"),
        (&nested("{\"a\":", 13_000), 45, "a.a.a.a.a.a.a.a.a", "json"),
        (&[b"[".repeat(9), b"]".repeat(9), b"\n".to_vec()].concat(), 0, "", "value"),
    ]);

    let bench = Bench::new();
    let outcome = bench.ingest(&padded(65_535)).expect(0);
    assert_eq!(outcome.json()[0]["status"], "RECORDED", "as long as a line may be");
}

const FEEDBACK: &str = "{\"version\":1,\"kind\":\"FEEDBACK\",\"logicalTime\":20,\
    \"category\":\"RISK_COMFORT\",\"target\":{\"type\":\"TIME_WINDOW\",\"from\":10,\"to\":20},\
    \"comment\":\"well\"}\n";

#[test]
fn feedback_has_its_form_and_speaks_of_what_is_recorded() {
    let window = r#"{"type":"TIME_WINDOW","from":10,"to":20}"#;
    let nowhere = "00000000-0000-8000-8000-000000000000";
    let reference = Bench::new();
    let acknowledged = reference.ingest(good().as_bytes()).expect(0).json();
    // The first was executed, the second was not.
    let [bought, blocked] =
        [0, 1].map(|index| acknowledged[index]["decisionId"].as_str().unwrap().to_owned());
    let execution = reference.run(&["events", "--type", "LEDGER_UPDATED"]).expect(0).json();
    let execution = execution[0]["executionId"].as_str().unwrap().to_owned();
    let on = |decision: &str| format!(r#"{{"type":"DECISION","decisionId":"{decision}"}}"#);
    let on_execution = |decision: &str, execution: &str| {
        format!(r#"{{"type":"EXECUTION","decisionId":"{decision}","executionId":"{execution}"}}"#)
    };
    let comment = |text: &str| format!("\"comment\":^\"{text}\"");
    check_edits(
        FEEDBACK,
        &[
            ("\"RISK_COMFORT\"", "^\"RISK\"", "category", "value"),
            ("\"category\":\"RISK_COMFORT\",", "", "category", "members"),
            ("\"version\"", "^\"reasonCodes\":[],\"version\"", "`reasonCodes`", "members"),
            ("\"TIME_WINDOW\"", "^\"WINDOW\"", "target.type", "value"),
            ("\"from\":10,", "\"from\":10,^\"decisionId\":null,", "target.`decisionId`", "members"),
            (window, "^\"TIME_WINDOW\"", "target", "value"),
            (window, "^{}", "target.type", "members"),
            (
                window,
                &on(&nowhere.to_uppercase().replace("-8000-8", "-4000-8")).replace(":\"0", ":^\"0"),
                "target.decisionId",
                "value",
            ),
            ("\"comment\":\"well\"", "\"comment\":^3", "comment", "value"),
            ("\"comment\":\"well\"", &comment(&"x".repeat(4_097)), "comment", "value"),
            ("\"comment\":\"well\"", &comment(&"\\u00e9".repeat(2_049)), "comment", "value"),
            // Rules on the state concern the whole line.
            (window, &on(nowhere), "target.decisionId", "feedback-target"),
            (window, &on_execution(nowhere, &execution), "target.decisionId", "feedback-target"),
            (window, &on_execution(&bought, nowhere), "target.executionId", "feedback-target"),
            (window, &on_execution(&blocked, &execution), "target.executionId", "feedback-target"),
            ("\"from\":10", "\"from\":21", "target.from", "feedback-window"),
            ("\"to\":20", "\"to\":21", "target.to", "feedback-window"),
            ("\"logicalTime\":20", "\"logicalTime\":11", "logicalTime", "time-order"),
        ],
    );

    let longest = [
        FEEDBACK.replace("well", &"x".repeat(4_096)),
        FEEDBACK.replace("well", &"\\u00e9".repeat(2_048)),
        FEEDBACK.replace(window, &on(&blocked)),
        FEEDBACK.replace(window, &on_execution(&bought, &execution)),
    ];
    reference.ingest(longest.concat().as_bytes()).expect(0);
}

#[test]
fn ticks_agree_with_what_is_recorded() {
    let recorded = tick(1, 10);
    check_edits(
        &recorded,
        &[
            ("\"M1\"", "\"M2\"", "targetMarketId", "conflicting-tick"),
            ("\"M1\"", "null", "targetMarketId", "conflicting-tick"),
            ("enter", "leave", "decisionClass", "conflicting-tick"),
            ("[\"ATTENTION_SUPERIOR\"]", "[]", "reasonCodes", "conflicting-tick"),
            ("Higher\":true", "Higher\":false", "attention", "conflicting-tick"),
            ("assertive", "balanced", "parameterPoolId", "conflicting-tick"),
            ("\"haltAll\":false", "\"haltAll\":true", "safetyGates", "conflicting-tick"),
            ("\"logicalTime\":10", "\"logicalTime\":11", "logicalTime", "time-order"),
        ],
    );
}

#[test]
fn time_steps_no_further_than_allowed() {
    let expected = Expected { offset: 0, member: "logicalTime", rule: "logical-step" };
    for (time, step_max) in [(23, "10"), (9_007_199_254_740_991, "1000")] {
        check(tick(3, time).as_bytes(), &expected, &["--logical-step-max", step_max]);
    }
    let bench = Bench::new();
    let inputs = tick(1, 1_000_000) + &tick(2, 1_000_010);
    bench.run_with(&["ingest", "--logical-step-max", "10"], inputs.as_bytes()).expect(0);
}

#[test]
fn a_last_line_without_lf_counts_if_it_is_whole() {
    let bench = Bench::new();
    let inputs = good();
    let outcome = bench.ingest(inputs.trim_end().as_bytes()).expect(0);
    assert_eq!(outcome.json().len(), 2);
    let reference = Bench::new();
    assert_eq!(reference.ingest(inputs.as_bytes()).expect(0).stdout, outcome.stdout);
    assert!(bench.stores() == reference.stores());

    let whole = corrected();
    let whole = whole.trim_end().as_bytes();
    let cuts = [("\"version", ""), (":1,", ""), ("rotation", "decisionClass"), ("Meaningfully", "attention")];
    for (before, member) in cuts.into_iter().chain([("}}", "safetyGates"), ("}", "")]) {
        let length = if before == "}" { whole.len() - 1 } else { corrected().find(before).unwrap() };
        println!("{length} bytes of {}", whole.len());
        check(&whole[..length], &Expected { offset: length, member, rule: "json" }, &[]);
    }
    check(b" ", &Expected { offset: 0, member: "", rule: "json" }, &[]);
    check(b"{\"version\":1}", &Expected { offset: 0, member: "kind", rule: "members" }, &[]);
}
