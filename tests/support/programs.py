"""The program itself, as a child process with pipes: lines of JSON out, text in."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, cast

import trio

PASSERBY: Final = Path(sys.executable).with_name("passerby")
Json = Mapping[str, object]


class Program:
    """A running `passerby chat --json`. What was not expected yet stands in `pending`."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.events: list[Json] = []
        self.errors = b""
        self._seen = 0
        self._news = trio.Event()
        self.is_over = False

    async def write(self, *lines: str | bytes) -> None:
        assert self.process.stdin is not None
        for line in lines:
            await self.process.stdin.send_all((line if isinstance(line, bytes) else line.encode()) + b"\n")

    async def close_stdin(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def expect(self, event: str, condition: Callable[[Json], bool] = lambda _: True) -> Json:
        """Return the next line of that event, after those expected before; AssertionError if the program ends first."""
        while True:
            while self._seen < len(self.events):
                line = self.events[self._seen]
                self._seen += 1
                if line["event"] == event and condition(line):
                    return line
            assert not self.is_over, f"{event} never came; stderr: {self.errors.decode()}; lines: {self.events}"
            await self._news.wait()

    async def seen(self, event: str, condition: Callable[[Json], bool]) -> None:
        """Return once such a line came, before or after those expected: what two sides do has no common order."""
        while not any(condition(line) for line in self.all(event)):
            assert not self.is_over, f"{event} never came; stderr: {self.errors.decode()}; lines: {self.events}"
            await self._news.wait()

    async def state(self, *names: str) -> Json:
        return await self.expect("state", lambda line: line["state"] in names)

    async def hear(self, count: int) -> list[str]:
        """Return the texts of the next messages of the stranger."""
        heard = [await self.expect("message", lambda line: line["from"] == "stranger") for _ in range(count)]
        return [cast("str", line["text"]) for line in heard]

    def all(self, event: str) -> list[Json]:
        return [line for line in self.events if line["event"] == event]

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def exit_code(self) -> int:
        code = await self.process.wait()
        while not self.is_over:
            await self._news.wait()
        return code

    async def read_output(self) -> None:
        assert self.process.stdout is not None
        rest = b""
        async for chunk in self.process.stdout:
            *lines, rest = (rest + chunk).split(b"\n")
            self.events += [cast("Json", json.loads(line)) for line in lines]
            self._tell()
        assert not rest, "an unfinished line"
        self.is_over = True
        self._tell()

    async def read_errors(self) -> None:
        assert self.process.stderr is not None
        async for chunk in self.process.stderr:
            self.errors += chunk

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()


@asynccontextmanager
async def chat(
    *arguments: str, within: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> AsyncGenerator[Program]:
    """Run `passerby chat --json --no-input` with the test's own home; killed at the end if it still runs.

    `within`: a command that runs it elsewhere; `env`: its environment, if it is not the test's.
    """
    command: Sequence[str] = [*within, str(PASSERBY), "chat", "--json", "--no-input", *arguments]
    pipe = subprocess.PIPE
    process = await trio.lowlevel.open_process(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
    program = Program(process)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(program.read_output)
        nursery.start_soon(program.read_errors)
        try:
            yield program
        finally:
            with trio.CancelScope(shield=True):
                if process.poll() is None:
                    process.kill()
                await process.wait()
                for stream in (process.stdin, process.stdout, process.stderr):
                    assert stream is not None
                    await stream.aclose()
            nursery.cancel_scope.cancel()


async def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `passerby` to its end."""
    return await trio.run_process(
        [str(PASSERBY), *arguments], stdin=stdin, capture_stdout=True, capture_stderr=True, check=False
    )


async def matched(*programs: Program) -> None:
    """Return when each is in a chat."""
    for program in programs:
        await program.expect("matched")
