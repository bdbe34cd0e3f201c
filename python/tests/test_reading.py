"""Events and decisions, of stores and of an Observer: the same, and certified."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from pathlib import Path

import pytest
from conftest import inputs, tick, vector

from dreichor import (
    Decision,
    DecisionEvaluated,
    DreichorError,
    Event,
    Feedback,
    FeedbackCategory,
    Ingest,
    Malformed,
    Outcome,
    TimeWindowTarget,
    Unavailable,
    UserFeedbackRecorded,
    content_id,
    decisions,
    events,
    find_program,
    read_decision,
    read_event,
)
from dreichor.testing import Log

Reader = Callable[..., Generator[Event | Decision, None, None]]

TOKEN = "0123456789abcdef0123456789abcdef"


def changed(whole: bytes, start: int) -> bytes:
    """The log with one bit changed in the first time after this byte."""
    at = whole.index(b'"logicalTime":', start) + len(b'"logicalTime":')
    return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]


@pytest.fixture
def recorded(dreichor_log: Log) -> Log:
    """The log of the vectors."""
    with dreichor_log.ingest() as ingest:
        assert len(list(ingest.send_many(inputs()))) == len(inputs())
    return dreichor_log


@pytest.fixture
def observer(recorded: Log, tmp_path: Path) -> Iterator[str]:
    """The URL of an Observer of that log, which demands the token."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    command = [find_program(), "--data-dir", str(recorded.data_dir), "--log-format", "json", "run"]
    options = ["--observer-addr", "127.0.0.1:0", "--observer-token-file", str(token)]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE) as process:
        assert process.stderr
        try:
            lines = (json.loads(line) for line in process.stderr)
            address = next(line["addr"] for line in lines if "addr" in line)
            assert any(line["message"] == "READY" for line in lines)
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield f"http://{address}"
        finally:
            process.kill()


@pytest.fixture(params=["stores", "observer"])
def source(request: pytest.FixtureRequest, recorded: Log) -> str:
    return str(recorded.data_dir) if request.param == "stores" else str(request.getfixturevalue("observer"))


def test_events_are_the_bytes_of_the_log(recorded: Log, source: str) -> None:
    read = list(events(source, token=TOKEN))
    assert b"".join(event.line + b"\n" for event in read) == recorded.bytes
    assert all(recorded.bytes[event.offset : event.next - 1] == event.line for event in read)
    for number in (0, 17, len(read) - 1):
        after = list(events(source, after=read[number].next, token=TOKEN))
        assert [event.line for event in after] == [event.line for event in read[number + 1 :]]
        assert [event.offset for event in after] == [event.offset for event in read[number + 1 :]]
    with pytest.raises(DreichorError):
        list(events(source, after=1, token=TOKEN))


def test_decisions_are_those_that_the_program_prints(recorded: Log, source: str) -> None:
    read = list(decisions(source, token=TOKEN))
    assert b"".join(decision.line + b"\n" for decision in read) == recorded.run("decisions", "--json")
    evaluated = [event for event in events(source, token=TOKEN) if isinstance(event, DecisionEvaluated)]
    assert [(it.decision_id, it.logical_time, it.offset) for it in read] == [
        (it.decision_id, it.logical_time, it.offset) for it in evaluated
    ]
    assert list(decisions(source, after=read[20].offset, token=TOKEN)) == read[20:]


@pytest.mark.parametrize("read", [events, decisions])
def test_what_is_recorded_later_follows(recorded: Log, source: str, read: Reader) -> None:
    """A reader that began before goes on with what is recorded meanwhile."""
    before = len(list(read(source, token=TOKEN)))
    following = read(source, follow=True, token=TOKEN)
    assert len(list(islice(following, before))) == before
    time = recorded.events()[-1].logical_time + 1
    with recorded.ingest() as ingest:
        ingest.send(tick(time))
    assert next(following).logical_time == time
    following.close()


def test_comments_keep_their_bytes(dreichor_log: Log) -> None:
    comment = 'größer\n\t"\\\u2028\x01\U0001f600'
    window = TimeWindowTarget(from_=0, to=1)
    with dreichor_log.ingest() as ingest:
        ingest.send(
            Feedback(logical_time=1, category=FeedbackCategory.RISK_COMFORT, target=window, comment=comment)
        )
    (event,) = dreichor_log.events()
    assert isinstance(event, UserFeedbackRecorded) and event.comment == comment and event.target == window


def test_each_changed_byte_is_found() -> None:
    line = vector("audit_events.ndjson").splitlines()[0]
    assert read_event(line, 0).line == line
    for at in range(len(line)):
        with pytest.raises(Malformed):
            read_event(line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :], 0)
        with pytest.raises(Malformed):
            read_event(line[:at], 0)


def test_a_member_too_many_is_found_although_the_id_fits() -> None:
    content = b"{" + vector("audit_events.ndjson").splitlines()[0][45:]
    for other in (content, content[:-1] + b',"later":1}', content.replace(b'"version":1', b'"version":2')):
        line = b'{"id":"' + content_id(other).encode() + b'",' + other[1:]
        if other == content:
            assert read_event(line, 0).line == line
        else:
            with pytest.raises(Malformed):
                read_event(line, 0)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"type":"OTHER"}', b"no JSON", b"\xff"])
def test_other_lines_are_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_event(line, 7)
    with pytest.raises(Malformed):
        read_decision(line)


def test_a_decision_of_another_instance_is_malformed(recorded: Log) -> None:
    line = recorded.run("decisions", "--json").splitlines()[0]
    assert read_decision(line).line == line
    with pytest.raises(Malformed):
        read_decision(line.replace(b'"logicalTime":', b'"logicalTime":1'))


def test_sound_events_before_a_fault_are_read(recorded: Log) -> None:
    path = recorded.data_dir / "audit-events" / "audit_events.ndjson"
    whole = path.read_bytes()
    path.write_bytes(changed(whole, 20_000))
    read = []
    with pytest.raises(Malformed) as fault:
        for event in events(recorded.data_dir):
            read.append(event.line)
    assert fault.value.exit_code == 12
    assert read and whole.startswith(b"".join(line + b"\n" for line in read))
    path.write_bytes(whole)


def test_sources_that_are_none(tmp_path: Path, observer: str) -> None:
    with pytest.raises(Unavailable):
        list(events(tmp_path / "missing"))
    with pytest.raises(DreichorError):
        list(events(observer))  # without its token
    with pytest.raises(DreichorError):
        list(events(observer + "/docs", token=TOKEN))


def test_an_observer_of_stores_that_went_wrong(recorded: Log, observer: str) -> None:
    path = recorded.data_dir / "audit-events" / "audit_events.ndjson"
    whole = path.read_bytes()
    path.write_bytes(changed(whole, 0))
    with pytest.raises(Malformed):
        list(decisions(observer, token=TOKEN))
    path.write_bytes(whole)


def test_a_log_that_is_written_meanwhile(dreichor_log: Log) -> None:
    """A follower that starts with nothing sees every event, once."""
    following = events(dreichor_log.data_dir, follow=True)
    with Ingest.spawn(dreichor_log.data_dir) as ingest:
        for time in range(1, 20):
            ingest.send(tick(time))
            assert next(following).logical_time == time
            while following and next(following).type != "SAFETY_EVALUATED":
                pass
            if dreichor_log.decisions()[-1].outcome is Outcome.FILLED:
                assert [next(following).type for _ in range(3)][-1] == "LEDGER_UPDATED"
    following.close()
