"""One job over many logs: sound, corrupted, published and missing ones, with a worker that dies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, inputs, script

from dreichor import find_program
from dreichor.testing import Log


@pytest.fixture
def logs(tmp_path: Path) -> dict[str, Log]:
    """Logs of three lengths; the last has a changed byte."""
    logs = {}
    for number, name in enumerate(("desk-a", "desk-b", "desk-c"), 1):
        logs[name] = Log(tmp_path / name)
        with logs[name].ingest() as ingest:
            assert len(list(ingest.send_many(inputs()[: 20 * number]))) == 20 * number
    path = logs["desk-c"].data_dir / "audit-events" / "audit_events.ndjson"
    whole = path.read_bytes()
    path.write_bytes(whole[:-300] + whole[-300:].replace(b'"decisionId":"', b'"decisionID":"', 1))
    return logs


def publish(log: Log, tmp_path: Path) -> tuple[str, str]:
    """A published copy of a log, and the key to check it with."""
    key, directory = tmp_path / "key", tmp_path / "published"
    generate = [find_program(), "key", "generate", "--origin", "example.org/desk", "--out", str(key)]
    public = subprocess.run(generate, check=True, stdout=subprocess.PIPE).stdout.decode().strip()
    log.run("publish", str(directory), "--key", str(key))
    return str(directory), public


def test_a_fleet_with_a_worker_that_dies(tmp_path: Path, logs: dict[str, Log]) -> None:
    published, public_key = publish(logs["desk-b"], tmp_path)
    # The first task to run kills its worker. The engine runs it again on another.
    dies = f'mkdir "{tmp_path}/died" 2>/dev/null && kill -9 $PPID\nexec {find_program()} "$@"'
    program = script(tmp_path / "dies-once", dies)
    sources = [*(str(log.data_dir) for log in logs.values()), published, str(tmp_path / "missing")]
    job = [sys.executable, str(ROOT / "examples" / "fleet" / "fleet.py"), "--out", str(tmp_path / "out")]
    job += ["--public-key", public_key, "--program", program, *sources]
    ended = subprocess.run(job, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert ended.returncode == 31, ended.stderr.decode()
    assert (tmp_path / "died").exists()

    summary = {row["log"]: row for row in pq.read_table(tmp_path / "out" / "summary.parquet").to_pylist()}
    assert [*summary] == ["desk-a", "desk-b", "desk-c", "published", "missing"]
    assert [row["isSound"] for row in summary.values()] == [True, True, False, True, False]
    assert summary["missing"]["error"] and summary["missing"]["events"] is None
    assert summary["published"] | {"log": ""} == summary["desk-b"] | {"log": ""}
    for name in ("desk-a", "desk-b"):
        receipt = json.loads(logs[name].run("replay", "--json"))
        assert (summary[name]["events"], summary[name]["rootHash"]) == (receipt["events"], receipt["rootHash"])

    findings = ds.dataset(tmp_path / "out" / "findings", partitioning="hive").to_table().to_pylist()
    assert {row["log"] for row in findings} == {"desk-c"} and any(row["isChanged"] for row in findings)
    assert Counter(row["log"] for row in findings)["desk-c"] == summary["desk-c"]["findings"]
    decisions = ds.dataset(tmp_path / "out" / "decisions", partitioning="hive").to_table().to_pylist()
    for name in ("desk-a", "desk-b"):
        ids = [row["decisionId"] for row in decisions if row["log"] == name]
        assert ids == [decision.decision_id for decision in logs[name].decisions()]


def test_a_fleet_without_a_fault(tmp_path: Path, logs: dict[str, Log]) -> None:
    job = [sys.executable, str(ROOT / "examples" / "fleet" / "fleet.py"), "--out", str(tmp_path / "out")]
    ended = subprocess.run([*job, str(logs["desk-a"].data_dir)], stdout=subprocess.PIPE, timeout=120)
    assert ended.returncode == 0 and ended.stdout == b"desk-a 64 events: sound\n"
