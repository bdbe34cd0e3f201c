"""Reads the events and decisions of a log: of the stores, or of an Observer."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, TypeVar

from ._errors import DreichorError, Malformed, Unavailable
from ._program import Command, find
from ._shape import Spelled, exactly
from ._types import EVENTS, DecisionEvaluated, Event, SafetyResult, Side

#: The length of `{"id":"…",`, which is not part of the content that the id is of.
_ID_BYTES = len('{"id":"') + 36 + len('",')

#: How long an Observer is waited for that cannot be reached or is busy, and the pause between two looks, in seconds.
_PATIENCE, _PAUSE = 60.0, 0.5


class Outcome(Spelled):
    """The outcome of a decision, in one word (docs/JSON.md)."""

    SKIPPED = "SKIPPED"
    BLOCKED = "BLOCKED"
    FILLED = "FILLED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a decision: what `dreichor decisions --json` prints."""

    decision_id: str
    logical_time: int
    strategy_instance_id: str
    decision_class: str
    target_market_id: str | None
    outcome: Outcome
    #: The reason of the skip, of safety or of the failure; FORCE_SELL_ACTIVE if safety forced the sale; else None.
    reason: str | None
    #: What was executed; else the strategy's intent; else None.
    side: Side | None
    market_id: str | None
    quantity: str | None
    safety: SafetyResult | None
    #: The byte of the log at which the first line of the decision begins.
    offset: int
    #: The line exactly as it was printed, without its LF.
    line: bytes = field(repr=False, compare=False)


_DECISION = (
    "decisionId",
    "logicalTime",
    "strategyInstanceId",
    "decisionClass",
    "targetMarketId",
    "outcome",
    "reason",
    "side",
    "marketId",
    "quantity",
    "safety",
    "offset",
)


def content_id(content: bytes) -> str:
    """The id of these bytes: 16 bytes of the SHA-256 of a zero byte and them, as a UUID of version 8."""
    half = bytearray(hashlib.sha256(b"\0" + content).digest()[:16])
    half[6] = half[6] & 0x0F | 0x80
    half[8] = half[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(half)))


def decision_id(strategy_instance_id: str, logical_time: int) -> str:
    """The id of the decision of this instance at this time."""
    identity = {
        "identity": "DECISION",
        "version": 1,
        "strategyInstanceId": strategy_instance_id,
        "logicalTime": logical_time,
    }
    return content_id(json.dumps(identity, separators=(",", ":")).encode())


def read_event(line: bytes, offset: int) -> Event:
    """The event of a line, without its LF, that begins at this byte of the log.

    Raises `Malformed` if its id is not that of its bytes, or if it is no event of this version.
    """
    members = _members(line, offset)
    with _place(line, offset):
        event = EVENTS[members["type"]](members, line, offset)
        _check(event.id, content_id(b"{" + line[_ID_BYTES:]))
        if isinstance(event, DecisionEvaluated):
            _check(event.decision_id, decision_id(event.strategy_instance_id, event.logical_time))
        return event


def read_decision(line: bytes) -> Decision:
    """The decision of a line of `dreichor decisions --json`.

    Raises `Malformed` if its id is not that of its instance and time.
    """
    offset = _members(line, 0).get("offset", 0)
    with _place(line, offset):
        members = exactly(json.loads(line), _DECISION)
        side, safety = members["side"], members["safety"]
        decision = Decision(
            decision_id=members["decisionId"],
            logical_time=members["logicalTime"],
            strategy_instance_id=members["strategyInstanceId"],
            decision_class=members["decisionClass"],
            target_market_id=members["targetMarketId"],
            outcome=Outcome(members["outcome"]),
            reason=members["reason"],
            side=None if side is None else Side(side),
            market_id=members["marketId"],
            quantity=members["quantity"],
            safety=None if safety is None else SafetyResult(safety),
            offset=offset,
            line=line,
        )
        _check(decision.decision_id, decision_id(decision.strategy_instance_id, decision.logical_time))
        return decision


def events(
    path_or_url: str | os.PathLike[str],
    *,
    after: int = 0,
    follow: bool = False,
    token: str | None = None,
    program: str | None = None,
) -> Generator[Event, None, None]:
    """The events of a log, in order, each with its bytes and its id checked.

    `path_or_url` is the directory of the stores (then the program replays and checks the whole log), or the URL of an
    Observer, with its token. `after` is a cursor: the byte at which a line begins, as `next` of an event. With `follow`
    it goes on with what is recorded later, until it is closed.
    """
    if _is_url(path_or_url):
        return _read_pages(str(path_or_url), "persistence/audit-events", after, follow, token, _events_of)
    arguments = ["events", "--json", "--after", str(after), *(["--follow"] if follow else [])]
    command = Command(program or find(), path_or_url, arguments)
    return _events_of(_lines_of(command), after)


def decisions(
    path_or_url: str | os.PathLike[str],
    *,
    after: int = 0,
    follow: bool = False,
    token: str | None = None,
    program: str | None = None,
) -> Generator[Decision, None, None]:
    """The decisions of a log, in order, each with its outcome and its id checked.

    `path_or_url`, `after` and `follow` are those of `events`: a decision is after a cursor if its first line is.
    """
    if _is_url(path_or_url):
        return _read_pages(str(path_or_url), "derived/decisions", after, follow, token, _decisions_of)
    arguments = ["decisions", "--json", *(["--follow"] if follow else [])]
    command = Command(program or find(), path_or_url, arguments)
    return _decisions_of(_lines_of(command), after)


def _events_of(lines: Iterator[bytes], after: int) -> Generator[Event, None, None]:
    for line in lines:
        event = read_event(line, after)
        after = event.next
        yield event


def _decisions_of(lines: Iterator[bytes], after: int) -> Generator[Decision, None, None]:
    for line in lines:
        decision = read_decision(line)
        if decision.offset >= after:
            yield decision


def _is_url(path_or_url: str | os.PathLike[str]) -> bool:
    return isinstance(path_or_url, str) and path_or_url.startswith(("http://", "https://"))


def _lines_of(command: Command) -> Iterator[bytes]:
    """The lines that a command prints. Raises what its exit code means when it has ended by itself."""
    with command.starting():
        process = subprocess.Popen(command.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=command.stderr)
    is_read = False
    try:
        assert process.stdout
        yield from (line.removesuffix(b"\n") for line in process.stdout)
        is_read = True
    finally:
        if not is_read:
            process.terminate()
        with process:
            pass
        error = command.error(process.returncode)
    if error:
        raise error


_T = TypeVar("_T", Event, Decision)


def _read_pages(
    url: str,
    path: str,
    after: int,
    follow: bool,
    token: str | None,
    read: Callable[[Iterator[bytes], int], Iterator[_T]],
) -> Generator[_T, None, None]:
    """What the pages of an Observer hold, until a page is empty."""
    while True:
        lines, cursor = _page(f"{url.rstrip('/')}/v1/observe/{path}?limit=1000&after={after}", token)
        yield from read(iter(lines), after)
        after = cursor
        if not lines:
            if not follow:
                return
            time.sleep(_PAUSE)


def _page(url: str, token: str | None) -> tuple[list[bytes], int]:
    """The lines of a page, and the cursor of the next."""
    request = urllib.request.Request(url, headers={"Accept": "application/x-ndjson"})
    if token is not None:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
                body, link = answer.read(), answer.headers.get("Link", "")
            break
        except urllib.error.HTTPError as error:
            problem = _problem(error)
            if error.code != 503 or time.monotonic() > give_up:
                raise problem from error
        except (OSError, HTTPException) as error:
            if time.monotonic() > give_up:
                raise Unavailable(f"{url}: {error}") from error
        time.sleep(_PAUSE)
    found = re.search(r'<([^>]*)>; *rel="?next"?', link)
    cursor = urllib.parse.parse_qs(urllib.parse.urlsplit(found[1]).query).get("after") if found else None
    if not cursor:
        raise DreichorError(f"{url}: the answer has no cursor of the next page; is it an Observer?")
    return body.splitlines(), int(cursor[0])


def _problem(error: urllib.error.HTTPError) -> DreichorError:
    """What an Observer could not do, from its problem document."""
    with error:
        try:
            document = dict(json.loads(error.read()))
        except (ValueError, OSError):
            document = {}
    message = f"{error.url}: {document.get('detail') or error}"
    is_malformed = document.get("type") == "urn:dreichor:problem:store-malformed"
    if is_malformed:
        return Malformed(message)
    return Unavailable(message) if error.code >= 500 else DreichorError(message)


def _members(line: bytes, offset: int) -> dict[str, Any]:
    with _place(line, offset):
        return dict(json.loads(line))


def _check(found: str, computed: str) -> None:
    if found != computed:
        raise ValueError(f"the id {found} does not fit the bytes, whose id is {computed}")


class _place:
    """Names the line in which something is wrong."""

    def __init__(self, line: bytes, offset: int) -> None:
        self._line, self._offset = line, offset

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, (ValueError, KeyError, TypeError, AttributeError)):
            raise Malformed(f"the line at byte {self._offset}: {error}: {self._line[:100]!r}") from error
