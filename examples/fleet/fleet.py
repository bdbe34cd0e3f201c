#!/usr/bin/env python3
"""Verifies the logs of many desks, and collects what became of their decisions, on a cluster of Dask.

    python3 examples/fleet/fleet.py --out DIR [--scheduler ADDRESS] [--public-key KEY] SOURCE ...

A SOURCE is a data directory, or the directory or URL of a published log, which is cloned first and checked against the
key. Each is one task: a task whose worker dies is run again on another, which is Dask's business. Without --scheduler it
starts two workers on this machine; with it, the workers need the package dreichor, and DIR on a file system that all
share. The result is three Parquet data sets:

    DIR/findings/log=NAME/    a row for each finding of `verify`
    DIR/decisions/log=NAME/   a row for each decision, as `dreichor decisions --json` prints it
    DIR/summary.parquet       a row for each log: is it sound, how long is it, how did its decisions end

The exit code is 21 if a log is not sound, 31 if one could not be read, else 0.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, LocalCluster

from dreichor import Outcome, find_program

_TEXTS = ("part", "file", "rule", "member", "expected", "found")
FINDINGS = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        *((name, pa.int64()) for name in ("line", "offset", "byte")),
        ("isChanged", pa.bool_()),
    ]
)
DECISIONS = pa.schema(
    [
        ("decisionId", pa.string()),
        ("logicalTime", pa.int64()),
        *((name, pa.string()) for name in ("strategyInstanceId", "decisionClass", "targetMarketId", "outcome")),
        *((name, pa.string()) for name in ("reason", "side", "marketId", "quantity", "safety")),
        ("offset", pa.int64()),
    ]
)
SUMMARY = pa.schema(
    [
        ("log", pa.string()),
        ("isSound", pa.bool_()),
        ("error", pa.string()),
        *((name, pa.int64()) for name in ("events", "findings", "decisions")),
        ("rootHash", pa.string()),
        *((outcome.value, pa.int64()) for outcome in Outcome),
    ]
)


def lines(command: list[str]) -> tuple[int, list[dict[str, Any]], str]:
    """The exit code of a command, the JSON that it prints, and what it says of errors."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr.decode()


def write(rows: list[dict[str, Any]], schema: pa.Schema, path: Path) -> None:
    """Writes a whole file or none. A task that is run again writes the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
    os.replace(file.name, path)


def check(source: str, name: str, out: Path, public_key: str | None, program: str) -> dict[str, Any]:
    """The task of one log: its findings and decisions are written, and its row of the summary is returned."""
    row: dict[str, Any] = {"log": name, "isSound": False}
    with tempfile.TemporaryDirectory() as scratch:
        if not (Path(source) / "audit-events").is_dir():
            trust = ["--public-key", public_key] if public_key else []
            code, _, error = lines([program, "clone", source, *trust, "--out", scratch + "/clone", "--json"])
            if code:
                return row | {"error": error}
            source = scratch + "/clone"
        code, findings, error = lines([program, "--data-dir", source, "verify", "--json"])
        if code not in (0, 21):
            return row | {"error": error}
        *findings, whole = findings
        # The sound part of a log has decisions, too.
        _, decisions, error = lines([program, "--data-dir", source, "decisions", "--json"])
    write(findings, FINDINGS, out / "findings" / f"log={name}" / "part.parquet")
    write(decisions, DECISIONS, out / "decisions" / f"log={name}" / "part.parquet")
    counts = {outcome.value: sum(it["outcome"] == outcome.value for it in decisions) for outcome in Outcome}
    row |= {"isSound": whole["isSound"], "error": error or None, "rootHash": whole["rootHash"], **counts}
    return row | {"events": whole["auditEvents"]["lines"], "findings": len(findings), "decisions": len(decisions)}


def names(sources: list[str]) -> list[str]:
    """A name for each log that can be a directory: its last part; numbered if another has it."""
    found: list[str] = []
    for source in sources:
        name = re.sub(r"[^A-Za-z0-9._-]", "-", source.rstrip("/").rsplit("/", 1)[-1])
        found.append(name if name not in found else f"{name}-{len(found)}")
    return found


def run(client: Client, sources: list[str], out: Path, public_key: str | None, program: str) -> list[dict[str, Any]]:
    """Runs the tasks, and writes the summary."""
    logs = names(sources)
    # The logs may change between two runs, so a result is never taken from an earlier one.
    tasks = [client.submit(check, source, log, out, public_key, program, pure=False) for source, log in zip(sources, logs)]
    rows = client.gather(tasks)
    write(rows, SUMMARY, out / "summary.parquet")
    return list(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", nargs="+", metavar="SOURCE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a running scheduler of Dask")
    parser.add_argument("--public-key", metavar="KEY", help="the verifier key of the published logs")
    parser.add_argument("--program", default=None, help="the program dreichor of the workers")
    options = parser.parse_args()
    program = options.program or find_program()
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with options.scheduler and Client(options.scheduler) or Client(LocalCluster(**local)) as client:
        rows = run(client, options.sources, options.out.absolute(), options.public_key, program)
    for row in rows:
        state = "sound" if row["isSound"] else row["error"] or f"{row['findings']} findings"
        print(row["log"], row.get("events"), "events:", state)
    if any(row.get("events") is None for row in rows):
        return 31
    return 0 if all(row["isSound"] for row in rows) else 21


if __name__ == "__main__":
    sys.exit(main())
