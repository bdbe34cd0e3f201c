//! The log's root is that of RFC 6962, whatever the number of leaves.

#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's")]

mod support;

use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use dreichor_core::value::Form;
use dreichor_core::{Hash, Tree};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use support::values::config;

/// The roots of the tree without leaf, with the first leaf, with the first two and so on.
fn roots(leaves: &[Vec<u8>]) -> Vec<String> {
    let mut tree = Tree::new();
    let mut roots = vec![tree.root().to_string()];
    for (index, data) in leaves.iter().enumerate() {
        let mut leaf = Hasher::leaf();
        leaf.put(data);
        tree.push(leaf.finish());
        assert_eq!(tree.size(), index as u64 + 1);
        roots.push(tree.root().to_string());
    }
    roots
}

/// MTH of RFC 6962, section 2.1, word for word.
fn defined(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [data] => Sha256::digest([&[0x00], &data[..]].concat()).into(),
        leaves => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            let (left, right) = leaves.split_at(k);
            Sha256::digest([&[0x01], &defined(left)[..], &defined(right)[..]].concat()).into()
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The leaves and roots by which implementations of Certificate Transparency test themselves.
#[test]
fn roots_are_the_published_ones() {
    let published = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];
    let leaves: Vec<Vec<u8>> = published[1..]
        .iter()
        .map(|(leaf, _)| {
            let digits: Vec<u8> =
                leaf.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
            digits.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect()
        })
        .collect();
    assert_eq!(roots(&leaves), published.map(|(_, root)| root.to_owned()));
}

#[test]
fn roots_are_the_defined_ones_at_every_size_to_300() {
    let leaves: Vec<Vec<u8>> = (0..300_u16).map(|index| index.to_le_bytes().to_vec()).collect();
    for (size, root) in roots(&leaves).iter().enumerate() {
        assert_eq!(*root, hex(&defined(&leaves[..size])), "{size} leaves");
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn roots_are_the_defined_ones(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..70), 0..40)) {
        for (size, root) in roots(&leaves).iter().enumerate() {
            prop_assert_eq!(root, &hex(&defined(&leaves[..size])), "{} leaves", size);
        }
    }

    #[test]
    fn a_hash_is_spelled_in_lower_case_only(bytes in any::<[u8; 32]>()) {
        let text = hex(&bytes);
        let hash = Hash::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(hash.as_bytes(), &bytes);
        prop_assert_eq!(hash.to_string(), text.clone());
        let upper = text.to_uppercase();
        prop_assert_eq!(Hash::parse(upper.as_bytes()).is_some(), upper == text);
        prop_assert_eq!(Hash::parse(&text.as_bytes()[1..]), None);
        prop_assert_eq!(Hash::parse(format!("{text}0").as_bytes()), None);
        prop_assert_eq!(Hash::parse(text.replace(['0', '1', '2', '3'], "g").as_bytes()).is_some(), !text.contains(['0', '1', '2', '3']));
    }
}
