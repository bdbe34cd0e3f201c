"""Sends inputs, and waits for their acknowledgements."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from ._conversation import Acknowledgement, Answers, Conversation
from ._errors import DreichorError, Unavailable
from ._program import Command, find
from ._types import Input

_READ_BYTES = 1 << 16

#: Errors of `connect` that may pass: there is no socket yet, nobody accepts, or the queue is full.
MAY_PASS = (FileNotFoundError, ConnectionError, BlockingIOError)


class _Connection(Protocol):
    """One connection, which never blocks but in `end`."""

    #: The descriptors that are read from and written to.
    source: int
    sink: int

    def end(self, patience: float) -> DreichorError | None:
        """Sends no more, waits until everything is read, and says why it has ended; None if that is not known."""


class _Child:
    """`dreichor ingest` as a child process, and its pipes."""

    def __init__(self, command: Command) -> None:
        self._command = command
        with command.starting():
            self._process = subprocess.Popen(
                command.arguments, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=command.stderr
            )
        assert self._process.stdin and self._process.stdout
        self.sink, self.source = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self.sink, False)
        os.set_blocking(self.source, False)

    def end(self, patience: float) -> DreichorError | None:
        """The end of its input: it finishes what it has read. If it does not end in time, it is killed."""
        with self._process as process:
            try:
                process.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        return self._command.error(process.returncode)


class _Socket:
    """A connection to `dreichor ingest --listen`."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self.source = self.sink = self._socket.fileno()

    def end(self, patience: float) -> None:
        self._socket.close()


class Ingest:
    """Records inputs in a log, one after another.

    What is sent and not acknowledged is kept. If the connection or the child ends meanwhile, all of it is sent again, until
    nothing was acknowledged for `deadline` seconds; then the call raises `Unavailable`. After any exception, what is kept
    is sent again by the next call. It may be used by one thread at a time.
    """

    def __init__(self, open: _Open, deadline: float) -> None:
        self._open = open
        self._deadline = deadline
        self._conversation = Conversation(deadline)
        self._connection: _Connection | None = None
        self._can_send = True

    @classmethod
    def spawn(
        cls,
        data_dir: str | os.PathLike[str],
        *,
        options: Sequence[str] = (),
        program: str | None = None,
        deadline: float = 60.0,
    ) -> Ingest:
        """Runs `dreichor ingest` on these stores as a child process, with these options, when the first input is sent.

        Its log lines go to the logger `dreichor` when it ends.
        """
        found = program or find()
        return cls(lambda: _Child(Command(found, data_dir, ["ingest"], options)), deadline)

    @classmethod
    def connect(cls, path: str | os.PathLike[str], *, deadline: float = 60.0) -> Ingest:
        """Connects to the socket of `dreichor ingest --listen unix:PATH` when the first input is sent."""
        return cls(lambda: _Socket(os.fspath(path)), deadline)

    @property
    def unacknowledged(self) -> int:
        """The number of inputs that are kept since they are not acknowledged."""
        return self._conversation.pending

    def send(self, input: Input | bytes) -> Acknowledgement:
        """Sends an input, and returns its acknowledgement: it is durable.

        Bytes are sent as they are: one line of JSON.
        """
        answers = Answers()
        self._conversation.add(input, answers)
        self._wait(answers)
        return answers.take()

    def send_many(self, inputs: Iterable[Input | bytes]) -> Iterator[Acknowledgement]:
        """Sends inputs without waiting for each, and yields their acknowledgements in order.

        An exception does not end the iterator: after `Rejected`, it goes on with the next input; after any other, it
        sends again what is kept, and goes on.
        """
        return _Many(self, iter(inputs))

    def flush(self) -> None:
        """Waits until everything that is kept is acknowledged. It is needed after an exception only."""
        with self._conversation.waiting():
            while self._conversation.pending:
                self._exchange()
                self._conversation.claim()
        self._conversation.claim()

    def close(self) -> None:
        """Waits until everything is acknowledged, then ends the connection or the child."""
        try:
            self.flush()
        finally:
            why = self._end()
        if why and not why.is_passing:
            raise why

    def __enter__(self) -> Ingest:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        # What an exception left unacknowledged is the caller's to send again.
        if kind is None:
            self.close()
        else:
            self._end()

    def _wait(self, answers: Answers) -> None:
        """Exchanges until there is an answer."""
        with self._conversation.waiting():
            while not answers:
                self._exchange()
                self._conversation.claim()

    def _exchange(self, can_wait: bool = True) -> None:
        """Sends and receives what is possible; waits for that if it may. Connects if there is no connection."""
        connection = self._connected()
        if connection is None:
            return
        unsent = self._conversation.unsent
        wants = {connection.source: select.POLLIN}
        if unsent and self._can_send:
            wants[connection.sink] = wants.get(connection.sink, 0) | select.POLLOUT
        poll = select.poll()
        for descriptor, events in wants.items():
            poll.register(descriptor, events)
        ready = dict(poll.poll(self._conversation.patience() * 1000 if can_wait else 0))
        if unsent and self._can_send and ready.get(connection.sink, 0) & (select.POLLOUT | select.POLLERR):
            self._send(connection, unsent)
        if ready.get(connection.source, 0) & (select.POLLIN | select.POLLHUP | select.POLLERR):
            self._receive(connection)

    def _send(self, connection: _Connection, unsent: bytearray) -> None:
        try:
            del unsent[: os.write(connection.sink, unsent)]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionError):
            # There may be answers to read yet; their end is the end of the connection.
            self._can_send = False

    def _receive(self, connection: _Connection) -> None:
        try:
            data = os.read(connection.source, _READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            try:
                if self._conversation.received(data):
                    return
            except DreichorError:
                self._end()
                raise
        self._pause(self._conversation.closed(self._end()))

    def _connected(self) -> _Connection | None:
        """The connection; None after an attempt that may be repeated."""
        if self._connection is None:
            try:
                self._connection = self._open()
            except MAY_PASS as error:
                self._pause(self._conversation.closed(str(error)))
                return None
            except OSError as error:
                raise Unavailable(str(error)) from error
            self._conversation.opened()
            self._can_send = True
        return self._connection

    def _end(self) -> DreichorError | None:
        connection, self._connection = self._connection, None
        return connection.end(self._deadline) if connection else None

    @staticmethod
    def _pause(seconds: float) -> None:
        time.sleep(seconds)


class _Open(Protocol):
    """Opens a connection."""

    def __call__(self) -> _Connection: ...


class _Many(Iterator[Acknowledgement]):
    """The acknowledgements of many inputs."""

    def __init__(self, ingest: Ingest, inputs: Iterator[Input | bytes]) -> None:
        self._ingest, self._inputs = ingest, inputs
        self._answers = Answers()
        #: The number of inputs whose answers were not taken.
        self._owed = 0
        self._is_exhausted = False

    def __next__(self) -> Acknowledgement:
        with self._ingest._conversation.waiting():
            self._send_more()
        if not self._owed:
            raise StopIteration
        self._ingest._wait(self._answers)
        self._owed -= 1
        return self._answers.take()

    def _send_more(self) -> None:
        """Sends inputs until there is an answer, or enough is sent."""
        conversation = self._ingest._conversation
        while not self._answers and not self._is_exhausted and not conversation.is_full:
            try:
                input = next(self._inputs)
            except StopIteration:
                self._is_exhausted = True
                return
            conversation.add(input, self._answers)
            self._owed += 1
            self._ingest._exchange(can_wait=False)
            conversation.claim()
