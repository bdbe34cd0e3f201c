"""What is sent to `dreichor ingest`, and what comes back: without any input or output.

A driver connects, sends what is in `unsent`, hands over what it receives, and says when a connection has ended. What was
sent and not acknowledged is kept, and is sent again on the next connection: what is recorded is not recorded twice.
"""

from __future__ import annotations

import json
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ._errors import DreichorError, Rejected, Unavailable
from ._shape import Line, Spelled
from ._types import Input, SafetyResult, Status

#: The most inputs, and the most bytes of them, that are sent and not acknowledged: what `ingest` records together.
INPUTS_MAX = 8_192
BYTES_MAX = 1 << 20

#: Rules about a connection, not about an input: the inputs are sent again on another one.
_OF_CONNECTIONS = ("too-many-connections", "line-timeout")

#: The pauses before another attempt, in seconds.
_PAUSE_MIN, _PAUSE_MAX = 0.02, 1.0


class Recording(Spelled):
    """When an input was recorded."""

    #: Now.
    RECORDED = "RECORDED"
    #: Before: it was sent again.
    ALREADY_RECORDED = "ALREADY_RECORDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """An input is durable: synced, with all its events."""

    #: The number of the input on its connection, from 1. It begins again after a reconnect.
    line: int
    status: Recording
    #: The id of the decision, if the input was a tick.
    decision_id: str | None
    #: The id of the feedback, if the input was feedback.
    feedback_id: str | None
    #: The number of events that were written now.
    events: int
    #: The number of events in the log after this input.
    tree_size: int
    #: The results of the tick, also if it was sent again; None where there is none.
    safety: SafetyResult | None
    execution: Status | None

    @classmethod
    def of_json(cls, members: dict[str, Any]) -> Acknowledgement:
        safety, execution = members["safety"], members["execution"]
        return cls(
            line=members["line"],
            status=Recording(members["status"]),
            decision_id=members["decisionId"],
            feedback_id=members["feedbackId"],
            events=members["events"],
            tree_size=members["treeSize"],
            safety=None if safety is None else SafetyResult(safety),
            execution=None if execution is None else Status(execution),
        )


Answer = Acknowledgement | Rejected


class Answers:
    """The answers to the inputs of one call, in their order. Its owner takes them."""

    __slots__ = ("__weakref__", "_answers")

    def __init__(self) -> None:
        self._answers: deque[Answer] = deque()

    def __bool__(self) -> bool:
        return bool(self._answers)

    def put(self, answer: Answer) -> None:
        self._answers.append(answer)

    def take(self) -> Acknowledgement:
        """The next acknowledgement. Raises `Rejected` if the next input was rejected."""
        answer = self._answers.popleft()
        if isinstance(answer, Rejected):
            raise answer
        return answer


@dataclass(slots=True)
class _Pending:
    """An input that is not acknowledged."""

    input: Input | bytes
    line: bytes
    #: Its owner may be gone: after an exception, nobody waits for this answer any more.
    answers: weakref.ref[Answers]


class Conversation:
    """The inputs that are not acknowledged, in order, and what to do about them."""

    def __init__(self, deadline: float, clock: Callable[[], float] = time.monotonic) -> None:
        if not deadline > 0:
            raise ValueError(f"the deadline must be a positive number of seconds, not {deadline!r}")
        self._deadline, self._clock = deadline, clock
        self._pending: deque[_Pending] = deque()
        self._pending_bytes = 0
        #: What is to be sent on this connection.
        self.unsent = bytearray()
        #: The number of lines that were answered on this connection.
        self._answered = 0
        self._partial = b""
        self._attempts = 0
        self._waiting = 0
        self._since = clock()
        self._trouble = "the connection or the child has ended"
        self._unclaimed: deque[Rejected] = deque()

    @property
    def pending(self) -> int:
        """The number of inputs that are not acknowledged."""
        return len(self._pending)

    @property
    def is_full(self) -> bool:
        """True if nothing more should be sent before an answer comes."""
        return len(self._pending) >= INPUTS_MAX or self._pending_bytes >= BYTES_MAX

    def add(self, input: Input | bytes, answers: Answers) -> None:
        """Keeps an input until it is answered. Raises ValueError for bytes that are not one line."""
        line = input.to_line() if isinstance(input, Line) else input.removesuffix(b"\n")
        if b"\n" in line:
            raise ValueError("an input is one line")
        if not self._pending:
            self._since = self._clock()
        self._pending.append(_Pending(input, line + b"\n", weakref.ref(answers)))
        self._pending_bytes += len(line) + 1
        self.unsent += line + b"\n"

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in which a caller waits: the deadline counts nothing else."""
        if not self._waiting:
            self._since = self._clock()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def patience(self) -> float:
        """The seconds to wait for the next answer. Raises `Unavailable` after the deadline."""
        left = self._since + self._deadline - self._clock()
        if left <= 0 and self._pending:
            kept = f"{len(self._pending)} inputs are kept, and are sent again by the next call"
            raise Unavailable(f"no acknowledgement for {self._deadline:g} s: {self._trouble}; {kept}")
        return max(left, 0.0)

    def claim(self) -> None:
        """Raises the rejection of an input whose sender waits for no answer any more, if there is one."""
        if self._unclaimed:
            raise self._unclaimed.popleft()

    def opened(self) -> None:
        """A new connection: everything that is not acknowledged is sent on it."""
        self.unsent = bytearray(b"".join(pending.line for pending in self._pending))
        self._answered, self._partial = 0, b""

    def received(self, data: bytes) -> bool:
        """Takes what has come back. Returns false if nothing will follow: the connection is to be closed.

        Raises `DreichorError` if it is no answer to what was sent.
        """
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            try:
                if not self._answer(json.loads(line)):
                    return False
            except (ValueError, KeyError, TypeError) as error:
                raise DreichorError(f"input {self._answered + 1} was answered by {line[:200]!r}") from error
        return True

    def closed(self, why: DreichorError | str | None) -> float:
        """The connection has ended; None: it was refused, or ended for no reason that is known. Returns the pause
        before the next, in seconds.

        Raises what only the caller can do something about.
        """
        self.unsent.clear()
        if isinstance(why, Rejected):
            self._reject(why)
            return 0.0
        if isinstance(why, DreichorError) and not why.is_passing:
            raise why
        self._trouble = str(why) if why else self._trouble
        self.patience()
        pause = min(_PAUSE_MIN * float(1 << min(self._attempts, 16)), _PAUSE_MAX)
        self._attempts += 1
        return pause

    def _answer(self, members: dict[str, Any]) -> bool:
        """Takes one line. Returns false if it is the last: a rejection, on a socket."""
        if members["status"] != "REJECTED":
            acknowledgement = Acknowledgement.of_json(members)
            answers = self._pop(acknowledgement.line).answers()
            if answers is not None:
                answers.put(acknowledgement)
            return True
        rule, member, message = str(members["rule"]), str(members["member"] or ""), str(members["message"])
        self._trouble = message
        if rule not in _OF_CONNECTIONS:
            self._reject(Rejected(message, rule=rule, member=member, line=int(members["line"])))
        return False

    def _reject(self, rejected: Rejected) -> None:
        pending = self._pop(rejected.line)
        rejected.input = pending.input
        answers = pending.answers()
        if answers is None:
            self._unclaimed.append(rejected)
        else:
            answers.put(rejected)

    def _pop(self, line: int) -> _Pending:
        """The input that the next answer is of."""
        if line != self._answered + 1 or not self._pending:
            raise ValueError(f"line {line} was answered, after {self._answered}")
        pending = self._pending.popleft()
        self._pending_bytes -= len(pending.line)
        self._answered += 1
        self._attempts, self._since = 0, self._clock()
        return pending
