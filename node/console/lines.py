"""Bytes of stdin into lines (product.md 5). Pure.

A line ends with LF only; one CR before it is dropped; every other character, CR, U+0085 and U+2028 included, is text.
"""

from typing import Final

LINE_BYTES: Final = 64 * 1024  # sixteen times the longest message: what is longer is dropped while it is read

TOO_LONG: Final = None  # stands for such a line


class LineBuffer:
    """Chunks in, whole lines out; holds at most LINE_BYTES."""

    def __init__(self) -> None:
        self._partial = b""
        self._is_too_long = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """The lines that `chunk` completes, without their ends; TOO_LONG for one over LINE_BYTES."""
        *ends, rest = chunk.split(b"\n")
        lines = [self._complete(end) for end in ends]
        self._append(rest)
        return lines

    def end(self) -> list[bytes | None]:
        """The last line, if it had no end."""
        return [self._complete(b"", ended=False)] if self._partial or self._is_too_long else []

    def _append(self, part: bytes) -> None:
        if len(self._partial) + len(part) > LINE_BYTES:
            self._partial, self._is_too_long = b"", True
        elif not self._is_too_long:
            self._partial += part

    def _complete(self, part: bytes, *, ended: bool = True) -> bytes | None:
        self._append(part)
        line = TOO_LONG if self._is_too_long else self._partial
        self._partial, self._is_too_long = b"", False
        return line.removesuffix(b"\r") if line is not None and ended else line
