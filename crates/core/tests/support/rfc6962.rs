//! RFC 6962 section 2.1 as it is written, and the verifiers of RFC 9162: the reference for the tree and its proofs.

use std::ops::Range;

use sha2::{Digest, Sha256};

pub(crate) type Node = [u8; 32];

/// The hash of an inner node.
fn inner(left: &Node, right: &Node) -> Node {
    Sha256::digest([&[0x01], &left[..], &right[..]].concat()).into()
}

/// The largest power of two smaller than `n`, which is more than 1.
fn k(n: u64) -> u64 {
    let mut k = 1;
    while k < n - k {
        k += k;
    }
    k
}

/// MTH(D[n]), section 2.1.
pub(crate) fn mth(d: &[Vec<u8>]) -> Node {
    match d {
        [] => Sha256::digest(b"").into(),
        [d0] => Sha256::digest([&[0x00], &d0[..]].concat()).into(),
        d => {
            let (left, right) = d.split_at(usize::try_from(k(d.len() as u64)).unwrap());
            inner(&mth(left), &mth(right))
        }
    }
}

/// PATH(m, D[n]), section 2.1.1. Instead of MTH(D[a:b]) it gives the range of D.
pub(crate) fn path(m: u64, d: Range<u64>) -> Vec<Range<u64>> {
    let n = d.end - d.start;
    if n == 1 {
        return Vec::new();
    }
    let middle = d.start + k(n);
    let (mut path, last) = if m < k(n) {
        (path(m, d.start..middle), middle..d.end)
    } else {
        (path(m - k(n), middle..d.end), d.start..middle)
    };
    path.push(last);
    path
}

/// PROOF(m, D[n]), section 2.1.2, likewise.
pub(crate) fn proof(m: u64, n: u64) -> Vec<Range<u64>> {
    subproof(m, 0..n, true)
}

/// SUBPROOF(m, D[n], b), section 2.1.2, likewise.
fn subproof(m: u64, d: Range<u64>, b: bool) -> Vec<Range<u64>> {
    let n = d.end - d.start;
    if m == n {
        return if b { Vec::new() } else { vec![d] };
    }
    let middle = d.start + k(n);
    let (mut proof, last) = if m <= k(n) {
        (subproof(m, d.start..middle, b), middle..d.end)
    } else {
        (subproof(m - k(n), middle..d.end, false), d.start..middle)
    };
    proof.push(last);
    proof
}

/// RFC 9162 section 2.1.3.2.
pub(crate) fn verifies_inclusion(index: u64, size: u64, path: &[Node], leaf: Node, root: Node) -> bool {
    if index >= size {
        return false;
    }
    let (mut f, mut s) = (index, size - 1);
    let mut r = leaf;
    for p in path {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            r = inner(p, &r);
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            r = inner(&r, p);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    s == 0 && r == root
}

/// RFC 9162 section 2.1.4.2, of two sizes, each with its root. Of none and of the same it wants no path.
pub(crate) fn verifies_consistency(first: (u64, Node), second: (u64, Node), path: &[Node]) -> bool {
    if first.0 == 0 || first.0 == second.0 {
        return path.is_empty() && (first.0 == 0 || first.1 == second.1);
    }
    if first.0 > second.0 || path.is_empty() {
        return false;
    }
    let mut path = path.to_vec();
    if first.0.is_power_of_two() {
        path.insert(0, first.1);
    }
    let (mut f, mut s) = (first.0 - 1, second.0 - 1);
    while f & 1 == 1 {
        (f, s) = (f >> 1, s >> 1);
    }
    let (mut fr, mut sr) = (path[0], path[0]);
    for c in &path[1..] {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            (fr, sr) = (inner(c, &fr), inner(c, &sr));
            while f & 1 == 0 && f != 0 {
                (f, s) = (f >> 1, s >> 1);
            }
        } else {
            sr = inner(&sr, c);
        }
        (f, s) = (f >> 1, s >> 1);
    }
    fr == first.1 && sr == second.1 && s == 0
}

/// The leaves by which implementations of Certificate Transparency test themselves.
pub(crate) fn published_leaves() -> Vec<Vec<u8>> {
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        .iter()
        .map(|leaf| unhex(leaf))
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect()
}
