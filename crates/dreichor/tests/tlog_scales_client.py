"""Checks a checkpoint and two proofs with tlog-scales: python tlog_scales_client.py VERIFIER_KEY DIRECTORY."""

import base64
import hashlib
import pathlib
import sys

from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint, ConsistencyProof, InclusionProof

vkey = Vkey.from_string(sys.argv[1])
directory = pathlib.Path(sys.argv[2])


def read(name):
    return (directory / name).read_text()


def checkpoint(text):
    read_back = Checkpoint.from_text(text)
    assert read_back.serialize() == text
    assert read_back.origin == vkey.name
    read_back.verify(vkey)
    return read_back


def hashes(lines):
    return [base64.b64decode(line, validate=True) for line in lines]


old, new = checkpoint(read("old")), checkpoint(read("new"))

head, note = read("inclusion").split("\n\n", 1)
header, extra, index, *path = head.split("\n")
assert header == "c2sp.org/tlog-proof@v1"
assert checkpoint(note) == new
content = base64.b64decode(extra.removeprefix("extra "), validate=True)
leaf = hashlib.sha256(b"\0" + content).digest()
InclusionProof(int(index.removeprefix("index ")), new.size, hashes(path)).check(leaf, new.root_hash)

head, note = read("consistency").split("\n\n", 1)
size, *path = head.split("\n")
assert size == f"old {old.size}"
assert checkpoint(note) == new
ConsistencyProof(old.size, new.size, hashes(path)).check(old.root_hash, new.root_hash)
