"""A terminal for tests: a program under a pty, and what a person sees of it."""

import os
import signal
import termios
import time
from collections.abc import Callable, Sequence
from typing import cast

import pexpect  # type: ignore[import-untyped]  # it has no type hints
import pyte

PATIENCE = 20.0
STEP = 0.05


class Screen:
    """`columns` x `lines` cells; `raw` keeps every byte the program wrote."""

    def __init__(
        self, command: Sequence[str], *, columns: int = 80, lines: int = 24, environment: dict[str, str] | None = None
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        environment = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
        environment = {name: value for name, value in environment.items() if value}
        self._child = pexpect.spawn(
            command[0], list(command[1:]), dimensions=(lines, columns), env=environment, timeout=PATIENCE
        )
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
        return cast("list[object]", termios.tcgetattr(self._child.child_fd))

    def type(self, keys: str) -> None:
        self._child.send(keys)

    def kill(self, number: signal.Signals) -> None:
        self._child.kill(number)

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    def until(self, condition: str | Callable[["Screen"], bool]) -> None:
        """Return as soon as the text is seen, or the condition holds."""
        holds = (lambda screen: condition in screen.text) if isinstance(condition, str) else condition
        deadline = time.monotonic() + PATIENCE
        while not holds(self):
            assert time.monotonic() < deadline, f"never seen: {condition}\n{self.text}"
            self._read()

    def _read(self) -> bool:
        try:
            chunk = cast("bytes", self._child.read_nonblocking(65536, STEP))
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
        return cast("int", self._child.exitstatus if self._child.signalstatus is None else -self._child.signalstatus)

    def close(self) -> None:
        self._child.close(force=True)
