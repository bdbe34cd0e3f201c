//! The files of a published tree: names, content, and the root that they give.

use std::collections::BTreeMap;

use dreichor_core::canonical::Sink;
use dreichor_core::tree::Hasher;
use dreichor_core::{Hash, Tree};
use dreichor_proof::tile::{self, Kind, Name, TileError, Tiles, WIDTH};

fn leaf(data: &[u8]) -> Hash {
    let mut hasher = Hasher::leaf();
    hasher.put(data);
    hasher.finish()
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// All files of the tree with `size` entries, by path; a partial one that became full is not kept.
fn files(size: u64) -> BTreeMap<String, Vec<u8>> {
    let mut tiles = Tiles::new();
    let mut files = Vec::new();
    for index in 0..size {
        files.extend(tiles.push(&entry(index), leaf(&entry(index))));
    }
    files.extend(tiles.partial());
    files.into_iter().map(|file| (file.name.to_string(), file.bytes)).collect()
}

#[test]
fn names_are_those_of_the_specification() {
    let name = |kind, index, count| Name::of(kind, index, count).to_string();
    for (found, expected) in [
        (name(Kind::Hashes(0), 0, 1), "tile/0/000.p/1"),
        (name(Kind::Hashes(0), 0, 256), "tile/0/000"),
        (name(Kind::Hashes(0), 0, u64::MAX), "tile/0/000"),
        (name(Kind::Hashes(7), 999, 1_000_000), "tile/7/999"),
        (name(Kind::Entries, 1_234_067, u64::MAX), "tile/entries/x001/x234/067"),
        (name(Kind::Entries, 1_234_067, 1_234_067 * 256 + 8), "tile/entries/x001/x234/067.p/8"),
        (name(Kind::Hashes(1), 1_000, 1_000 * 256 + 255), "tile/1/x001/000.p/255"),
    ] {
        assert_eq!(found, expected);
    }
}

/// The example of the specification: a tree of 70,000 entries.
#[test]
fn a_tree_has_the_tiles_of_the_specification() {
    let files = files(70_000);
    for (directory, full, partial) in [
        ("tile/entries/", 273, Some("112")),
        ("tile/0/", 273, Some("112")),
        ("tile/1/", 1, Some("17")),
        ("tile/2/", 0, Some("1")),
        ("tile/3/", 0, None),
    ] {
        let (partials, fulls): (Vec<&str>, Vec<&str>) = files
            .keys()
            .filter_map(|path| path.strip_prefix(directory))
            .partition(|path| path.contains(".p/"));
        assert_eq!(fulls.len(), full, "{directory}");
        let widths: Vec<&str> = partials.iter().filter_map(|path| path.split(".p/").nth(1)).collect();
        assert_eq!(widths, Vec::from_iter(partial), "{directory}");
    }
}

#[test]
fn a_growing_tree_has_the_files_of_its_size_and_their_root_is_its_own() {
    let mut tree = Tree::new();
    for size in 0..=1_100_u64 {
        if size > 0 {
            tree.push(leaf(&entry(size - 1)));
        }
        let is_edge = |number: u64| (number.saturating_sub(2)..=number + 2).contains(&size);
        if ![0, 256, 512, 768, 1_024, 1_100].into_iter().any(is_edge) {
            continue;
        }
        let files = files(size);
        let levels = (0..8).map(|level| (Kind::Hashes(level), tile::count(size, level)));
        let mut names: Vec<String> = [(Kind::Entries, size)]
            .into_iter()
            .chain(levels)
            .flat_map(|(kind, count)| {
                (0..count.div_ceil(WIDTH as u64)).map(move |index| Name::of(kind, index, count).to_string())
            })
            .collect();
        names.sort();
        assert_eq!(files.keys().cloned().collect::<Vec<_>>(), names, "size {size}");
        let edge: Vec<Vec<Hash>> = (0..8)
            .map(|level| (level, tile::count(size, level)))
            .take_while(|(_, count)| *count > 0)
            .map(|(level, count)| {
                let name = Name::of(Kind::Hashes(level), (count - 1) / WIDTH as u64, count);
                let hashes = || tile::read_hashes(&files[&name.to_string()], name.width()).unwrap();
                if name.is_full() { Vec::new() } else { hashes() }
            })
            .collect();
        assert_eq!(tile::root_of_levels(edge.iter().map(Vec::as_slice)), tree.root(), "size {size}");
    }
}

#[test]
fn a_full_tile_has_the_root_that_the_level_above_holds() {
    let files = files(1_100);
    let above = tile::read_hashes(&files["tile/1/000.p/4"], 4).unwrap();
    for (index, expected) in above.iter().enumerate() {
        let hashes = tile::read_hashes(&files[&format!("tile/0/{index:03}")], WIDTH).unwrap();
        assert_eq!(tile::root(&hashes), *expected);
    }
}

#[test]
fn a_bundle_gives_its_entries_back_and_nothing_else_is_one() {
    let files = files(300);
    let full = &files["tile/entries/000"];
    let partial = &files["tile/entries/001.p/44"];
    let expected: Vec<Vec<u8>> = (0..256).map(entry).collect();
    assert_eq!(tile::read_entries(full, 256, 256).unwrap(), expected);
    assert_eq!(tile::read_entries(full, 256, 7).unwrap(), expected[..7]);
    assert_eq!(tile::read_entries(partial, 44, 44).unwrap()[43], entry(299));
    for end in 0..partial.len() {
        assert!(matches!(tile::read_entries(&partial[..end], 44, 44), Err(TileError::CutOff(_))), "{end}");
    }
    assert_eq!(tile::read_entries(&[partial, &[0][..]].concat(), 44, 44), Err(TileError::Trailing(1)));
    assert!(matches!(tile::read_entries(partial, 43, 43), Err(TileError::Trailing(_))));
}

#[test]
fn a_tile_has_its_width_or_is_full() {
    let bytes = vec![7; 32 * 256];
    for width in [1, 44, 255, 256] {
        assert_eq!(tile::read_hashes(&bytes, width).unwrap().len(), width);
        assert_eq!(tile::read_hashes(&bytes[..32 * width], width).unwrap().len(), width);
        for wrong in [0, 32 * width - 1, 32 * width + 1, 32 * (width + 1)] {
            if wrong != bytes.len() && wrong <= bytes.len() {
                assert!(tile::read_hashes(&bytes[..wrong], width).is_err(), "{width} {wrong}");
            }
        }
    }
}

#[test]
fn partial_files_are_full_later() {
    for (before, size, expected) in [
        (100, 255, vec![]),
        (100, 256, vec!["tile/0/000.p/100", "tile/entries/000.p/100"]),
        (256, 300, vec![]),
        (300, 70_000, vec!["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]),
        (0, 70_000, vec![]),
    ] {
        let full = tile::edge(before).filter(|name| !name.is_full() && tile::has_full(*name, size));
        let mut full: Vec<String> = full.map(|name| name.to_string()).collect();
        full.sort();
        assert_eq!(full, expected, "{before} to {size}");
    }
}
