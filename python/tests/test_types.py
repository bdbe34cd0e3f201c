"""The types are those of the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, inputs, tick

import dreichor
from dreichor import Decision, Feedback, FeedbackCategory, FeedbackTarget, Outcome, Tick, find_program
from dreichor import DecisionTarget, ExecutionTarget, TimeWindowTarget
from dreichor._types import EVENTS
from dreichor.testing import Log


def test_the_file_is_what_the_program_gives() -> None:
    script = ROOT / "python" / "generate.py"
    printed = subprocess.run([sys.executable, str(script), find_program()], check=True, stdout=subprocess.PIPE)
    module = Path(dreichor.__file__).parent / "_types.py"
    assert module.read_bytes() == printed.stdout, "run: python/generate.py dreichor > python/dreichor/_types.py"


def test_the_outcomes_are_those_of_the_program() -> None:
    printed = subprocess.run([find_program(), "help", "decisions"], check=True, stdout=subprocess.PIPE).stdout.decode()
    values = re.search(r"--outcome.*?\[possible values: ([^\]]*)\]", printed, re.DOTALL)
    assert values and set(re.findall(r"\w+", values[1])) == {outcome.value for outcome in Outcome}


def test_every_type_of_event_is_exported() -> None:
    names = {"".join(part.capitalize() for part in str(name).split("_")) for name in EVENTS}
    assert names <= set(dreichor.__all__) and set(dreichor.__all__) <= set(dir(dreichor))


ID = "1a18bb8a-ad36-856c-b36d-80ebea140871"


@pytest.mark.parametrize(
    "target",
    [DecisionTarget(decision_id=ID), ExecutionTarget(decision_id=ID, execution_id=ID), TimeWindowTarget(from_=1, to=2)],
)
def test_inputs_are_written_as_they_are_parsed(dreichor_log: Log, tmp_path: Path, target: FeedbackTarget) -> None:
    """Whether such a decision is there is another question: the form of the input is sound."""
    feedback = Feedback(logical_time=3, category=FeedbackCategory.DECISION_QUALITY, target=target, comment=None)
    file = tmp_path / "inputs.ndjson"
    file.write_bytes(feedback.to_line() + b"\n" + tick(3).to_line() + b"\n")
    command = [find_program(), "--data-dir", str(dreichor_log.data_dir), "ingest", "--check", str(file)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    is_there = isinstance(target, TimeWindowTarget)
    assert ended.returncode == (0 if is_there else 20), ended.stderr
    assert is_there or b"feedback-target" in ended.stdout + ended.stderr


def test_equal_inputs_are_equal() -> None:
    assert tick(1) == tick(1) != tick(2)
    assert len({tick(1), tick(1), tick(2)}) == 2
    assert isinstance(tick(1), Tick) and Decision.__doc__
    assert len(set(inputs())) > 1
