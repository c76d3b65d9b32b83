"""A terminal for tests: a program under a pty, and what a person sees of it."""

import os
import signal
import termios
import time
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import pexpect
import pyte

PATIENCE = 20.0
STEP = 0.05


class _Child(Protocol):
    """What we use of pexpect.spawn."""

    child_fd: int
    exitstatus: int | None
    signalstatus: int | None

    def send(self, s: str) -> int: ...
    def kill(self, sig: int) -> None: ...
    def setwinsize(self, rows: int, cols: int) -> None: ...
    def read_nonblocking(self, size: int, timeout: float) -> bytes: ...
    def wait(self) -> int: ...
    def close(self, force: bool) -> None: ...


class Screen:
    """`columns` x `lines` cells; `raw` keeps every byte the program wrote."""

    def __init__(
        self, command: Sequence[str], *, columns: int = 80, lines: int = 24, environment: dict[str, str] | None = None
    ) -> None:
        self.columns = columns
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        environment = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
        environment = {name: value for name, value in environment.items() if value}
        child: object = pexpect.spawn(  # pyright: ignore[reportUnknownVariableType]  # the same
            command[0], list(command[1:]), dimensions=(lines, columns), env=environment, timeout=PATIENCE
        )
        self._child = cast("_Child", child)
        self.settings = self.terminal()

    @property
    def rows(self) -> list[str]:
        """What is seen, without trailing blanks."""
        return [row.rstrip() for row in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(row for row in self.rows if row)

    @property
    def cursor(self) -> tuple[int, int]:
        return self._screen.cursor.y, self._screen.cursor.x

    def terminal(self) -> list[object]:
        """The terminal's settings, as `stty -a` shows them."""
        return [*termios.tcgetattr(self._child.child_fd)]

    def type(self, keys: str) -> None:
        self._child.send(keys)

    def kill(self, number: signal.Signals) -> None:
        self._child.kill(number)

    def resize(self, columns: int, lines: int) -> None:
        self.columns = columns
        self._screen.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    def until(self, condition: str | Callable[["Screen"], bool]) -> None:
        """Return as soon as the text is seen, or the condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not (condition in self.text if isinstance(condition, str) else condition(self)):
            assert time.monotonic() < deadline, f"never seen: {condition}\n{self.text}"
            self._read()

    def _read(self) -> bool:
        try:
            chunk = self._child.read_nonblocking(65536, STEP)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += chunk
        self._stream.feed(chunk)
        return True

    def exit_code(self) -> int:
        """Wait for the end; the number of a signal is negative."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, f"it does not end\n{self.text}"
        self._child.wait()
        if self._child.signalstatus is not None:
            return -self._child.signalstatus
        assert self._child.exitstatus is not None
        return self._child.exitstatus

    def close(self) -> None:
        self._child.close(force=True)
