"""When "is typing" is told to the stranger. Pure; a command that is typed is nobody's business."""

from typing import Final

IDLE: Final = 5.0  # seconds without a key: thinking is not typing


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
