"""What the generated types are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast


class Spelled(str, Enum):
    """A closed enumeration: a member is the text that the format writes."""

    def __str__(self) -> str:
        return str(self.value)


class Line:
    """An input, as the line that is sent."""

    __slots__ = ()

    def to_json(self) -> dict[str, object]:
        """The members of the line, in the order of the format."""
        raise NotImplementedError

    def to_line(self) -> bytes:
        """The line, without its LF."""
        return json.dumps(self.to_json(), separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What every event has.

    Two equal events may be at different places of two logs, so `offset` is no part of the comparison.
    """

    #: The content id of the line without its id.
    id: str
    #: When it happened, in the upstream's unit.
    logical_time: int
    #: The line exactly as it is in the log, without its LF.
    line: bytes = field(repr=False, compare=False)
    #: The byte of the log at which the line begins.
    offset: int = field(repr=False, compare=False)

    @property
    def next(self) -> int:
        """The cursor of what follows this event: the byte after its line."""
        return self.offset + len(self.line) + 1


def exactly(members: object, names: tuple[str, ...]) -> dict[str, Any]:
    """The members of an object that has these names in this order, and no others.

    Raises ValueError for anything else.
    """
    if isinstance(members, dict) and tuple(members) == names:
        return cast("dict[str, Any]", members)
    found = ", ".join(map(str, members)) if isinstance(members, dict) else repr(members)
    raise ValueError(f"expected an object with the members {', '.join(names)}, found {found}")
