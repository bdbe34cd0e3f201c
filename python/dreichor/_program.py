"""The program `dreichor` as a child process: its place, its command line, and why it has ended."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ._errors import BY_EXIT_CODE, DreichorError, Rejected

LOGGER = logging.getLogger("dreichor")

_LEVELS = {"ERROR": logging.ERROR, "WARN": logging.WARNING, "INFO": logging.INFO, "DEBUG": logging.DEBUG}


def find() -> str:
    """The program that the wheel has installed; without it, the one on the path."""
    for scheme in (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")):
        installed = os.path.join(sysconfig.get_path("scripts", scheme), "dreichor")
        if os.access(installed, os.X_OK):
            return installed
    on_path = shutil.which("dreichor")
    if on_path is None:
        raise FileNotFoundError("the program `dreichor` is neither beside this Python nor on the path")
    return on_path


class Command:
    """A command of the program, whose log lines are kept in memory until it ends."""

    def __init__(
        self,
        program: str,
        data_dir: str | os.PathLike[str],
        arguments: Sequence[str],
        options: Sequence[str] = (),
    ) -> None:
        self.arguments = [program, "--data-dir", os.fspath(data_dir), "--log-format", "json"]
        self.arguments += [*options, *arguments]
        #: Its standard error. It takes no space on a disk that may be full, and nobody has to read it meanwhile.
        self.stderr = os.memfd_create("dreichor-log")

    @contextmanager
    def starting(self) -> Iterator[None]:
        """The start of the process. Raises `DreichorError` if there is no such program."""
        try:
            yield
        except OSError as error:
            os.close(self.stderr)
            raise DreichorError(f"{self.arguments[0]} cannot be run: {error}") from error

    def error(self, exit_code: int) -> DreichorError | None:
        """Why the process has ended with this code; None for success. To be called once, when it has ended.

        Its log lines are passed to the logger `dreichor`.
        """
        with os.fdopen(self.stderr, "rb") as file:
            file.seek(0)
            lines = [self._log(line) for line in file.read().splitlines()]
        if exit_code == 0:
            return None
        last = lines[-1] if lines and lines[-1].get("exitCode") == exit_code else {}
        how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"has ended with {exit_code}"
        message = str(last.get("message", f"dreichor {how}"))
        if exit_code == 20 and "rule" in last:
            rule, member, line = str(last["rule"]), str(last["member"]), int(str(last["line"]))
            return Rejected(message, rule=rule, member=member, line=line, exit_code=exit_code)
        return BY_EXIT_CODE.get(exit_code, DreichorError)(message, exit_code=exit_code)

    @staticmethod
    def _log(line: bytes) -> dict[str, object]:
        try:
            fields = json.loads(line)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            fields = {"level": "ERROR", "message": line.decode(errors="replace")}
        level = _LEVELS.get(str(fields.get("level")), logging.ERROR)
        # The error that has ended the process becomes an exception.
        if not ("exitCode" in fields and level == logging.ERROR):
            LOGGER.log(level, "%s", fields.get("message"), extra={"fields": fields})
        return fields
