//! Keys and signatures: RFC 8032, Wycheproof, the published keys of C2SP, and everything that is no key.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use data_encoding::{BASE64, HEXLOWER};
use dreichor_proof::{KeyError, SignerKey, VerifierKey};
use sha2::{Digest, Sha256};
use support::{Witness, log_key, name};

/// The verifier key of signed-note's example.
const PUBLISHED: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// The text of a verifier key of these bytes.
fn verifier(name: &str, key: &[u8]) -> String {
    let id = Sha256::digest([name.as_bytes(), b"\n", key].concat());
    format!("{name}+{}+{}", HEXLOWER.encode(&id[..4]), BASE64.encode(key))
}

#[test]
fn keys_have_one_text() {
    let witness = Witness::new("example.org/w", 3).verifier();
    for text in [PUBLISHED, &witness, &log_key("example.org/log", 1).verifier().to_string()] {
        assert_eq!(VerifierKey::parse(text).unwrap().to_string(), text);
    }
    let key = log_key("example.org/log", 1);
    let read = SignerKey::parse(&key.to_text()).unwrap();
    assert_eq!((read.verifier(), read.to_text()), (key.verifier(), key.to_text()));
    let shown = format!("{key:?}");
    let secret = key.to_text();
    assert!(!shown.contains(secret.rsplit_once('+').unwrap().1), "{shown}");
}

#[test]
fn no_other_text_is_a_key() {
    for text in [PUBLISHED, &Witness::new("example.org/w", 3).verifier()] {
        for (at, _) in text.char_indices() {
            for bit in 0..7 {
                let mut changed = text.as_bytes().to_vec();
                changed[at] ^= 1 << bit;
                let changed = String::from_utf8(changed).unwrap();
                VerifierKey::parse(&changed).expect_err(&changed);
            }
            VerifierKey::parse(&text[..at]).unwrap_err();
        }
        for text in [format!("{text}="), format!("{text}\n"), format!(" {text}"), text.to_uppercase()] {
            VerifierKey::parse(&text).unwrap_err();
        }
    }
    let secret = log_key("example.org/log", 1).to_text();
    for (at, _) in secret.char_indices() {
        for bit in 0..7 {
            let mut changed = secret.as_bytes().to_vec();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            SignerKey::parse(&changed).expect_err(&changed);
        }
        SignerKey::parse(&secret[..at]).unwrap_err();
    }
}

#[test]
fn errors_say_what_is_wrong_with_a_key() {
    let point = &VerifierKey::parse(PUBLISHED).unwrap().to_string();
    let point = &BASE64.decode(point.rsplit_once('+').unwrap().1.as_bytes()).unwrap()[1..];
    let of_type = |byte: u8| verifier("example.org/x", &[&[byte], point].concat());
    for byte in [0, 2, 3, 5, 6, 255] {
        assert_eq!(VerifierKey::parse(&of_type(byte)), Err(KeyError::Type(byte)));
    }
    let is_point = |key: &[u8]| VerifierKey::parse(&verifier("example.org/x", &[&[1], key].concat()));
    is_point(point).unwrap();
    // Too short, too long, no point of the curve, and points for which everybody can sign.
    let mut identity = [0; 32];
    identity[0] = 1;
    let no_point = unhex("0200000000000000000000000000000000000000000000000000000000000000");
    for key in [&point[1..], &[point, &[0]].concat(), &no_point, &identity, &[0; 32]] {
        assert_eq!(is_point(key), Err(KeyError::Point));
    }
    for text in [
        "",
        "+",
        "++",
        "a+b",
        "example.org/x",
        "a+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ] {
        assert!(matches!(VerifierKey::parse(text), Err(KeyError::VerifierForm | KeyError::Name)), "{text}");
    }
    let foreign = PUBLISHED.replace("530d903a", "530d903b");
    assert!(matches!(VerifierKey::parse(&foreign), Err(KeyError::Id { .. })));
    for wrong in ["", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\tb", "a\nb"] {
        assert!(dreichor_proof::KeyName::parse(wrong).is_none(), "{wrong:?}");
    }
}

/// RFC 8032 section 7.1: secret key, public key, message, signature.
const RFC_8032: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

#[test]
fn signatures_are_those_of_rfc_8032() {
    for [secret, public, message, signature] in RFC_8032 {
        let key = SignerKey::new(name("example.org/log"), &unhex(secret).try_into().unwrap());
        assert_eq!(
            key.verifier().to_string(),
            verifier("example.org/log", &[&[1], &unhex(public)[..]].concat())
        );
        // A note is text; two of the messages are.
        let Ok(text) = String::from_utf8(unhex(message)) else { continue };
        assert_eq!(HEXLOWER.encode(&key.sign(&text)), signature);
        assert_eq!(key.verifier().verify(&text, &unhex(signature)), Ok(None));
        key.verifier().verify(&format!("{text} "), &unhex(signature)).unwrap_err();
    }
}

#[test]
fn wycheproof_signatures_have_their_verdicts() {
    let (mut valid, mut invalid) = (0, 0);
    for line in include_str!("data/ed25519.tsv").lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [number, verdict, public, message, signature] = cells[..] else { unreachable!("{line}") };
        let Ok(text) = String::from_utf8(unhex(message)) else { continue };
        let key = VerifierKey::parse(&verifier("example.org/log", &[&[1], &unhex(public)[..]].concat()));
        let is_valid = key.is_ok_and(|key| key.verify(&text, &unhex(signature)).is_ok());
        assert_eq!(is_valid, verdict == "valid", "test case {number}");
        *if is_valid { &mut valid } else { &mut invalid } += 1;
    }
    assert!(valid > 10 && invalid > 50, "{valid} valid and {invalid} invalid ones were tried");
}
