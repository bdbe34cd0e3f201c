"""What tools/verify.py is built on, against published vectors, and its checkpoints.

    python3 -m unittest discover -s tools

That it gives the verdicts of the program is tested in crates/dreichor/tests/independent.rs.
"""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).parent
VECTORS = TOOLS.parent / "tests" / "vectors"
sys.path.insert(0, str(TOOLS))

import verify  # noqa: E402

EXPECTED = json.loads((VECTORS / "expected.json").read_text())
SIZE, ROOT = EXPECTED["treeSize"], base64.b64encode(bytes.fromhex(EXPECTED["rootHash"])).decode()


class Signer:
    """Signs as RFC 8032 says, with the checker's own curve."""

    def __init__(self, name, seed):
        digest = hashlib.sha512(seed).digest()
        self.scalar = int.from_bytes(digest[:32], "little") & ~(1 << 255 | 7) | 1 << 254
        self.name, self.prefix, self.public = name, digest[32:], self.encode(self.scalar)
        key = b"\x01" + self.public
        self.key_id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        self.verifier_key = f"{name}+{self.key_id.hex()}+{base64.b64encode(key).decode()}"

    @staticmethod
    def encode(scalar):
        x, y = verify.multiply(scalar, verify.BASE)
        return (y | (x & 1) << 255).to_bytes(32, "little")

    def line(self, text):
        def number(*parts):
            return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % verify.L

        r = number(self.prefix, text)
        k = number(self.encode(r), self.public, text)
        signature = self.encode(r) + ((r + k * self.scalar) % verify.L).to_bytes(32, "little")
        return f"— {self.name} {base64.b64encode(self.key_id + signature).decode()}\n".encode()


LOG, OTHER = Signer("example.com/log", b"a" * 32), Signer("example.com/log", b"b" * 32)


def checkpoint(size=SIZE, root=ROOT, origin=LOG.name, extensions=""):
    return f"{origin}\n{size}\n{root}\n{extensions}".encode()


def signed(text, *signers):
    return text + b"\n" + b"".join(signer.line(text) for signer in signers)


class Ed25519(unittest.TestCase):
    def test_published_signatures(self):
        for row in SIGNATURES.split("\n")[1:-1]:
            source, result, *parts = row.split(" ")
            key, message, signature = (bytes.fromhex(part.strip("-")) for part in parts)
            with self.subTest(source):
                self.assertEqual(verify.is_signed(key, message, signature), result == "valid")

    def test_a_published_note_and_its_key(self):
        name, key_id, key = verify.read_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        text = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
        signature = base64.b64decode(
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=")
        self.assertEqual((name, key_id), ("PeterNeumann", signature[:4]))
        self.assertTrue(verify.is_signed(key, text, signature[4:]))

    def test_keys_that_no_log_has(self):
        zero = base64.b64encode(b"\x01" + bytes(32)).decode()  # a point of small order: anybody can sign for it
        foreign = hashlib.sha256(b"log\n\x01" + bytes(32)).hexdigest()[:8]
        verifier = LOG.verifier_key
        for key in ["", "log", "log+1+2", f"log+{foreign}+{zero}", verifier[:-2], verifier.replace("+", "+0", 1),
                    verifier.replace("example", "exampla"), verifier.replace(".com", " com"), verifier + "="]:
            with self.subTest(key), self.assertRaises(ValueError):
                verify.read_key(key)


class Checkpoints(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        for store, name in [("audit-events", "audit_events.ndjson"), ("snapshots", "snapshots.ndjson")]:
            (self.directory / store).mkdir()
            shutil.copy(VECTORS / name, self.directory / store)

    def run_on(self, note, *options):
        """The exit code and the rule of the first finding."""
        file = self.directory / "checkpoint"
        file.write_bytes(note)
        command = [sys.executable, TOOLS / "verify.py", "--data-dir", self.directory, "--json", "--checkpoint", file]
        done = subprocess.run([*command, *options], capture_output=True, text=True)
        finding = json.loads(done.stdout.split("\n")[0]) if done.stdout else {}
        if finding.get("rule"):
            self.assertEqual((finding["line"], finding["offset"]), (1, 0))
        return done.returncode, finding.get("rule")

    def test_checkpoints_that_the_log_extends(self):
        key_file = self.directory / "key"
        key_file.write_text(LOG.verifier_key + "\n")
        empty = base64.b64encode(hashlib.sha256().digest()).decode()
        for text in [checkpoint(), checkpoint(extensions="extension\nanother one\n"), checkpoint(0, empty)]:
            self.assertEqual(self.run_on(text), (0, None))
            for note in [signed(text, LOG), signed(text, OTHER, LOG), signed(text, LOG, LOG, *[OTHER] * 15)]:
                self.assertEqual(self.run_on(note, "--public-key", LOG.verifier_key), (0, None))
                self.assertEqual(self.run_on(note, "--public-key", key_file), (0, None))

    def test_checkpoints_of_another_history(self):
        other = base64.b64encode(bytes(32)).decode()
        self.assertEqual(self.run_on(checkpoint(root=other)), (21, "checkpoint-root"))
        self.assertEqual(self.run_on(checkpoint(size=SIZE - 1)), (21, "checkpoint-root"))
        self.assertEqual(self.run_on(checkpoint(size=SIZE + 1)), (21, "checkpoint-ahead"))

    def test_signatures_that_are_not_the_logs(self):
        text = checkpoint()
        mixed = signed(checkpoint(size=1), LOG).replace(checkpoint(size=1), text)
        foreign = checkpoint(origin="example.com/other")
        hidden = signed(text, LOG).replace(b"\n\n", b"\n \n")  # as extension lines
        both = signed(text, LOG) + mixed.split(b"\n\n")[1]
        for note in [signed(text, OTHER), text, mixed, hidden, both, signed(foreign, LOG)]:
            with self.subTest(note):
                self.assertEqual(self.run_on(note, "--public-key", LOG.verifier_key), (21, "checkpoint-signature"))

    def test_texts_that_are_no_checkpoint(self):
        text, note = checkpoint(), signed(checkpoint(), LOG)
        for text in [b"", b"\n", text[:-1], text.replace(b"\n", b"\r\n"), text.replace(b"=", b""), text + b"\n" + text,
                     checkpoint(f"0{SIZE}"), checkpoint(f"+{SIZE}"), checkpoint(-1), checkpoint(2**64), checkpoint(""),
                     checkpoint(0), checkpoint(root=ROOT[4:]), checkpoint(origin=""), b"\xff" + text, text + b"\0\n",
                     note[:-1], note.replace("—".encode(), b"-"), text + b"\n"]:
            with self.subTest(text), self.assertRaises(verify.Fault) as fault:
                verify.read_checkpoint(text, None)
            self.assertEqual(fault.exception.args[0], "checkpoint-form")

    def test_each_flipped_bit_is_refused(self):
        note, key = signed(checkpoint(), LOG), verify.read_key(LOG.verifier_key)
        self.assertEqual(verify.read_checkpoint(note, key), (SIZE, EXPECTED["rootHash"]))
        for bit in range(0, len(note) * 8, 5):
            flipped = bytearray(note)
            flipped[bit // 8] ^= 1 << bit % 8
            with self.subTest(bit), self.assertRaises(verify.Fault):
                verify.read_checkpoint(bytes(flipped), key)

    def test_usage(self):
        self.assertEqual(self.run_on(signed(checkpoint(), LOG)), (2, None))
        self.assertEqual(self.run_on(checkpoint(), "--public-key", "no key"), (2, None))
        for options in [[], ["--data-dir"], ["--data-dir", "x", "--public-key", LOG.verifier_key],
                        ["--data-dir", "x", "--checkpoint", "missing"], ["--snapshots-dir", "x"], ["--other"]]:
            done = subprocess.run([sys.executable, TOOLS / "verify.py", *options], capture_output=True)
            self.assertEqual(done.returncode, 2, options)

    def test_stores_that_cannot_be_read(self):
        log = self.directory / "audit-events" / "audit_events.ndjson"
        kept = log.rename(self.directory / "kept")
        self.assertEqual(self.run_on(checkpoint(0, base64.b64encode(hashlib.sha256().digest()).decode()))[0], 21)
        log.symlink_to(kept)
        self.assertEqual(self.run_on(checkpoint())[0], 10)
        log.unlink()
        os.link(kept, log)
        self.assertEqual(self.run_on(checkpoint())[0], 10)
        log.unlink()
        log.mkdir()
        self.assertEqual(self.run_on(checkpoint())[0], 10)
        shutil.rmtree(log.parent)
        self.assertEqual(self.run_on(checkpoint())[0], 10)


# Source, result, public key, message and signature.
SIGNATURES = """
rfc8032 valid d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a - e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b
rfc8032 valid 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c 72 92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
rfc8032 valid fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025 af82 6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a
wycheproof-84 valid 100fdf47fb94f1536a4f7c3fda27383fa03375a8f527c537e6f1703c47f94f86 124e583f8b8eca58bb29c271b41d36986bbc45541f8e51f9cb0133eca447601e dac119d6ca87fc59ae611c157048f4d4fc932a149dbe20ec6effd1436abf83ea05c7df0fef06147241259113909bc71bd3c53ba4464ffcad3c0968f2ffffff0f
wycheproof-85 invalid 100fdf47fb94f1536a4f7c3fda27383fa03375a8f527c537e6f1703c47f94f86 6a0bc2b0057cedfc0fa2e3f7f7d39279b30f454a69dfd1117c758d86b19d85e0 0971f86d2c9c78582524a103cb9cf949522ae528f8054dc20107d999be673ff4e25ebf2f2928766b1248bec6e91697775f8446639ede46ad4df4053000000010
wycheproof-10 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 3f 00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
wycheproof-14 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 3f 0000000000000000000000000000000000000000000000000000000000000000edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
wycheproof-22 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 3f edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010
wycheproof-25 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 3f edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f0000000000000000000000000000000000000000000000000000000000000000
wycheproof-30 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 54657374 -
wycheproof-33 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 54657374 7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab07a9155711ecfaf7f99f277bad0c6ae7e39d4eef676573336a5c51eb6f946b30d2020
wycheproof-37 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 54657374 7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab07a9155711ecfaf7f99f277bad0c6ae7e39d4eef676573336a5c51eb6f946b30d00
wycheproof-38 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 546573743137 93de3ca252426c95f735cb9edd92e83321ac62372d5aa5b379786bae111ab6b17251330e8f9a7c30d6993137c596007d7b001409287535ac4804e662bc58a3
wycheproof-42 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 313233343030 647c1492402ab5ce03e2c3a7f0384d051b9cf3570f1207fc78c1bcc98c281c2b1d125e5538f38afbcc1c84e489521083041d24bc6240767029da063271a1ff0c
wycheproof-63 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 54657374 7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab067654bce3832c2d76f8f6f5dafc08d9339d4eef676573336a5c51eb6f946b31d
wycheproof-66 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 54657374 7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab0e2300459f1e742404cd934d2c595a6253ad4eef676573336a5c51eb6f946b38d
wycheproof-69 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 54657374 7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab07a9155711ecfaf7f99f277bad0c6ae7e39d4eef676573336a5c51eb6f946b38d
wycheproof-70 invalid 7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa 54657374 7c38e026f29e14aabd059a0f2db8b0cd783040609a8be684db12f82a27774ab0679155711ecfaf7f99f277bad0c6ae7e39d4eef676573336a5c51eb6f946b38d
wycheproof-119 valid 4abfb535313705a6570018440cdec1a3ae33e51f352112fa6acbd0c6bc3ea859 321b5f663c19e30ee7bbb85e48ecf44db9d3f512 f296715e855d8aecccba782b670163dedc4458fe4eb509a856bcac450920fd2e95a3a3eb212d2d9ccaf948c39ae46a2548af125f8e2ad9b77bd18f92d59f9200
rfc8032 valid ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704
"""

if __name__ == "__main__":
    unittest.main()
