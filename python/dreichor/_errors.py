"""One exception for each thing that one can do about it."""

from __future__ import annotations

from ._types import Input


class DreichorError(Exception):
    """What the program or its server could not do; the message says what, where, and what to do next."""

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message)
        #: The exit code of the program, if it has ended (docs/OPERATING.md lists them); -N: ended by signal N.
        self.exit_code = exit_code

    @property
    def is_passing(self) -> bool:
        """True if the program was stopped, or its reader was gone: it need only be started again."""
        return self.exit_code is not None and (self.exit_code < 0 or self.exit_code in (14, 130, 143))


class Rejected(DreichorError):
    """An input breaks a rule: correct the strategy.

    Nothing of the input was recorded, and it is not sent again. The inputs after it are kept.
    """

    def __init__(self, message: str, *, rule: str, member: str, line: int, exit_code: int | None = None) -> None:
        super().__init__(message, exit_code=exit_code)
        #: The broken rule, as docs/FORMAT.md names it.
        self.rule = rule
        #: The member at fault, as `target.from`; empty if the rule concerns the whole input.
        self.member = member
        #: The number of the input on its connection, from 1.
        self.line = line
        #: The input, as it was given.
        self.input: Input | bytes = b""


class AnotherWriter(DreichorError):
    """Another process writes to the log: wait for it, stop it, or connect to its socket."""


class Malformed(DreichorError):
    """The stores, or what was read of them, break the format: keep the files, and follow docs/OPERATING.md."""


class InDoubt(DreichorError):
    """A write or sync failed: check the disk, then go on. What is not acknowledged is kept and sent again."""


class Unavailable(DreichorError):
    """The stores or the server cannot be reached: check paths, rights and the service, then go on."""


#: The exit codes that have an exception of their own. `Rejected` is made where the place is known.
BY_EXIT_CODE: dict[int, type[DreichorError]] = {
    10: Unavailable,
    11: AnotherWriter,
    12: Malformed,
    13: InDoubt,
}
