"""A log in a temporary directory, as a fixture of pytest: `pytest_plugins = ["dreichor.testing"]` in conftest.py.

PYTEST_DONT_REWRITE: conftest.py may import this module as well.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ._async_ingest import AsyncIngest
from ._ingest import Ingest
from ._program import find
from ._reading import Decision, decisions, events
from ._types import Event


class Log:
    """The stores of one log, made by `dreichor init`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.run("init")

    def run(self, *arguments: str, exit_code: int = 0) -> bytes:
        """Runs a command on the log, and returns what it prints. It must end with this code."""
        command = [find(), "--data-dir", str(self.data_dir), *arguments]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if ended.returncode != exit_code:
            raise AssertionError(f"{command} ended with {ended.returncode}: {ended.stderr.decode()}")
        return ended.stdout

    def ingest(self, *options: str, deadline: float = 60.0) -> Ingest:
        """Records inputs in the log."""
        return Ingest.spawn(self.data_dir, options=options, deadline=deadline)

    def ingest_async(self, *options: str, deadline: float = 60.0) -> AsyncIngest:
        """Records inputs in the log, in an event loop."""
        return AsyncIngest.spawn(self.data_dir, options=options, deadline=deadline)

    def events(self) -> list[Event]:
        """All events of the log."""
        return list(events(self.data_dir))

    def decisions(self) -> list[Decision]:
        """All decisions of the log."""
        return list(decisions(self.data_dir))

    @property
    def bytes(self) -> bytes:
        """The file of the audit events."""
        return (self.data_dir / "audit-events" / "audit_events.ndjson").read_bytes()


@pytest.fixture
def dreichor_log(tmp_path: Path) -> Iterator[Log]:
    """An empty log. Every log that a test leaves must verify."""
    log = Log(tmp_path / "log")
    yield log
    log.run("verify")
