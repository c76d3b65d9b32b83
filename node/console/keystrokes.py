"""What the input line's keys mean beyond its text: "is typing", and the answer to a paste. Pure.

A command that is typed is nobody's business.
"""

from typing import Final

IDLE: Final = 5.0  # seconds without a key: thinking is not typing
AFTERWARDS: Final = 3.0  # seconds in which an Enter still belongs to the answer "y" or "n" (typed out: "yes", "no")


class Keystrokes:
    """The input line's changes in; True (began), False (ceased) or None (nothing to tell) out. Times in seconds."""

    def __init__(self) -> None:
        self._is_typing = False
        self._last = 0.0

    def changed(self, text: str, now: float) -> bool | None:
        """The line reads `text` now."""
        self._last = now
        return self._become(bool(text.strip()) and not text.startswith("/"))

    def paused(self, now: float) -> bool | None:
        """Time went by without a key."""
        return self._become(False) if now - self._last >= IDLE else None

    def _become(self, is_typing: bool) -> bool | None:
        if is_typing == self._is_typing:
            return None
        self._is_typing = is_typing
        return is_typing


class Pasting:
    """Several pasted lines that wait for y or n. Texts are the input line's, times in seconds.

    One key answers. Who types the word out, or Enter behind it, must not send the rest of it to the stranger.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.insists = False
        self._before = ("", 0)
        self._leftovers: frozenset[str] = frozenset()
        self._until = 0.0

    def ask(self, lines: list[str]) -> None:
        """These lines wait from now on."""
        self.lines, self.insists = lines, False

    def insist(self) -> None:
        """A key came that is no answer."""
        self.insists = True

    def answer(self, word: str, text: str, cursor: int, now: float) -> list[str]:
        """The first letter of `word` was pressed while `text` stood in the line; returns the lines that waited."""
        self._before = text, cursor
        rests = ("", word[1:], word[1:].upper())
        self._leftovers = frozenset(text[:cursor] + rest + text[cursor:] for rest in rests)
        self._until = now + AFTERWARDS
        lines, self.lines = self.lines, []
        return lines

    def ends_answer(self, text: str, now: float) -> bool:
        """Whether an Enter now, behind `text`, only ends the answer."""
        return now < self._until and text in self._leftovers

    def restored(self) -> tuple[str, int]:
        """The line and its cursor as they were before the answer; an Enter is not taken for its end again."""
        self._until = 0.0
        return self._before

    def bottom(self) -> str:
        """The bottom line while lines wait: at most 39 cells."""
        count = len(self.lines)
        return f"Press y or n. {count} lines wait." if self.insists else f"{count} lines pasted · y send · n drop"
