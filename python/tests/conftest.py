"""What the tests share: the published vectors, and both drivers under the names of one."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest

from dreichor import Acknowledgement, AsyncIngest, Attention, Ingest, Input, ParameterPool, SafetyGates, Tick, Unavailable
from dreichor.testing import Log

pytest_plugins = ["dreichor.testing"]

#: The checkout. The tests may run in a copy, so that they see the installed package only.
ROOT = Path(os.environ.get("CHECKOUT_DIR") or Path(__file__).parents[2])
VECTORS = ROOT / "tests" / "vectors"
INSTANCE = "27ac435a-1710-4110-a051-8ca566ceab36"


def tick(logical_time: int, instance: str = INSTANCE) -> Tick:
    """A tick that is sound at its time."""
    return Tick(
        logical_time=logical_time,
        strategy_instance_id=instance,
        decision_class="a.b.c@v1",
        reason_codes=(),
        attention=Attention.all(),
        parameter_pool_id=ParameterPool.ASSERTIVE,
        target_market_id="MARKET",
        safety_gates=SafetyGates.none(),
    )


def vector(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def inputs() -> list[bytes]:
    """The inputs of the vectors."""
    return vector("inputs.ndjson").splitlines()


class Driver(Protocol):
    """The calls of `Ingest`."""

    @property
    def unacknowledged(self) -> int: ...
    def send(self, input: Input | bytes) -> Acknowledgement: ...
    def send_many(self, inputs: Iterable[Input | bytes]) -> Iterator[Acknowledgement]: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Driver: ...
    def __exit__(self, kind: object, error: object, traceback: object) -> None: ...


class InLoop:
    """An `AsyncIngest` with the calls of `Ingest`."""

    def __init__(self, ingest: AsyncIngest) -> None:
        self._ingest = ingest
        self._loop = asyncio.new_event_loop()

    @property
    def unacknowledged(self) -> int:
        return self._ingest.unacknowledged

    def send(self, input: Input | bytes) -> Acknowledgement:
        return self._loop.run_until_complete(self._ingest.send(input))

    def send_many(self, inputs: Iterable[Input | bytes]) -> Iterator[Acknowledgement]:
        return _InLoop(self._loop, self._ingest, inputs)

    def flush(self) -> None:
        self._loop.run_until_complete(self._ingest.flush())

    def close(self) -> None:
        self.__exit__(None, None, None)

    def __enter__(self) -> InLoop:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            self._loop.run_until_complete(self._ingest.__aexit__(kind, error, traceback))
        finally:
            self._loop.close()


class _InLoop(Iterator[Acknowledgement]):
    def __init__(self, loop: asyncio.AbstractEventLoop, ingest: AsyncIngest, inputs: Iterable[Input | bytes]) -> None:
        self._loop, self._acknowledgements = loop, ingest.send_many(inputs)

    def __next__(self) -> Acknowledgement:
        async def take() -> Acknowledgement | None:
            return await anext(self._acknowledgements, None)

        acknowledgement = self._loop.run_until_complete(take())
        if acknowledgement is None:
            raise StopIteration
        return acknowledgement


Spawn = Callable[..., Driver]


@pytest.fixture(params=["sync", "async"])
def is_sync(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "sync")


@pytest.fixture
def spawn(is_sync: bool) -> Spawn:
    """Runs `dreichor ingest` on a log, by both drivers in turn."""

    def spawn(log: Log, *options: str, program: str | None = None, deadline: float = 60.0) -> Driver:
        if is_sync:
            return Ingest.spawn(log.data_dir, options=options, program=program, deadline=deadline)
        return InLoop(AsyncIngest.spawn(log.data_dir, options=options, program=program, deadline=deadline))

    return spawn


def writer(log: Log) -> int:
    """The process that holds the log."""
    return int(str(json.loads(log.run("status", "--json"))["writer"]).removeprefix("held by "))


def settle(ingest: Driver) -> None:
    """Waits until all is acknowledged, however short the deadline."""
    while ingest.unacknowledged:
        with suppress(Unavailable):
            ingest.flush()


def script(path: Path, text: str) -> str:
    """A program that is a script of the shell."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    os.chmod(path, 0o755)
    return str(path)
