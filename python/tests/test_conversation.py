"""The inputs that are kept, without any program: every way in which a connection may end."""

from __future__ import annotations

import json
import random

import pytest
from conftest import tick

from dreichor import DreichorError, Rejected, Unavailable
from dreichor._conversation import Answers, Conversation


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answer(line: int) -> bytes:
    members = {"line": line, "status": "RECORDED", "decisionId": None, "feedbackId": None, "events": 3}
    return json.dumps(members | {"treeSize": 3, "safety": None, "execution": None}).encode() + b"\n"


def rejection(line: int, rule: str = "value") -> bytes:
    members = {"line": line, "status": "REJECTED", "rule": rule, "member": "logicalTime", "message": "it is wrong"}
    return json.dumps(members).encode() + b"\n"


def take(conversation: Conversation) -> bytes:
    sent = bytes(conversation.unsent)
    conversation.unsent.clear()
    return sent


@pytest.mark.parametrize("seed", range(200))
def test_each_input_is_answered_once_and_in_order(seed: int) -> None:
    """A server that answers, rejects, cuts and refuses as it likes."""
    chance = random.Random(seed)
    conversation, answers = Conversation(60, Clock()), Answers()
    total, unsound = 40, {number for number in range(40) if chance.random() < 0.1}
    recorded: set[int] = set()
    given, taken, seen = 0, 0, []
    conversation.opened()
    received, line = b"", 0
    while taken < total:
        for _ in range(chance.randrange(4)):
            if given < total:
                conversation.add(str(given).encode(), answers)
                given += 1
        received += take(conversation)
        while received and chance.random() < 0.7:
            number, _, received = received.partition(b"\n")
            line += 1
            if int(number) in unsound:
                if chance.random() < 0.5:
                    assert not conversation.received(rejection(line))
                    assert conversation.closed(None) >= 0
                else:
                    # As the pipe does: the program ends.
                    conversation.closed(Rejected("", rule="value", member="", line=line, exit_code=20))
                conversation.opened()
                received, line = b"", 0
            else:
                # Recorded. The answer comes in pieces, or is lost with the connection.
                recorded.add(int(number))
                cut = chance.randrange(len(answer(line)))
                conversation.received(answer(line)[:cut])
                if chance.random() < 0.1:
                    conversation.closed("cut")
                    conversation.opened()
                    received, line = b"", 0
                else:
                    conversation.received(answer(line)[cut:])
        if chance.random() < 0.2:
            conversation.closed(DreichorError("", exit_code=chance.choice([-9, 14, 130, 143])))
            conversation.opened()
            received, line = b"", 0
        while answers:
            try:
                answers.take()
                assert taken in recorded
            except Rejected as rejected:
                assert rejected.input == str(taken).encode() and taken in unsound
                seen.append(taken)
            taken += 1
    assert conversation.pending == 0 and set(seen) == unsound


def test_what_ends_it_at_once_keeps_the_inputs() -> None:
    conversation, answers = Conversation(60, Clock()), Answers()
    conversation.add(tick(1), answers)
    conversation.opened()
    for code in (1, 2, 10, 11, 12, 13, 101):
        with pytest.raises(DreichorError):
            conversation.closed(DreichorError("", exit_code=code))
        assert conversation.pending == 1
    conversation.opened()
    assert take(conversation) == tick(1).to_line() + b"\n"


def test_the_deadline_counts_from_the_last_answer() -> None:
    clock = Clock()
    conversation, answers = Conversation(60, clock), Answers()
    conversation.opened()
    with conversation.waiting():
        for _ in range(3):
            conversation.add(b"1", answers)
        clock.now += 50
        conversation.received(answer(1))
        assert conversation.patience() == 60
        clock.now += 59
        conversation.closed("cut")
        clock.now += 1
        with pytest.raises(Unavailable):
            conversation.closed("cut")
    clock.now += 1000
    with conversation.waiting():
        assert conversation.patience() == 60


def test_the_pauses_grow_until_an_answer() -> None:
    conversation, answers = Conversation(60, Clock()), Answers()
    conversation.add(b"1", answers)
    pauses = [conversation.closed("cut") for _ in range(20)]
    assert pauses == sorted(pauses) and pauses[0] < 0.1 and pauses[-1] == 1
    conversation.opened()
    conversation.received(answer(1))
    assert conversation.closed("cut") == pauses[0]


def test_a_refused_connection_rejects_no_input() -> None:
    conversation, answers = Conversation(60, Clock()), Answers()
    conversation.add(b"1", answers)
    for rule, line in (("too-many-connections", 0), ("line-timeout", 1)):
        conversation.opened()
        assert not conversation.received(rejection(line, rule))
        conversation.closed(None)
        assert conversation.pending == 1 and not answers


@pytest.mark.parametrize("data", [b"hello\n", b"[]\n", answer(2), rejection(3), b'{"status":"RECORDED"}\n', answer(1) * 2])
def test_an_answer_to_nothing_is_an_error(data: bytes) -> None:
    conversation, answers = Conversation(60, Clock()), Answers()
    conversation.add(b"1", answers)
    conversation.opened()
    with pytest.raises(DreichorError):
        conversation.received(data)


def test_a_rejection_that_nobody_waits_for_is_raised_later() -> None:
    conversation = Conversation(60, Clock())
    conversation.add(b"1", Answers())
    conversation.opened()
    conversation.claim()
    conversation.received(rejection(1))
    with pytest.raises(Rejected):
        conversation.claim()
    conversation.claim()


def test_an_input_is_one_line() -> None:
    conversation, answers = Conversation(60, Clock()), Answers()
    with pytest.raises(ValueError):
        conversation.add(b"1\n2", answers)
    with pytest.raises(ValueError):
        Conversation(0)
    assert conversation.pending == 0
