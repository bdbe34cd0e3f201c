//! Checkpoints and signatures: what is accepted, and that nothing else is.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use dreichor_proof::{
    Checkpoint, CheckpointError, Kept, Malformed, Note, Problem, SignedCheckpoint, TEXT_BYTES_MAX, Trust,
    TrustError, VerifierKey, read_checkpoint,
};
use support::{Witness, checkpoint, edges, log_key, no_change_is_accepted, root, trust_in};

const ORIGIN: &str = "example.org/log";

/// The checkpoint and cosignature that tlog-cosignature publishes; their keys are not published.
const PUBLISHED: &str = "example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
";

/// The note and the key that signed-note publishes.
const NOTE: &str = "This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
";

fn problem<T: std::fmt::Debug>(read: Result<T, Malformed>) -> (usize, Problem) {
    let Malformed { line, problem } = read.unwrap_err();
    (line, problem)
}

#[test]
fn published_notes_are_read_and_written_back() {
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), NOTE);
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let key = VerifierKey::parse(key).unwrap();
    assert_eq!(key.verify(note.text(), &note.signatures()[0].bytes), Ok(None));

    let signed = SignedCheckpoint::parse(PUBLISHED.as_bytes()).unwrap();
    assert_eq!(signed.to_string(), PUBLISHED);
    assert_eq!(
        (signed.checkpoint().origin(), signed.checkpoint().size()),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(signed.note().signatures().len(), 2);
}

#[test]
fn a_signed_checkpoint_is_read_with_its_key_and_no_change_of_it_is() {
    let key = log_key(ORIGIN, 1);
    let trust = trust_in(&key);
    for size in edges(17) {
        let signed = checkpoint(ORIGIN, size);
        let read = read_checkpoint(signed.to_string().as_bytes(), Some(&trust)).unwrap();
        assert_eq!(&read, signed.checkpoint());
        assert_eq!((read.size(), read.root()), (size, root(size)));
    }
    no_change_is_accepted(checkpoint(ORIGIN, 5).to_string().as_bytes(), |bytes| {
        read_checkpoint(bytes, Some(&trust)).is_ok()
    });
}

#[test]
fn what_is_signed_needs_a_key_and_what_is_not_needs_none() {
    let signed = checkpoint(ORIGIN, 5);
    let text = signed.checkpoint().to_string();
    let trust = trust_in(&log_key(ORIGIN, 1));
    assert_eq!(read_checkpoint(text.as_bytes(), None).unwrap(), *signed.checkpoint());
    assert_eq!(read_checkpoint(text.as_bytes(), Some(&trust)), Err(CheckpointError::Unsigned));
    assert_eq!(read_checkpoint(signed.to_string().as_bytes(), None), Err(CheckpointError::NoTrust));
    assert!(matches!(Kept::parse(text.as_bytes()).unwrap(), Kept::Unsigned(_)));
}

#[test]
fn texts_that_are_no_checkpoint_are_refused_where_they_are_wrong() {
    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let parse = |text: &str| Checkpoint::parse(text.as_bytes());
    let with_size = |size: &str| parse(&format!("o\n{size}\n{ROOT}\n"));
    for size in ["1", "9007199254740993", "18446744073709551615"] {
        assert_eq!(with_size(size).unwrap().to_string(), format!("o\n{size}\n{ROOT}\n"));
    }
    for size in [
        "01",
        "00",
        "+1",
        "-1",
        "1 ",
        " 1",
        "1.0",
        "1e3",
        "0x1",
        "١",
        "18446744073709551616",
        "99999999999999999999",
    ] {
        assert_eq!(problem(with_size(size)), (2, Problem::Decimal("the tree size")), "{size}");
    }
    assert_eq!(problem(with_size("")), (2, Problem::Empty("the tree size")));
    // The empty tree has one root.
    assert_eq!(problem(with_size("0")), (3, Problem::EmptyRoot));
    parse("o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n").unwrap();

    let with_root = |root: &str| problem(parse(&format!("o\n1\n{root}\n")));
    let base64 = Problem::Base64("the root hash");
    for root in [
        &ROOT[..43],
        // Other Base64: without padding, with bits that no byte has, of URLs, with spaces.
        &ROOT.replace("2I=", "2J="),
        &ROOT.replace('/', "_"),
        &format!("{ROOT} "),
        &format!("{ROOT}{ROOT}"),
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==Yg==",
    ] {
        assert_eq!(with_root(root), (3, base64.clone()), "{root}");
    }
    let length = |found| Problem::Length { what: "the root hash", found, expected: "32" };
    assert_eq!(with_root("AAAA"), (3, length(3)));

    let extended = format!("o\n1\n{ROOT}\nmore\nand more\n");
    assert_eq!(parse(&extended).unwrap().to_string(), extended);
    assert_eq!(problem(parse("")), (1, Problem::CutOff));
    assert_eq!(problem(parse("\n")), (1, Problem::Empty("the origin")));
    assert_eq!(problem(parse("o\n1\n")), (3, Problem::Missing("the root hash")));
    assert_eq!(problem(parse("o\r\n1\r\n")), (1, Problem::Control('\r')));
    assert_eq!(problem(parse("o\n1\t\n")), (2, Problem::Control('\t')));
    assert_eq!(problem(Checkpoint::parse(b"o\n\xff\n")), (2, Problem::NotText));
    assert_eq!(problem(Checkpoint::parse(&vec![b'o'; TEXT_BYTES_MAX + 1])), (1, Problem::TooLong));
}

#[test]
fn notes_of_another_form_are_refused() {
    let good = checkpoint(ORIGIN, 1).to_string();
    let (text, signature) = good.split_once("\n\n").unwrap();
    let base64 = signature.trim_end().rsplit_once(' ').unwrap().1;
    let read = |note: String| problem(SignedCheckpoint::parse(note.as_bytes()));
    let with = |line: &str| read(format!("{text}\n\n{line}\n"));
    let blank = Problem::Missing("the empty line between the text and its signatures");
    assert_eq!(read(format!("{text}\n{signature}")), (5, blank));
    assert_eq!(read(format!("{text}\n\n")), (5, Problem::Missing("a signature")));
    assert_eq!(read(good.replace('\n', "\r\n")), (1, Problem::Control('\r')));
    assert_eq!(read(good.trim_end().to_owned()), (5, Problem::CutOff));
    for line in
        ["", "x", "-- x AAAA", &format!("—  {base64}"), &format!("– x {base64}"), &format!("— {base64}")]
    {
        let (number, found) = with(line);
        let is_form = matches!(found, Problem::SignatureLine | Problem::KeyName(_) | Problem::Missing(_));
        assert!(number >= 5 && is_form, "{line}: {found}");
    }
    for name in ["a+b", "a\u{a0}b", ""] {
        assert_eq!(with(&format!("— {name} {base64}")), (5, Problem::KeyName(name.into())), "{name}");
    }
    for other in [
        &base64[..base64.len() - 2],
        &base64.replace('=', ""),
        &format!("{base64} "),
        "A",
        "AAAAAA==AAAA",
        "AAAA AAAA",
    ] {
        assert_eq!(with(&format!("— x {other}")).1, Problem::Base64("the signature"), "{other}");
    }
    for short in ["AAAA", "AAAAAA=="] {
        assert!(matches!(with(&format!("— x {short}")).1, Problem::Length { .. }), "{short}");
    }
    // A checkpoint's text has no empty line, so neither has that of its note.
    assert_eq!(read(format!("{text}\n\n{good}")), (4, Problem::Empty("an extension line")));
}

#[test]
fn only_the_right_key_of_the_right_log_is_accepted() {
    let signed = checkpoint(ORIGIN, 5);
    let verify = |origin: &str, seed: u8| trust_in(&log_key(origin, seed)).verify(&signed);
    verify(ORIGIN, 1).unwrap();
    assert!(matches!(verify("example.org/other", 1), Err(TrustError::OtherLog { .. })));
    // Another key has another id, so its signature is just not there.
    assert!(matches!(verify(ORIGIN, 2), Err(TrustError::NotSigned { .. })));
    let witness = VerifierKey::parse(&Witness::new(ORIGIN, 1).verifier()).unwrap();
    Trust::in_log(witness).unwrap_err();
}

#[test]
fn signatures_of_unknown_keys_are_ignored_and_bad_ones_of_known_keys_refuse() {
    let good = checkpoint(ORIGIN, 5).to_string();
    let trust = trust_in(&log_key(ORIGIN, 1));
    let read = |note: &str| trust.verify(&SignedCheckpoint::parse(note.as_bytes()).unwrap());
    let line = good.split_once("\n\n").unwrap().1;

    let foreign: String = (2..=40).map(|seed| signature_of(seed, 5)).collect();
    let signers = read(&format!("{good}{foreign}")).unwrap();
    assert_eq!(signers.unknown, 39);
    assert_eq!(read(&format!("{}{foreign}{line}", good.replace(line, ""))).unwrap().unknown, 39);
    // The same name with another id, and the same id with another name, are other keys.
    assert_eq!(read(&format!("{good}— {ORIGIN} AAAAAAA=\n")).unwrap().unknown, 1);
    assert_eq!(read(&format!("{good}{}", line.replace(ORIGIN, "example.org/lag"))).unwrap().unknown, 1);
    // The key's signature twice is as good as once; a second one that is bad is not.
    assert_eq!(read(&format!("{good}{line}")).unwrap().unknown, 0);
    let of_other_text = signature_of(1, 6);
    for note in [format!("{good}{of_other_text}"), good.replace(line, &of_other_text)] {
        assert!(matches!(read(&note), Err(TrustError::BadSignature { .. })));
    }
    assert!(matches!(read(&good.replace(line, &signature_of(2, 5))), Err(TrustError::NotSigned { .. })));
}

/// The line by which the key of this seed signs the checkpoint of this size.
fn signature_of(seed: u8, size: u64) -> String {
    let signed = Checkpoint::new(ORIGIN, size, root(size)).sign(&log_key(ORIGIN, seed));
    signed.to_string().split_once("\n\n").unwrap().1.to_owned()
}
