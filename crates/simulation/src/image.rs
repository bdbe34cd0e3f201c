//! The states of the medium after a crash.

use std::collections::BTreeMap;

use crate::disk::{Disk, Entries, Inode, Mount};
use crate::plan::Random;

/// The size of a page, in bytes.
const PAGE_BYTES: usize = 4096;

/// For at most this many items, every subset is tried; for more, the same number of samples.
const BITS_MAX: u32 = 10;

/// A disk after a crash.
#[derive(Debug, Clone)]
pub struct Image {
    /// Every file, by its directory and name.
    pub files: Vec<(Mount, String, Vec<u8>)>,
    /// The choice that led to it, for messages of failures.
    pub kept: Kept,
}

/// Which of the unsynced changes the medium kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// None of any file.
    Nothing,
    /// All of every file.
    All,
    /// All, but of one file only so many of its unsynced bytes.
    Prefix(Mount, String, usize),
    /// All, but of one file only these of its unsynced pages (a bit a page); the others read as NULs.
    Pages(Mount, String, u64),
    /// All, but of one file only its size: its unsynced bytes read as NULs.
    SizeOnly(Mount, String),
    /// All bytes, but of a directory only these of its unsynced operations (a bit an operation).
    Operations(Mount, u64),
}

impl Image {
    /// The disk that the next run finds.
    pub fn disk(&self) -> Disk {
        Disk::holding(self.files.iter().cloned())
    }

    /// The content of a file.
    pub fn bytes(&self, mount: Mount, name: &str) -> &[u8] {
        let file = self.files.iter().find(|(at, file, _)| *at == mount && file == name);
        file.map_or(&[], |(_, _, bytes)| bytes)
    }
}

impl Disk {
    /// All ways in which a crash now may end; `random` picks the page subsets where there are too many.
    pub fn ways(&self, random: &mut Random) -> Vec<Kept> {
        let world = self.world.borrow();
        let mut ways = vec![Kept::Nothing, Kept::All];
        for (&mount, found) in &world.entries {
            for (name, &inode) in &found.after(&found.pending) {
                let Some(inode) = world.inodes.get(inode) else { continue };
                ways.extend(ways_of_file(mount, name, inode, random));
            }
            let operations = found.pending.len();
            ways.extend(subsets(operations, random).map(|subset| Kept::Operations(mount, subset)));
            if operations > 0 {
                ways.push(Kept::Operations(mount, 0));
            }
        }
        ways
    }

    /// The image of a crash at this moment with this choice.
    pub fn image(&self, kept: Kept) -> Image {
        let world = self.world.borrow();
        let mut files = Vec::new();
        for (&mount, found) in &world.entries {
            for (name, inode) in kept_entries(mount, found, &kept) {
                let Some(inode) = world.inodes.get(inode) else { continue };
                files.push((mount, name.clone(), kept_bytes(mount, &name, inode, &kept)));
            }
        }
        Image { files, kept }
    }
}

/// The parts of one file's unsynced bytes that a crash may keep, except all and none.
fn ways_of_file(mount: Mount, name: &str, inode: &Inode, random: &mut Random) -> Vec<Kept> {
    let unsynced = inode.cache.len().saturating_sub(inode.durable.len());
    let mut ways = Vec::new();
    if unsynced == 0 {
        return ways;
    }
    ways.extend((0..unsynced).map(|count| Kept::Prefix(mount, name.to_owned(), count)));
    ways.push(Kept::SizeOnly(mount, name.to_owned()));
    let first = inode.durable.len() / PAGE_BYTES;
    let pages = inode.cache.len().div_ceil(PAGE_BYTES) - first;
    ways.extend(subsets(pages, random).map(|subset| Kept::Pages(mount, name.to_owned(), subset)));
    ways
}

/// Every subset of so many things, but none and all of them; samples where there are too many.
fn subsets(count: usize, random: &mut Random) -> Box<dyn Iterator<Item = u64> + '_> {
    match u32::try_from(count) {
        Ok(0) => Box::new(std::iter::empty()),
        Ok(count) if count <= BITS_MAX => Box::new(1..(1 << count) - 1),
        Ok(_) | Err(_) => Box::new((0..1 << BITS_MAX).map(|_| random.number())),
    }
}

/// True if `subset` has this item; the 65th item counts as the first.
fn has(subset: u64, index: usize) -> bool {
    let bit = u32::try_from(index % 64).unwrap_or_default();
    subset >> bit & 1 == 1
}

fn kept_entries(mount: Mount, entries: &Entries, kept: &Kept) -> BTreeMap<String, usize> {
    let pending = entries.pending.iter();
    match kept {
        Kept::Nothing => entries.durable.clone(),
        Kept::Operations(at, subset) if *at == mount => {
            entries.after(pending.enumerate().filter(|(index, _)| has(*subset, *index)).map(|(_, kept)| kept))
        }
        Kept::All | Kept::Prefix(..) | Kept::Pages(..) | Kept::SizeOnly(..) | Kept::Operations(..) => {
            entries.after(pending)
        }
    }
}

fn kept_bytes(mount: Mount, name: &str, inode: &Inode, kept: &Kept) -> Vec<u8> {
    let is_this = |at: &Mount, file: &String| *at == mount && file == name;
    let durable = inode.durable.len();
    // Pages that a failed sync lost are kept by no crash.
    if inode.has_lost {
        return inode.durable.clone();
    }
    match kept {
        Kept::Nothing => inode.durable.clone(),
        Kept::Prefix(at, file, count) if is_this(at, file) => {
            inode.cache.get(..durable + count).unwrap_or(&inode.cache).to_vec()
        }
        Kept::SizeOnly(at, file) if is_this(at, file) => {
            let mut bytes = inode.durable.clone();
            bytes.resize(inode.cache.len(), 0);
            bytes
        }
        Kept::Pages(at, file, subset) if is_this(at, file) => {
            let first = durable / PAGE_BYTES;
            let mut bytes = inode.cache.clone();
            for (index, byte) in bytes.iter_mut().enumerate().skip(durable) {
                if !has(*subset, index / PAGE_BYTES - first) {
                    *byte = 0;
                }
            }
            bytes
        }
        Kept::All | Kept::Prefix(..) | Kept::Pages(..) | Kept::SizeOnly(..) | Kept::Operations(..) => {
            inode.cache.clone()
        }
    }
}
