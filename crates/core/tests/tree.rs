//! The log's root is that of RFC 6962, whatever the number of leaves.

mod support;

use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use dreichor_core::value::Form;
use dreichor_core::{Hash, Tree};
use proptest::prelude::*;
use support::config::config;
use support::rfc6962::{hex, mth, published_leaves};

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

/// The roots by which implementations of Certificate Transparency test themselves.
#[test]
fn roots_are_the_published_ones() {
    let published = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    assert_eq!(roots(&published_leaves()), published);
}

#[test]
fn roots_are_the_defined_ones_at_every_size_to_300() {
    let leaves: Vec<Vec<u8>> = (0..300_u16).map(|index| index.to_le_bytes().to_vec()).collect();
    for (size, root) in roots(&leaves).iter().enumerate() {
        assert_eq!(*root, hex(&mth(&leaves[..size])), "{size} leaves");
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn roots_are_the_defined_ones(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..70), 0..40)) {
        for (size, root) in roots(&leaves).iter().enumerate() {
            prop_assert_eq!(root, &hex(&mth(&leaves[..size])), "{} leaves", size);
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
