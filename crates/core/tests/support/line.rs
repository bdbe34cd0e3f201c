//! Lines as bytes: those of the published vectors, and changed ones.

use dreichor_core::canonical::Sink;
use dreichor_core::id::content_id;
use dreichor_core::tree::Hasher;

const UUID_BYTES: usize = 36;

/// A file of the published vectors.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of a file, without their LF.
pub(crate) fn lines(file: &[u8]) -> Vec<&[u8]> {
    file.split_inclusive(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap()).collect()
}

/// The line with the id that its content demands: a changed event or snapshot whose id is right again.
pub(crate) fn identified(line: &[u8]) -> Vec<u8> {
    let opening = if line.starts_with(b"{\"snapshotId\"") { "{\"snapshotId\":\"" } else { "{\"id\":\"" };
    let after_id = opening.len() + UUID_BYTES;
    assert!(line.starts_with(opening.as_bytes()) && line[after_id..].starts_with(b"\","), "no id");
    let mut content = Hasher::leaf();
    content.put(b"{");
    content.put(&line[after_id + 2..]);
    let id = content_id(content.finish()).to_string();
    [opening.as_bytes(), id.as_bytes(), &line[after_id..]].concat()
}

/// The line with the first `from` made `to`, and where in it the mark `^` of `to` was. In `to`, `·` means
/// a space, `~xNN` for a byte and `~N~` for N times the letter x.
pub(crate) fn edited(line: &[u8], from: &str, to: &str) -> (Vec<u8>, Option<usize>) {
    let at = line.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("no {from} in {}", String::from_utf8_lossy(line)));
    let mut new = line[..at].to_vec();
    let mut mark = None;
    let mut rest = to;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '·' => new.push(b' '),
            '^' => mark = Some(new.len()),
            '~' if rest.starts_with('x') => {
                new.push(u8::from_str_radix(&rest[1..3], 16).unwrap());
                rest = &rest[3..];
            }
            '~' => {
                let (count, after) = rest.split_once('~').unwrap();
                new.resize(new.len() + count.parse::<usize>().unwrap(), b'x');
                rest = after;
            }
            letter => new.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    new.extend_from_slice(&line[at + from.len()..]);
    (new, mark)
}
