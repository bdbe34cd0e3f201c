"""Both drivers, against the real program: killed, stopped, refused, out of space. What comes out is what one run that
was never interrupted writes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import INSTANCE, Spawn, inputs, script, settle, tick, vector, writer

from dreichor import (
    AnotherWriter,
    DreichorError,
    InDoubt,
    Ingest,
    Malformed,
    Recording,
    Rejected,
    Unavailable,
    find_program,
)
from dreichor._program import Command
from dreichor.testing import Log


def acknowledged() -> list[dict[str, object]]:
    return [dict(json.loads(line)) for line in vector("acknowledgements.ndjson").splitlines()]


def check_vectors(log: Log) -> None:
    """The log is that of the vectors, byte for byte."""
    assert log.bytes == vector("audit_events.ndjson")


def test_waiting_for_each(dreichor_log: Log, spawn: Spawn) -> None:
    with spawn(dreichor_log) as ingest:
        answers = [ingest.send(line) for line in inputs()]
    expected = acknowledged()
    assert [answer.line for answer in answers] == [members["line"] for members in expected]
    assert [answer.decision_id for answer in answers] == [members["decisionId"] for members in expected]
    assert [answer.tree_size for answer in answers] == [members["treeSize"] for members in expected]
    assert [answer.safety for answer in answers] == [members["safety"] for members in expected]
    assert [answer.execution for answer in answers] == [members["execution"] for members in expected]
    check_vectors(dreichor_log)


def test_pipelined_and_again(dreichor_log: Log, spawn: Spawn) -> None:
    expected = [members["status"] for members in acknowledged()]
    for statuses in (expected, [Recording.ALREADY_RECORDED] * len(expected)):
        with spawn(dreichor_log) as ingest:
            answers = list(ingest.send_many(inputs()))
        assert [answer.line for answer in answers] == [*range(1, len(inputs()) + 1)]
        assert [answer.status for answer in answers] == statuses
        check_vectors(dreichor_log)


@pytest.mark.parametrize("length", [2, 7, 30, 1000])
def test_killed_and_started_again(dreichor_log: Log, spawn: Spawn, length: int) -> None:
    """Killed after the first acknowledgement of so many inputs that were sent together."""
    seen = []
    with spawn(dreichor_log) as ingest:
        for start in range(0, len(inputs()), length):
            answers = ingest.send_many(inputs()[start : start + length])
            seen.append(next(answers))
            os.kill(writer(dreichor_log), signal.SIGKILL)
            seen += answers
    assert [answer.decision_id for answer in seen] == [members["decisionId"] for members in acknowledged()]
    assert [answer.feedback_id for answer in seen] == [members["feedbackId"] for members in acknowledged()]
    check_vectors(dreichor_log)


def test_killed_or_stopped_between_two_inputs(dreichor_log: Log, spawn: Spawn) -> None:
    with spawn(dreichor_log) as ingest:
        for number, line in enumerate(inputs()):
            ingest.send(line)
            if number % 20 == 0:
                os.kill(writer(dreichor_log), signal.SIGTERM if number % 40 else signal.SIGKILL)
    check_vectors(dreichor_log)


def test_a_rejected_input_is_dropped_and_the_next_goes_on(dreichor_log: Log, spawn: Spawn) -> None:
    unsound = {5: b"{}", 6: b"no JSON", 30: tick(0).to_line(), 31: b""}
    sent: list[bytes] = []
    for number, line in enumerate(inputs()):
        sent += [unsound[number]] if number in unsound else []
        sent.append(line)
    with spawn(dreichor_log) as ingest:
        answers = ingest.send_many(sent)
        rejections, count = [], 0
        while True:
            try:
                for _ in answers:
                    count += 1
                break
            except Rejected as rejected:
                rejections.append(rejected)
        with pytest.raises(Rejected) as alone:
            ingest.send(tick(0))
        assert alone.value.rule == "time-order" and alone.value.member == "logicalTime"
        assert "logicalTime" in str(alone.value) and alone.value.input == tick(0)
    assert count == len(inputs())
    assert [rejected.input for rejected in rejections] == [*unsound.values()]
    assert [rejected.rule for rejected in rejections] == ["members", "json", "time-order", "json"]
    # Counted on its connection: each rejection begins another.
    assert [rejected.line for rejected in rejections] == [6, 2, 25, 2]
    check_vectors(dreichor_log)


def test_a_rejection_that_nobody_waited_for(dreichor_log: Log, spawn: Spawn) -> None:
    """The iterator is gone; what it had sent is kept, and its fault is told."""
    with spawn(dreichor_log) as ingest:
        assert next(ingest.send_many([tick(1), tick(0), tick(2)])).line == 1
        with pytest.raises(Rejected) as told:
            ingest.flush()
        assert told.value.input == tick(0)
        ingest.flush()
    assert [decision.logical_time for decision in dreichor_log.decisions()] == [1, 2]


def test_another_writer(dreichor_log: Log, spawn: Spawn) -> None:
    with Ingest.spawn(dreichor_log.data_dir) as other, spawn(dreichor_log) as ingest:
        other.send(tick(1))
        with pytest.raises(AnotherWriter) as refused:
            ingest.send(tick(2))
        assert refused.value.exit_code == 11 and ingest.unacknowledged == 1
        other.close()
        ingest.flush()
    assert [decision.logical_time for decision in dreichor_log.decisions()] == [1, 2]


@pytest.mark.parametrize("blocks", [0, 8, 40, 80, 150])
def test_a_full_disk(dreichor_log: Log, spawn: Spawn, tmp_path: Path, blocks: int) -> None:
    """No file may be longer than so many blocks of 512 bytes, until there is room again."""
    limit = tmp_path / "limit"
    limit.touch()
    program = script(tmp_path / "limited", f'[ ! -e "{limit}" ] || ulimit -f {blocks}\nexec {find_program()} "$@"')
    with spawn(dreichor_log, program=program) as ingest:
        answers, seen = ingest.send_many(inputs()), []
        with pytest.raises(InDoubt) as full:
            seen += [*answers]
        assert full.value.exit_code == 13
        # Again: nothing is lost by trying.
        with pytest.raises(InDoubt):
            seen += [*answers]
        limit.unlink()
        seen += [*answers]
    assert len(seen) <= len(inputs())
    check_vectors(dreichor_log)


def test_stores_that_are_malformed(dreichor_log: Log, spawn: Spawn) -> None:
    path = dreichor_log.data_dir / "audit-events" / "audit_events.ndjson"
    path.write_bytes(b"{}\n")
    with pytest.raises(Malformed), spawn(dreichor_log) as ingest:
        ingest.send(tick(1))
    assert path.read_bytes() == b"{}\n"
    path.write_bytes(b"")


def test_stores_that_are_not_there(dreichor_log: Log, spawn: Spawn) -> None:
    gone = dreichor_log.data_dir.rename(dreichor_log.data_dir.with_name("elsewhere"))
    with pytest.raises(Unavailable) as missing, spawn(dreichor_log) as ingest:
        ingest.send(tick(1))
    assert missing.value.exit_code == 10
    gone.rename(dreichor_log.data_dir)


def test_other_ends_have_no_exception_of_their_own(dreichor_log: Log, spawn: Spawn, tmp_path: Path) -> None:
    with pytest.raises(DreichorError) as usage, spawn(dreichor_log, "--no-such-option") as ingest:
        ingest.send(tick(1))
    assert usage.value.exit_code == 2 and "--no-such-option" in str(usage.value)
    for program in (str(tmp_path / "missing"), script(tmp_path / "other", "echo hello; cat")):
        with pytest.raises(DreichorError), spawn(dreichor_log, program=program) as ingest:
            ingest.send(tick(1))


def test_a_child_that_always_ends_is_given_up(dreichor_log: Log, spawn: Spawn, tmp_path: Path) -> None:
    program = script(tmp_path / "ending", f"echo >> {tmp_path}/starts; exit 143")
    with pytest.raises(Unavailable), spawn(dreichor_log, program=program, deadline=0.5) as ingest:
        ingest.send(tick(1))
    assert (tmp_path / "starts").stat().st_size > 2


def test_a_child_that_does_not_answer(dreichor_log: Log, spawn: Spawn) -> None:
    with spawn(dreichor_log, deadline=0.5) as ingest:
        with suppress(Unavailable):
            ingest.send(tick(1))
        settle(ingest)
        process = writer(dreichor_log)
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(Unavailable):
            ingest.send(tick(2))
        assert ingest.unacknowledged == 1
        os.kill(process, signal.SIGCONT)
        settle(ingest)
    assert [decision.logical_time for decision in dreichor_log.decisions()] == [1, 2]


def test_an_exception_in_the_block_sends_nothing_again(dreichor_log: Log, spawn: Spawn) -> None:
    with pytest.raises(KeyError), spawn(dreichor_log) as ingest:
        ingest.send(tick(1))
        raise KeyError
    assert len(dreichor_log.decisions()) == 1


def test_what_ended_a_child_is_told_from_what_it_logged() -> None:
    ready = b'{"level":"INFO","message":"READY"}\n'
    failed = b'{"level":"ERROR","message":"another writer","exitCode":11}\n'
    for lines, code, told in ((ready, -9, "signal 9"), (b"panicked", 101, "101"), (ready + failed, 11, "another writer")):
        command = Command("dreichor", ".", ["ingest"])
        os.write(command.stderr, lines)
        error = command.error(code)
        assert error and told in str(error) and error.exit_code == code and error.is_passing == (code < 0)


def test_tasks_that_send_at_the_same_time(dreichor_log: Log) -> None:
    async def run() -> None:
        async with dreichor_log.ingest_async() as ingest:
            sent = [ingest.send(tick(time)) for time in range(1, 200)]
            answers = await asyncio.gather(*sent[:100], ingest.send(tick(0, INSTANCE)), *sent[100:], return_exceptions=True)
            assert isinstance(answers[100], Rejected)
            assert sum(isinstance(answer, BaseException) for answer in answers) == 1
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(ingest.send(tick(1000)), 0)
            # A cancelled task may have sent its input or not; the log is sound in both cases.
            await ingest.send(tick(1001))

    asyncio.run(run())
    assert [decision.logical_time for decision in dreichor_log.decisions()][:199] == [*range(1, 200)]


def test_inputs_that_come_one_after_another(dreichor_log: Log) -> None:
    async def source(answered: asyncio.Event) -> object:
        yield tick(1)
        await answered.wait()
        yield tick(2)

    async def run() -> None:
        answered = asyncio.Event()
        async with dreichor_log.ingest_async() as ingest:
            asyncio.get_running_loop().call_later(0.1, answered.set)
            assert [answer.line async for answer in ingest.send_many(source(answered))] == [1, 2]  # type: ignore[arg-type]

    asyncio.run(run())
