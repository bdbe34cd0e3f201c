"""Both drivers on the socket of `dreichor ingest --listen`: a server that is killed, refuses, or is not there yet."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Driver, InLoop, inputs, settle, tick, vector

from dreichor import AsyncIngest, Ingest, Rejected, Unavailable, find_program
from dreichor.testing import Log


class Server:
    """`dreichor ingest --listen` on a log."""

    def __init__(self, log: Log, path: Path) -> None:
        self.log, self.path = log, path
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        listen = [find_program(), "--data-dir", str(self.log.data_dir), "ingest", "--listen", f"unix:{self.path}"]
        self._process = subprocess.Popen(listen, stdin=subprocess.DEVNULL)

    def end(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


@pytest.fixture
def server(dreichor_log: Log, tmp_path: Path) -> Iterator[Server]:
    """A server that has not started yet."""
    server = Server(dreichor_log, tmp_path / "ingest.sock")
    yield server
    server.end()


def connect(server: Server, is_sync: bool, deadline: float = 60.0) -> Driver:
    if is_sync:
        return Ingest.connect(server.path, deadline=deadline)
    return InLoop(AsyncIngest.connect(server.path, deadline=deadline))


def test_a_server_that_is_killed_and_started_again(server: Server, is_sync: bool) -> None:
    server.start()
    with connect(server, is_sync) as ingest:
        seen = []
        for start in range(0, len(inputs()), 30):
            answers = ingest.send_many(inputs()[start : start + 30])
            seen.append(next(answers))
            server.end()
            server.start()
            seen += answers
    assert len(seen) == len(inputs())
    assert server.log.bytes == vector("audit_events.ndjson")


def test_a_server_that_starts_later(server: Server, is_sync: bool) -> None:
    later = threading.Timer(0.3, server.start)
    later.start()
    with connect(server, is_sync) as ingest:
        assert ingest.send(tick(1)).line == 1
    later.join()


def test_a_rejected_input_is_dropped_and_the_next_goes_on(server: Server, is_sync: bool) -> None:
    server.start()
    with connect(server, is_sync) as ingest:
        answers = ingest.send_many([tick(3), tick(2), b"no JSON", tick(4)])
        assert next(answers).line == 1
        for rule, member in (("time-order", "logicalTime"), ("json", "")):
            with pytest.raises(Rejected) as rejected:
                next(answers)
            assert (rejected.value.rule, rejected.value.member) == (rule, member)
        assert [answer.events for answer in answers] == [3]
    assert [decision.logical_time for decision in server.log.decisions()] == [3, 4]


def test_there_is_no_server(server: Server, is_sync: bool) -> None:
    with pytest.raises(Unavailable), connect(server, is_sync, deadline=0.3) as ingest:
        ingest.send(tick(1))
    server.path.write_text("no socket")
    with pytest.raises(Unavailable), connect(server, is_sync, deadline=0.3) as ingest:
        ingest.send(tick(1))


def test_the_input_is_kept_for_a_server_that_comes_back(server: Server, is_sync: bool) -> None:
    with connect(server, is_sync, deadline=0.5) as ingest:
        with pytest.raises(Unavailable):
            ingest.send(tick(1))
        assert ingest.unacknowledged == 1
        server.start()
        settle(ingest)
    assert [decision.logical_time for decision in server.log.decisions()] == [1]


def test_each_input_is_recorded_once(server: Server) -> None:
    server.start()
    instances = [f"{number:08}-0000-4000-8000-000000000000" for number in range(8)]

    def strategy(instance: str) -> None:
        with Ingest.connect(server.path) as ingest:
            for answer in ingest.send_many(tick(1, instance) for _ in range(3)):
                assert answer.decision_id

    threads = [threading.Thread(target=strategy, args=[instance]) for instance in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decisions = server.log.decisions()
    assert sorted(decision.strategy_instance_id for decision in decisions) == instances


def test_a_client_too_many_waits_for_a_place(server: Server, is_sync: bool) -> None:
    server.start()
    with Ingest.connect(server.path) as first:
        first.send(tick(1))
    crowd = []
    for _ in range(64):
        crowd.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        crowd[-1].connect(str(server.path))

    def leave() -> None:
        for one in crowd:
            one.close()

    with connect(server, is_sync) as ingest:
        leaves = threading.Timer(0.5, leave)
        leaves.start()
        assert ingest.send(tick(2)).events
        leaves.join()


def test_a_server_that_is_stopped_answers_first(server: Server, is_sync: bool) -> None:
    server.start()
    with connect(server, is_sync) as ingest:
        ingest.send(tick(1))
        server.end(signal.SIGTERM)
        server.start()
        assert ingest.send(tick(2)).events
    assert [decision.logical_time for decision in server.log.decisions()] == [1, 2]
