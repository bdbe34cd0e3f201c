"""Every block of docs/ANALYTICS.md, as it is written: the queries of both engines answer the same, and what the program
itself counts."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest
from conftest import ROOT

from dreichor import find_program

PAGE = (ROOT / "docs" / "ANALYTICS.md").read_text()


def sections() -> dict[str, list[tuple[str, str]]]:
    """The blocks of each section, with their languages."""
    parts = re.split(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    blocks = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return {title: blocks.findall(text) for title, text in zip(parts[1::2], parts[2::2])}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """What DuckDB and Polars answer, by section."""
    directory = tmp_path_factory.mktemp("analytics")
    before = Path.cwd()
    os.chdir(directory)
    try:
        results, names = {}, dict[str, Any]()
        with duckdb.connect() as connection:
            for title, blocks in sections().items():
                rows = None
                names.pop("result", None)
                for language, text in blocks:
                    if language == "sh":
                        path = f"{Path(find_program()).parent}:{os.environ['PATH']}"
                        subprocess.run(["sh", "-e", "-c", text], check=True, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL)
                    elif language == "sql":
                        rows = connection.execute(text).fetchall()
                    else:
                        exec(compile(text, f"{title} of docs/ANALYTICS.md", "exec"), names)
                frame = names.get("result")
                results[title] = (rows, None if frame is None else frame.rows())
        return results
    finally:
        os.chdir(before)


QUERIES = [title for title, blocks in sections().items() if any("result = " in text for _, text in blocks)]


def test_there_is_a_query_of_each_kind() -> None:
    assert QUERIES == [
        "Funnel",
        "Refusals by reason",
        "Round trips",
        "Position by time",
        "Feedback beside decisions",
        "Profit and loss",
        "Parquet and pandas",
    ]
    assert duckdb.__version__ and polars.__version__


@pytest.mark.parametrize("title", QUERIES)
def test_both_engines_answer_the_same(results: dict[str, tuple[Any, Any]], title: str) -> None:
    by_duckdb, by_polars = results[title]
    assert by_duckdb and len(by_duckdb) == len(by_polars)
    for one, other in zip(by_duckdb, by_polars):
        assert one == (pytest.approx(other, abs=1e-11) if title == "Profit and loss" else other)


def test_the_answers_are_those_of_the_program(tmp_path: Path, results: dict[str, tuple[Any, Any]]) -> None:
    """The demo's log is always the same."""
    subprocess.run([find_program(), "demo", "--dir", "demo"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def program(*arguments: str) -> Any:
        command = [find_program(), "--data-dir", str(tmp_path / "demo" / "uninterrupted"), *arguments, "--json"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    summary = program("summary")
    assert {outcome: count for outcome, count in summary["outcomes"].items() if count} == dict(results["Funnel"][0])
    reasons = {reason: count for _, reason, count in results["Refusals by reason"][0]}
    assert {reason: summary["reasons"][reason] for reason in reasons} == reasons
    trips = results["Round trips"][0]
    assert len(trips) == summary["sides"]["BUY"]
    assert sum(bool(trip[-1]) for trip in trips) == summary["reasons"].get("FORCE_SELL_ACTIVE", 0)
    positions = results["Position by time"][0]
    for time, market, quantity in positions[:: max(1, len(positions) // 40)]:
        ledger = program("state", "ledger", "--at-time", str(time))["positions"]
        held = [(it["marketId"], it["quantity"]) for it in ledger if it["isOpen"]]
        assert held == ([] if market is None else [(market, quantity)])
    assert len(results["Feedback beside decisions"][0]) == 1 + 2 * 3
