"""Sends inputs, and waits for their acknowledgements, in an event loop."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from ._conversation import Acknowledgement, Answers, Conversation
from ._errors import DreichorError, Unavailable
from ._ingest import MAY_PASS
from ._program import Command, find
from ._types import Input

_READ_BYTES = 1 << 16


class _Connection:
    """One connection. A task reads it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        process: asyncio.subprocess.Process | None = None,
        command: Command | None = None,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._process, self._command = process, command
        #: Something was received, or the connection has ended.
        self.news = asyncio.Event()
        self.has_ended = False
        self.error: DreichorError | None = None
        self._reading: asyncio.Task[None] | None = None

    def start(self, receive: Callable[[bytes], bool]) -> None:
        self._reading = asyncio.create_task(self._read(receive))

    async def _read(self, receive: Callable[[bytes], bool]) -> None:
        try:
            while (data := await self._reader.read(_READ_BYTES)) and receive(data):
                self.news.set()
        except ConnectionError:
            pass
        except DreichorError as error:
            self.error = error
        finally:
            self.has_ended = True
            self.news.set()

    def send(self, unsent: bytearray) -> None:
        """Sends all of it. The conversation limits how much that can be."""
        if unsent and not self._writer.is_closing():
            self._writer.write(bytes(unsent))
            unsent.clear()

    async def end(self, patience: float) -> DreichorError | None:
        """Sends no more, waits until everything is read, and says why it has ended; None if that is not known."""
        self._writer.close()
        # The pipe or socket may have been closed at its other end, which is no news.
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        if self._process is None or self._command is None:
            await self._stop_reading()
            return self.error
        try:
            # What is left unread would keep it from ending.
            await asyncio.wait_for(self._process.wait(), patience)
        except asyncio.TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._stop_reading()
        assert self._process.returncode is not None
        why = self._command.error(self._process.returncode)
        return self.error or why

    async def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading


async def _spawn(command: Command) -> _Connection:
    with command.starting():
        process = await asyncio.create_subprocess_exec(
            *command.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=command.stderr
        )
    assert process.stdin and process.stdout
    return _Connection(process.stdout, process.stdin, process, command)


async def _connect(path: str) -> _Connection:
    return _Connection(*await asyncio.open_unix_connection(path))


class AsyncIngest:
    """Records inputs in a log: `Ingest` in an event loop, with the same names.

    Several tasks may send at the same time: what is ready together is recorded together, in the order of the calls.
    """

    def __init__(self, open: Callable[[], Awaitable[_Connection]], deadline: float) -> None:
        self._open = open
        self._deadline = deadline
        self._conversation = Conversation(deadline)
        self._connection: _Connection | None = None
        #: One task at a time connects and waits for news; the others wait for it.
        self._turn = asyncio.Lock()

    @classmethod
    def spawn(
        cls,
        data_dir: str | os.PathLike[str],
        *,
        options: Sequence[str] = (),
        program: str | None = None,
        deadline: float = 60.0,
    ) -> AsyncIngest:
        """Runs `dreichor ingest` on these stores as a child process, with these options, when the first input is sent.

        Its log lines go to the logger `dreichor` when it ends.
        """
        found = program or find()
        return cls(lambda: _spawn(Command(found, data_dir, ["ingest"], options)), deadline)

    @classmethod
    def connect(cls, path: str | os.PathLike[str], *, deadline: float = 60.0) -> AsyncIngest:
        """Connects to the socket of `dreichor ingest --listen unix:PATH` when the first input is sent."""
        return cls(lambda: _connect(os.fspath(path)), deadline)

    @property
    def unacknowledged(self) -> int:
        """The number of inputs that are kept since they are not acknowledged."""
        return self._conversation.pending

    async def send(self, input: Input | bytes) -> Acknowledgement:
        """Sends an input, and returns its acknowledgement: it is durable.

        Bytes are sent as they are: one line of JSON. If the task is cancelled, the input is kept all the same.
        """
        answers = Answers()
        self._conversation.add(input, answers)
        await self._wait(answers)
        return answers.take()

    def send_many(self, inputs: Iterable[Input | bytes] | AsyncIterable[Input | bytes]) -> AsyncIterator[Acknowledgement]:
        """Sends inputs without waiting for each, and yields their acknowledgements in order.

        An exception does not end the iterator: after `Rejected`, it goes on with the next input; after any other, it
        sends again what is kept, and goes on.
        """
        return _Many(self, inputs if isinstance(inputs, AsyncIterable) else _each(inputs))

    async def flush(self) -> None:
        """Waits until everything that is kept is acknowledged. It is needed after an exception only."""
        with self._conversation.waiting():
            while self._conversation.pending:
                async with self._turn:
                    await self._exchange()
                self._conversation.claim()
        self._conversation.claim()

    async def close(self) -> None:
        """Waits until everything is acknowledged, then ends the connection or the child."""
        try:
            await self.flush()
        finally:
            why = await self._end()
        if why and not why.is_passing:
            raise why

    async def __aenter__(self) -> AsyncIngest:
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        # What an exception left unacknowledged is the caller's to send again.
        if kind is None:
            await self.close()
        else:
            await self._end()

    async def _wait(self, answers: Answers) -> None:
        """Exchanges until there is an answer."""
        self._push()
        with self._conversation.waiting():
            while not answers:
                async with self._turn:
                    if not answers:
                        await self._exchange()
                self._conversation.claim()

    def _push(self) -> None:
        """Sends what is to be sent, if there is a connection."""
        if self._connection is not None:
            self._connection.send(self._conversation.unsent)

    async def _exchange(self) -> None:
        """Sends what is to be sent, and waits for news. Connects if there is no connection."""
        connection = self._connection or await self._connected()
        if connection is None:
            return
        self._push()
        if not connection.has_ended:
            patience = self._conversation.patience()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(connection.news.wait(), patience)
            connection.news.clear()
        if connection.has_ended:
            why = await self._end()
            await asyncio.sleep(self._conversation.closed(why))

    async def _connected(self) -> _Connection | None:
        """A new connection; None after an attempt that may be repeated."""
        try:
            connection = await self._open()
        except MAY_PASS as error:
            await asyncio.sleep(self._conversation.closed(str(error)))
            return None
        except OSError as error:
            raise Unavailable(str(error)) from error
        self._conversation.opened()
        connection.start(self._conversation.received)
        self._connection = connection
        return connection

    async def _end(self) -> DreichorError | None:
        connection, self._connection = self._connection, None
        return await connection.end(self._deadline) if connection else None


async def _each(inputs: Iterable[Input | bytes]) -> AsyncIterator[Input | bytes]:
    for input in inputs:
        yield input


class _Many(AsyncIterator[Acknowledgement]):
    """The acknowledgements of many inputs."""

    def __init__(self, ingest: AsyncIngest, inputs: AsyncIterable[Input | bytes]) -> None:
        self._ingest, self._inputs = ingest, aiter(inputs)
        self._answers = Answers()
        #: The number of inputs whose answers were not taken.
        self._owed = 0
        self._is_exhausted = False

    async def __anext__(self) -> Acknowledgement:
        await self._send_more()
        if not self._owed:
            raise StopAsyncIteration
        await self._ingest._wait(self._answers)
        self._owed -= 1
        return self._answers.take()

    async def _send_more(self) -> None:
        """Sends inputs until there is an answer, or enough is sent."""
        conversation = self._ingest._conversation
        while not self._answers and not self._is_exhausted and not conversation.is_full:
            try:
                input = await anext(self._inputs)
            except StopAsyncIteration:
                self._is_exhausted = True
                return
            conversation.add(input, self._answers)
            self._owed += 1
            self._ingest._push()
