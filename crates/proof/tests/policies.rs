//! Policies: which logs and witnesses are known, and which cosignatures meet a quorum.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use dreichor_proof::trust::Cosigner;
use dreichor_proof::{Problem, SignedCheckpoint, Trust, TrustError};
use support::{Witness, checkpoint, log_key};

const ORIGIN: &str = "example.org/log";

fn witness(number: u8) -> Witness {
    Witness::new(&format!("example.org/w{number}"), 100 + number)
}

/// The lines that define the log and witnesses W1 to W6, and then these lines.
fn policy(lines: &str) -> String {
    let log = log_key(ORIGIN, 1).verifier().to_string();
    let witnesses = (1..=6).map(|number| format!("witness W{number} {}\n", witness(number).verifier()));
    format!("# a comment\n\n  log {log}\thttps://example.org/ \n{}{lines}", witnesses.collect::<String>())
}

/// The checkpoint with cosignatures at these times of these witnesses.
fn cosigned(by: &[(u8, u64)]) -> SignedCheckpoint {
    let signed = checkpoint(ORIGIN, 5);
    let text = signed.checkpoint().to_string();
    let lines: String = by.iter().map(|(number, time)| witness(*number).cosign(&text, *time)).collect();
    SignedCheckpoint::parse(format!("{signed}{lines}").as_bytes()).unwrap()
}

/// Checks that of all subsets of six witnesses those meet the quorum of the policy for which `expected` says so.
#[track_caller]
fn check(lines: &str, expected: impl Fn(&[u8]) -> bool) {
    let trust = Trust::parse_policy(policy(lines).as_bytes()).unwrap();
    for subset in 0..64_u8 {
        let numbers: Vec<u8> = (1..=6).filter(|number| subset >> (number - 1) & 1 == 1).collect();
        let by: Vec<(u8, u64)> = numbers.iter().map(|number| (*number, 1_700_000_000)).collect();
        let met = match trust.verify(&cosigned(&by)) {
            Ok(signers) => {
                assert_eq!(signers.cosigners.len(), by.len());
                true
            }
            Err(TrustError::NoQuorum { .. }) => false,
            Err(error) => unreachable!("{error}"),
        };
        assert_eq!(met, expected(&numbers), "{lines}: {numbers:?}");
    }
}

#[test]
fn quorums_are_met_by_the_right_witnesses() {
    let of = |numbers: &[u8], group: &[u8]| group.iter().filter(|number| numbers.contains(number)).count();
    check("quorum none\n", |_| true);
    check("quorum W3\n", |by| by.contains(&3));
    check("group g all W1 W2 W3\nquorum g\n", |by| of(by, &[1, 2, 3]) == 3);
    check("group g any W1 W2 W3\nquorum g\n", |by| of(by, &[1, 2, 3]) >= 1);
    check("group g 2 W1 W2 W3\nquorum g\n", |by| of(by, &[1, 2, 3]) >= 2);
    // The example of tlog-policy.
    let nested = "group X 2 W1 W2 W3\ngroup Y any W4 W5 W6\ngroup XY all X Y\nquorum XY\n";
    check(nested, |by| of(by, &[1, 2, 3]) >= 2 && of(by, &[4, 5, 6]) >= 1);
    // The log's line may follow, and names may be any octets.
    check("group \u{fc} 1 W1\nquorum \u{fc}\n# \u{2713}\n", |by| by.contains(&1));
}

#[test]
fn a_witness_counts_once_and_states_its_latest_time() {
    let trust = Trust::parse_policy(policy("group g 2 W1 W2\nquorum g\n").as_bytes()).unwrap();
    let twice = trust.verify(&cosigned(&[(1, 7), (1, 9), (1, 8)]));
    assert!(matches!(twice, Err(TrustError::NoQuorum { .. })), "{twice:?}");
    let signers = trust.verify(&cosigned(&[(2, 5), (1, 7), (1, 9), (1, 8)])).unwrap();
    let cosigner = |name: &str, time| Cosigner { name: name.into(), time };
    assert_eq!(signers.cosigners, [cosigner("W1", 9), cosigner("W2", 5)]);
    let most = i64::MAX.unsigned_abs();
    trust.verify(&cosigned(&[(1, most), (2, 0)])).unwrap();
    assert!(matches!(
        trust.verify(&cosigned(&[(1, most + 1), (2, 0)])),
        Err(TrustError::BadSignature { .. })
    ));
}

#[test]
fn a_bad_cosignature_of_a_known_witness_refuses() {
    let trust = Trust::parse_policy(policy("quorum none\n").as_bytes()).unwrap();
    let other = checkpoint(ORIGIN, 6).checkpoint().to_string();
    let note = format!("{}{}", checkpoint(ORIGIN, 5), witness(1).cosign(&other, 1));
    let found = trust.verify(&SignedCheckpoint::parse(note.as_bytes()).unwrap());
    assert!(matches!(found, Err(TrustError::BadSignature { .. })), "{found:?}");
    // One by a stranger says nothing.
    let note = format!("{}{}", checkpoint(ORIGIN, 5), Witness::new("example.org/x", 9).cosign(&other, 1));
    assert_eq!(trust.verify(&SignedCheckpoint::parse(note.as_bytes()).unwrap()).unwrap().unknown, 1);
}

#[test]
fn several_logs_may_be_known() {
    let second = log_key("example.org/second", 2);
    let text = policy(&format!("quorum none\nlog {}\n", second.verifier()));
    let trust = Trust::parse_policy(text.as_bytes()).unwrap();
    trust.verify(&checkpoint(ORIGIN, 5)).unwrap();
    let signed = dreichor_proof::Checkpoint::new("example.org/second", 5, support::root(5));
    trust.verify(&signed.clone().sign(&second)).unwrap();
    // A known key of another log is no signature of this one.
    assert!(matches!(trust.verify(&signed.sign(&log_key(ORIGIN, 1))), Err(TrustError::NotSigned { .. })));
}

#[test]
fn policies_of_the_recommended_size_are_read() {
    let log = |number: u8| format!("log {}\n", log_key(&format!("example.org/{number}"), number).verifier());
    let witness = |number: u8| format!("witness W{number} {}\n", witness(number).verifier());
    let group = |number: u8| format!("group G{number} any W{number}\n");
    let lines = |line: &dyn Fn(u8) -> String| (1..=32).map(line).collect::<String>();
    let text = format!("{}{}{}quorum G32\n", lines(&log), lines(&witness), lines(&group));
    Trust::parse_policy(text.as_bytes()).unwrap();
}

#[test]
fn what_is_no_policy_is_refused_by_line() {
    let refused = |text: &str, number: usize| {
        let error = Trust::parse_policy(text.as_bytes()).expect_err(text);
        assert_eq!(error.line, number, "{text}{error}");
        error.problem
    };
    // The lines before the given ones are nine.
    for lines in [
        "nonsense\n",
        "Quorum none\n",
        "quorum\n",
        "quorum W1 W2\n",
        "quorum W7\n",
        "group g any\n",
        "group g 0 W1\n",
        "group g 2 W1\n",
        "group g 01 W1\n",
        "group g +1 W1\n",
        "group g some W1\n",
        "group g any W1 W1\n",
        "group g any g\n",
        "group g any none\n",
        "group none any W1\n",
        "group W1 any W2\n",
        "witness W7\n",
        "log\n",
        "log x+y+z\n",
        "log a b c d\n",
    ] {
        refused(&policy(lines), 10);
    }
    refused(&policy("quorum none\nquorum none\n"), 11);
    refused(&policy("group g any W1\ngroup h any W1\n"), 11);
    refused(&policy("group g any h\ngroup h any W1\n"), 10);
    // The same key under another name, and keys of the other kind.
    let again = |line: String| policy(&line);
    refused(&again(format!("witness W7 {}\n", Witness::new("example.org/same", 101).verifier())), 10);
    refused(&again(format!("log {}\n", log_key("example.org/same", 1).verifier())), 10);
    refused(&again(format!("log {}\n", Witness::new("example.org/w7", 107).verifier())), 10);
    refused(&again(format!("witness W7 {}\n", log_key("example.org/w7", 107).verifier())), 10);

    assert_eq!(refused(&policy("quorum none"), 10), Problem::CutOff);
    assert_eq!(refused(&policy("quorum none\r\n"), 10), Problem::Control('\r'));
    assert_eq!(refused(&policy("quorum none\n\u{7f}\n"), 11), Problem::Control('\u{7f}'));
    assert!(matches!(refused(&policy(""), 10), Problem::Missing(_)));
    assert!(matches!(refused("quorum none\n", 2), Problem::Missing(_)));
    assert_eq!(refused("", 1), Problem::CutOff);
}
